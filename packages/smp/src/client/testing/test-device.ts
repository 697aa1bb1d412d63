import { type Clock, equal } from '@meshferry/core';
import { encodeIndefiniteMap } from '../../cbor.ts';
import { FileDownload, FileHash, FileUpload } from '../../messages/file-system.ts';
import { ImageUpload } from '../../messages/image.ts';
import { Echo, McumgrParameters } from '../../messages/os.ts';
import { decodeHeader, encodePacket, type SmpHeader } from '../../packet.ts';

export interface TestDeviceOptions {
  readonly bufSize?: number;
  readonly bufCount?: number;
  /** No answer to OS 6 but "not supported". */
  readonly noParameters?: boolean;
  /** For the first chunk of an upload, ms. */
  readonly eraseMs?: number;
  /** For any other request, ms. */
  readonly workMs?: number;
  readonly check?: 'right' | 'wrong';
}

type Answer = (packet: Uint8Array) => void;

/**
 * The upload rules of [spec: smp section 4.5] and little else, with the server's buffers: requests are worked on one after the
 * other, and what finds no buffer is lost.
 */
export class TestDevice {
  content = new Uint8Array();
  offset = 0;
  len: number | undefined;
  readonly files = new Map<string, Uint8Array>();
  requests = 0;
  erases = 0;
  overruns = 0;
  readonly #clock: Clock;
  readonly #options: TestDeviceOptions;
  #sha: Uint8Array | undefined;
  /** Of the first chunk that came last, whether it was worked on or not. */
  #opening: Uint8Array | undefined;
  #held = 0;
  #freeAt = 0;

  constructor(clock: Clock, options: TestDeviceOptions = {}) {
    this.#clock = clock;
    this.#options = options;
  }

  /** RAM is lost. */
  reboot(): void {
    this.len = undefined;
    this.offset = 0;
    this.#sha = undefined;
    this.#opening = undefined;
  }

  readonly receive = (packet: Uint8Array, answer: Answer): void => {
    const { bufCount = 4, workMs = 0, eraseMs = 0 } = this.#options;
    const header = decodeHeader(packet);
    if (header === undefined) return;
    // One buffer more is taken for the answer.
    if (this.#held >= bufCount - 1) {
      this.overruns++;
      return;
    }
    this.#held++;
    const payload = packet.subarray(8, 8 + header.length);
    const isFirst = header.group === 1 && header.command === 1 && this.#opens(payload);
    this.#freeAt = Math.max(this.#freeAt, this.#clock.now) + (isFirst ? eraseMs : workMs);
    this.#clock.after(this.#freeAt - this.#clock.now, () => {
      this.#held--;
      this.requests++;
      if (packet.length < 8 + header.length) answer(refusal(header, 9));
      else answer(this.#answerTo(header, payload));
    });
  };

  /** Whether it has the slot erased. */
  #opens(payload: Uint8Array): boolean {
    const request = ImageUpload.decodeRequest(payload);
    if (!request.ok || request.value.off !== 0) return false;
    const { sha } = request.value;
    const isOpen = sha !== undefined && this.#opening !== undefined && equal(sha, this.#opening);
    this.#opening = sha;
    return !isOpen;
  }

  #answerTo(header: SmpHeader, payload: Uint8Array): Uint8Array {
    const { bufSize = 1024, bufCount = 4, noParameters } = this.#options;
    switch (header.group * 256 + header.command) {
      case 0: {
        const request = Echo.decodeRequest(payload);
        return request.ok ? Echo.encodeResponse({ r: request.value.d ?? '' }, header) : refusal(header, 3);
      }
      case 6:
        return noParameters ? refusal(header, 8) : McumgrParameters.encodeResponse({ bufSize, bufCount }, header);
      case 0x101:
        return this.#upload(header, payload);
      case 0x800:
        return header.op === 0 ? this.#fileDownload(header, payload) : this.#fileUpload(header, payload);
      case 0x802:
        return this.#fileHash(header, payload);
      default:
        return refusal(header, 8);
    }
  }

  #upload(header: SmpHeader, payload: Uint8Array): Uint8Array {
    const request = ImageUpload.decodeRequest(payload);
    if (!request.ok) return refusal(header, 3);
    const { off, data = new Uint8Array(), len, sha } = request.value;
    if (off === undefined) return refusal(header, 20, 1);
    if (off === 0) {
      if (len === undefined) return refusal(header, 21, 1);
      if (this.len !== undefined && sha !== undefined && this.#sha !== undefined && equal(sha, this.#sha))
        return this.#at(header);
      this.erases++;
      this.len = len;
      this.content = new Uint8Array(len);
      this.#sha = sha;
      this.offset = 0;
    }
    if (this.len === undefined || off !== this.offset) return this.#at(header);
    if (off + data.length > this.len) {
      this.reboot();
      return refusal(header, 31, 1);
    }
    this.content.set(data, off);
    this.offset = off + data.length;
    if (this.offset < this.len) return this.#at(header);
    const { check } = this.#options;
    const done = { off: this.offset, ...(check !== undefined && { match: check === 'right' }) };
    this.reboot();
    return ImageUpload.encodeResponse(done, header);
  }

  #at(header: SmpHeader): Uint8Array {
    return ImageUpload.encodeResponse({ off: this.offset }, header);
  }

  #fileUpload(header: SmpHeader, payload: Uint8Array): Uint8Array {
    const request = FileUpload.decodeRequest(payload);
    if (!request.ok) return refusal(header, 3);
    const { off = 0, data = new Uint8Array(), name = '' } = request.value;
    const had = off === 0 ? new Uint8Array() : (this.files.get(name) ?? new Uint8Array());
    if (off !== had.length) return refusal(header, 11, 8, had.length);
    const file = new Uint8Array(had.length + data.length);
    file.set(had);
    file.set(data, had.length);
    this.files.set(name, file);
    return FileUpload.encodeResponse({ off: file.length }, header);
  }

  #fileDownload(header: SmpHeader, payload: Uint8Array): Uint8Array {
    const request = FileDownload.decodeRequest(payload);
    if (!request.ok) return refusal(header, 3);
    const { off = 0, name = '' } = request.value;
    const file = this.files.get(name);
    if (file === undefined) return refusal(header, 3, 8);
    const data = file.subarray(off, off + 100);
    return FileDownload.encodeResponse({ off, data, ...(off === 0 && { len: file.length }) }, header);
  }

  #fileHash(header: SmpHeader, payload: Uint8Array): Uint8Array {
    const request = FileHash.decodeRequest(payload);
    if (!request.ok) return refusal(header, 3);
    const output = this.fileHash?.(request.value.type ?? 'crc32', this.files.get(request.value.name ?? '')!);
    if (output === undefined) return refusal(header, 13, 8);
    const len = this.files.get(request.value.name ?? '')!.length;
    return FileHash.encodeResponse({ type: request.value.type ?? 'crc32', len, output }, header);
  }

  /** What the device knows of hashes; undefined for a type that it does not have. */
  fileHash: ((type: string, file: Uint8Array) => number | Uint8Array | undefined) | undefined;
}

/** A refusal of the SMP layer, or of a group. */
export function refusal(to: SmpHeader, code: number, group?: number, len?: number): Uint8Array {
  const members: [string, number | Map<string, number>][] =
    group === undefined || to.version === 0
      ? [['rc', code]]
      : [
          [
            'err',
            new Map([
              ['group', group],
              ['rc', code],
            ]),
          ],
        ];
  if (len !== undefined) members.push(['len', len]);
  return encodePacket(
    { ...to, op: to.op | 1, version: Math.min(to.version, 1) },
    encodeIndefiniteMap(new Map(members)),
  );
}
