import { equal } from '@meshferry/core';
import { compareVersions, digest, readVersion, startsWithImageMagic } from '@meshferry/firmware';
import { SmpGroup } from '../../groups.ts';
import { ImageUpload, type ImageUploadAnswer } from '../../messages/image.ts';
import type { ImageHost, ImageSlot } from '../image-host.ts';
import { answer, groupError, type Handler, handle, type Reply, type Work } from '../reply.ts';
import type { ImageGroupOptions } from '../server-options.ts';
import { imageIn, inUse, isErased, type SlotPlace } from '../slot-images.ts';
import { UploadArea, type UploadAreaSnapshot } from '../upload-area.ts';
import type { GroupGround } from './ground.ts';

const HEADER_OCTETS = 32;
const SHA_OCTETS = 32;
const FLAG_ROM_FIXED = 0x100;

/** Why a chunk is refused: number in the image group, and the words of verbose errors. */
const Refusal = {
  noFreeSlot: { code: 9, rsn: 'no slot' },
  open: { code: 10, rsn: 'fa open fail' },
  write: { code: 12, rsn: 'fa write fail' },
  erase: { code: 13, rsn: 'fa erase fail' },
  offMissing: { code: 20 },
  lenMissing: { code: 21 },
  header: { code: 22, rsn: 'header malformed' },
  magic: { code: 23, rsn: 'magic mismatch' },
  sha: { code: 24 },
  address: { code: 25, rsn: 'img addr mismatch' },
  ownVersion: { code: 26 },
  downgrade: { code: 27, rsn: 'downgrade' },
  tooLarge: { code: 30, rsn: 'img too large' },
  overrun: { code: 31, rsn: 'data overrun' },
} as const;
type Refused = (typeof Refusal)[keyof typeof Refusal];

/** An upload that was begun; it lives in RAM, so a reset ends it. */
interface OpenUpload {
  readonly place: SlotPlace;
  readonly area: UploadArea;
  readonly len: number;
  readonly sha: Uint8Array;
  off: number;
}

/** An open upload as plain values. */
export interface UploadSnapshot extends SlotPlace, UploadAreaSnapshot {
  /** Of the whole file, as the first chunk announced it. */
  readonly len: number;
  /** What it can be resumed by; may be empty. */
  readonly sha: Uint8Array;
}

/** The upload of the image group, by the checks and in the order of section 4.5. */
export class UploadState {
  readonly #host: ImageHost;
  readonly #ground: GroupGround;
  readonly #options: ImageGroupOptions;
  #open: OpenUpload | undefined;

  constructor(host: ImageHost, ground: GroupGround) {
    this.#host = host;
    this.#ground = ground;
    this.#options = ground.options.imageOptions ?? {};
  }

  /** The handler of the upload command. */
  handler(): Handler {
    return handle(ImageUpload, (request, work) => {
      const reply = this.#chunk(request, work);
      // Every error of the group closes the upload.
      if (reply.kind === 'group-error') this.close();
      return reply;
    });
  }

  /** Forgets the upload that is open. */
  close(): void {
    this.#open = undefined;
  }

  /** The upload that is open, undefined when none is. */
  snapshot(): UploadSnapshot | undefined {
    const open = this.#open;
    return open && { ...open.place, len: open.len, sha: open.sha, ...open.area.snapshot() };
  }

  /** Goes on with an upload, if the slot of it is there. */
  resume({ image, slot, len, sha, written, gathered }: UploadSnapshot): void {
    const octets = this.#host.slot(image, slot);
    if (octets === undefined) return;
    const area = new UploadArea(octets, this.#ground.faults, { written, gathered });
    this.#open = { place: { image, slot }, area, len, sha, off: written + gathered.length };
  }

  #chunk(request: Partial<ImageUpload>, work: Work): Reply<ImageUploadAnswer> {
    const { off, data = new Uint8Array() } = request;
    if (off === undefined) return refused(Refusal.offMissing);
    if (off === 0) return this.#first(request, data, work);
    const open = this.#open;
    if (open === undefined || off !== open.off) return answer({ off: open?.off ?? 0 });
    if (off + data.length > open.len) return refused(Refusal.overrun);
    return this.#write(open, data, work);
  }

  #first(
    { image = 0, len, sha = new Uint8Array(), upgrade = false }: Partial<ImageUpload>,
    data: Uint8Array,
    work: Work,
  ): Reply<ImageUploadAnswer> {
    if (data.length < HEADER_OCTETS) return refused(Refusal.header);
    if (len === undefined) return refused(Refusal.lenMissing);
    if (!startsWithImageMagic(data)) return refused(Refusal.magic);
    if (sha.length > SHA_OCTETS) return refused(Refusal.sha);
    const before = this.#open;
    if (before !== undefined && sha.length > 0 && equal(before.sha, sha)) return answer({ off: before.off });

    const place = this.#target(image);
    if (place === undefined) return refused(Refusal.noFreeSlot);
    const slot = this.#host.slot(place.image, place.slot);
    if (slot === undefined) return refused(Refusal.open);
    if (len > (this.#options.checkMaxSize === true ? slot.maxImageSize : slot.size)) return refused(Refusal.tooLarge);
    if (!this.#addressFits(data, place)) return refused(Refusal.address);
    const older = upgrade ? this.#olderThanRunning(data) : undefined;
    if (older !== undefined) return refused(older);
    return this.#begin({ place, slot, len, sha: sha.slice(), data, work });
  }

  #begin({
    place,
    slot,
    len,
    sha,
    data,
    work,
  }: {
    place: SlotPlace;
    slot: ImageSlot;
    len: number;
    sha: Uint8Array;
    data: Uint8Array;
    work: Work;
  }): Reply<ImageUploadAnswer> {
    const rejected = this.#rejected(0);
    if (rejected !== undefined) return rejected;
    if (this.#options.check === true && sha.length === SHA_OCTETS && holds(slot, len, sha)) {
      this.close();
      return answer({ off: len, match: true });
    }
    const area = new UploadArea(slot, this.#ground.faults);
    if (!isErased(slot)) {
      const { sectors, error } = area.erase(len);
      work.spend(sectors * this.#ground.timing.eraseSector);
      if (error !== 0) return refused(Refusal.erase);
    }
    this.#open = { place, area, len, sha, off: 0 };
    return this.#put(this.#open, data, work);
  }

  #write(open: OpenUpload, data: Uint8Array, work: Work): Reply<ImageUploadAnswer> {
    return this.#rejected(open.off) ?? this.#put(open, data, work);
  }

  #put(open: OpenUpload, data: Uint8Array, work: Work): Reply<ImageUploadAnswer> {
    const { faults, timing } = this.#ground;
    const complete = open.off + data.length === open.len;
    work.spend((data.length / 1024) * timing.writeKib);
    if (open.area.append(data, complete) !== 0) return refused(Refusal.write);
    open.off += data.length;
    if (faults.rebootAt !== undefined && open.off >= faults.rebootAt) {
      delete faults.rebootAt;
      this.#ground.powerCut();
    }
    if (!complete || data.length === 0) return answer({ off: open.off });
    this.close();
    if (this.#options.check !== true) return answer({ off: open.off });
    return answer({ off: open.off, match: holds(open.area.slot, open.len, open.sha) });
  }

  #rejected(off: number): Reply<ImageUploadAnswer> | undefined {
    const error = this.#options.refuseChunk?.(off);
    return error && groupError(error.group, error.code, { rsn: 'app reject' });
  }

  /** The slot that an image number means; undefined when it is none or in use. */
  #target(image: number): SlotPlace | undefined {
    const { allowErasePending = false, directUpload = false } = this.#options;
    const host = this.#host;
    let place: SlotPlace;
    if (directUpload && image > 0) {
      place = { image: (image - 1) >> 1, slot: (image - 1) & 1 };
      return place.image < host.imageCount ? place : undefined;
    }
    // A server of one image does not look at the number.
    const of = host.imageCount === 1 || directUpload ? 0 : image;
    if (of >= host.imageCount) return undefined;
    place = { image: of, slot: 1 - host.activeSlot(of) };
    return inUse(host, place, allowErasePending) ? undefined : place;
  }

  #addressFits(data: Uint8Array, { image, slot }: SlotPlace): boolean {
    const address = this.#options.loadAddress?.(image, slot);
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    if (address === undefined || (view.getUint32(16, true) & FLAG_ROM_FIXED) === 0) return true;
    return view.getUint32(4, true) === address;
  }

  #olderThanRunning(data: Uint8Array): Refused | undefined {
    const running = this.#host.slot(0, this.#host.activeSlot(0));
    const image = running && imageIn(running);
    if (image === undefined) return Refusal.ownVersion;
    const withBuild = this.#options.compareBuild === true;
    return compareVersions(image.version, readVersion(data, 20), { withBuild }) >= 0 ? Refusal.downgrade : undefined;
  }
}

/** Whether the slot holds a file with this SHA-256. */
function holds(slot: ImageSlot, length: number, sha: Uint8Array): boolean {
  if (slot.imageOffset + length > slot.size) return false;
  return equal(digest('SHA256', slot.read(slot.imageOffset, length)), sha);
}

function refused(refusal: Refused): Reply<never> {
  return groupError(SmpGroup.image, refusal.code, 'rsn' in refusal ? { rsn: refusal.rsn } : {});
}
