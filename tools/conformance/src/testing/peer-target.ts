import { fromHex } from '@meshferry/core';
import type { Air, Heard } from './air.ts';
import { PeerServer, type PeerServerOptions } from './peer-server.ts';
import { u8 } from './settings.ts';
import { updateStatus } from './update-octets.ts';

export interface PeerTargetOptions extends Omit<PeerServerOptions, 'answer' | 'other'> {
  /** Of its image 0; default `11000010`. */
  readonly firmwareId?: string;
  /** What it runs after Apply; default `11000011`. */
  readonly newFirmwareId?: string;
  /** Images behind it in its list, as they are sent. */
  readonly moreImages?: readonly string[];
  readonly effect?: number;
  /** Messages with this opcode mean nothing to it. */
  readonly ignores?: string;
  /** It answers Start with this status. */
  readonly refuses?: number;
  /** It has the image already. */
  readonly isThere?: boolean;
  /** How long it verifies, ms; default 0. Then the image is good, unless: */
  readonly verifyMs?: number;
  readonly isBad?: boolean;
  /** How long it applies, ms, during which it hears nothing; default 1000. Then it runs the new image, unless: */
  readonly applyMs?: number;
  readonly isReverted?: boolean;
  /** It is never done with applying, and answers meanwhile. */
  readonly holdsApply?: boolean;
  /** It stays in the network although its effect is 3. */
  readonly stays?: boolean;
  /** What is sent instead of the usual answer; null: nothing. Whatever the message asks for has happened by then. */
  readonly answer?: (usual: string, request: Heard, target: PeerTarget) => string | readonly string[] | null;
}

/**
 * A Firmware Update Server with its BLOB Transfer Server, written for these tests from the tables of the specification
 * alone: no code of the stack above the network layer is in it.
 */
export class PeerTarget {
  readonly address: number;
  readonly blob: PeerServer;
  firmwareId: string;
  ignores: string;
  refuses: number | undefined;
  /** How often it has applied. */
  applied = 0;
  /** It does not verify the image that it has got. */
  isStuck = false;
  /** Its power failed for good. */
  isDead = false;
  readonly #air: Air;
  readonly #options: PeerTargetOptions;
  #phase = 0;
  /** TTL, time-out base, BLOB ID, image index, metadata of the Start, in hex. */
  #start = '';

  constructor(air: Air, address: number, options: PeerTargetOptions = {}) {
    const { answer = (usual: string) => usual, ignores = 'none', ...blob } = options;
    this.ignores = ignores;
    this.refuses = options.refuses;
    this.#air = air;
    this.#options = options;
    this.address = address;
    this.firmwareId = options.firmwareId ?? '11000010';
    this.blob = new PeerServer(air, address, {
      ...blob,
      other: ({ hex }) => (hex.startsWith(this.ignores) ? undefined : this.#react(hex)),
      answer: (usual, request) => (request.hex.startsWith(this.ignores) ? null : answer(usual, request, this)),
    });
    this.blob.phase = 0;
  }

  /** The Update Phase. The image that is here is verified when it is asked for. */
  get phase(): number {
    if (this.#phase === 2 && this.blob.phase === 4 && !this.isStuck) this.#verify();
    return this.#phase;
  }

  set phase(phase: number) {
    this.#phase = phase;
  }

  get clock(): Air['clock'] {
    return this.#air.clock;
  }

  /** The BLOB ID of its update as it is sent. */
  get id(): string {
    return this.#start.slice(6, 22);
  }

  get metadata(): string {
    return this.#start.slice(24);
  }

  /** Everything that it heard with one of these opcodes. */
  heard(...opcodes: readonly string[]): readonly Heard[] {
    return this.blob.station.heard.filter(({ hex }) => opcodes.some((opcode) => hex.startsWith(opcode)));
  }

  status(code = 0): string {
    const [ttl = 0, low = 0, high = 0] = fromHex(this.#start.slice(0, 6));
    return updateStatus(code, this.phase, {
      ttl,
      base: low + 256 * high,
      id: this.id,
      index: Number.parseInt(this.#start.slice(22, 24), 16),
      effect: this.#options.effect ?? 0,
    });
  }

  /** Information Status from an index on, with at most so many entries. */
  list(first: number, limit: number): string {
    const images = [`${u8(this.firmwareId.length / 2)}${this.firmwareId}00`, ...(this.#options.moreImages ?? [])];
    return `8309${u8(images.length)}${u8(first)}${images.slice(first, first + limit).join('')}`;
  }

  #react(hex: string): string | undefined {
    const octet = (at: number): number => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16);
    switch (hex.slice(0, 4)) {
      case '8308':
        return this.phase === 6 ? undefined : this.list(octet(2), octet(3));
      case '830a':
        return `830b${u8((this.refuses ?? 0) | ((this.#options.effect ?? 0) << 3))}${hex.slice(4, 6)}`;
      case '830c':
        return this.status();
      case '830d':
        return this.#onStart(hex.slice(4));
      case '830e':
        this.#phase = 0;
        this.blob.expect();
        return this.status();
      case '830f':
        return this.#onApply();
      default:
        return undefined;
    }
  }

  #onStart(start: string): string {
    const { isThere = false } = this.#options;
    const { refuses } = this;
    const { phase } = this;
    const isSame = start === this.#start;
    if (phase === 2 || phase === 3 || phase === 4 || phase === 6) return this.status(isSame ? 0 : 2);
    if (refuses !== undefined) return this.status(refuses);
    const isResumed = phase === 1 && isSame && this.blob.phase !== 0;
    this.#start = start;
    this.#phase = 2;
    if (isThere) this.#verify();
    else if (!isResumed) this.blob.expect(this.id);
    return this.status();
  }

  #verify(): void {
    const { verifyMs = 0, isBad = false } = this.#options;
    const end = (): void => {
      if (this.#phase === 3) this.#phase = isBad ? 5 : 4;
    };
    this.#phase = 3;
    if (verifyMs === 0) end();
    else this.#air.clock.after(verifyMs, end);
  }

  #onApply(): string {
    if (this.phase === 6) return this.status();
    if (this.phase !== 4) return this.status(2);
    const { applyMs = 1000, isReverted = false, newFirmwareId = '11000011', effect = 0, stays = false } = this.#options;
    const { station } = this.blob;
    const { clock } = this.#air;
    this.#phase = 6;
    if (this.#options.holdsApply) return this.status();
    this.applied++;
    // The answer goes first, then it restarts.
    clock.after(500, () => {
      station.deaf = true;
    });
    clock.after(500 + applyMs, () => {
      if (this.isDead) return;
      if (!isReverted) this.firmwareId = newFirmwareId;
      this.#phase = 0;
      this.blob.expect();
      station.deaf = effect === 3 && !stays;
    });
    return this.status();
  }
}
