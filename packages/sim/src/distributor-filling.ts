import { encodeRecord, equal, MeshError, readRecord, type Store, toMeshError } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { FirmwareImage, SlotStore } from '@meshferry/dfu';
import { parseImage, startsWithImageMagic } from '@meshferry/firmware';
import {
  answer,
  groupError,
  type Handler,
  handle,
  ImageStateRead,
  ImageUpload,
  type ImageUploadAnswer,
  type Reply,
  SmpGroup,
  type Work,
} from '@meshferry/smp';

/** Errors of the image group. */
const Code = { noFreeSlot: 9, write: 12, offMissing: 20, lenMissing: 21, header: 22, magic: 23, overrun: 31 } as const;
const HEADER_OCTETS = 32;
const PLACE = 'place';
const DATA = 'data/';
/** Of the flash of an nRF52: to erase a sector of 4 KiB, to write 1 KiB, ms. */
const ERASE_MS = 85;
const WRITE_MS = 11;

/** The slot that is being filled, as the store has it. */
interface Place extends FirmwareImage {
  /** Of the file that is coming; until it comes, none. */
  readonly sha?: Uint8Array;
  /** Octets that are here. */
  readonly off: number;
}

/**
 * The way into a Distributor's slots over SMP: a slot is made by the shell, filled by an image upload, and gets into the
 * Firmware Images List when it is whole [spec: smp section 5.3]. What has come survives a power cut.
 */
export class SlotFilling {
  readonly #slots: SlotStore;
  readonly #store: Store;
  readonly #crypto: CryptoProvider;
  readonly #written: (octets: number) => void;
  #place: Place | undefined;

  /** `store`: a view of its own. `written` is told how much of an image is here, once that is durable. */
  constructor(slots: SlotStore, store: Store, crypto: CryptoProvider, written: (octets: number) => void) {
    this.#slots = slots;
    this.#store = store;
    this.#crypto = crypto;
    this.#written = written;
    this.#place = readRecord<Place>(store, PLACE);
  }

  /**
   * Makes a slot; one that was not filled yet makes way. Gives the index that the image will have, the error of
   * `SlotStore.reserve` where there is no room.
   */
  begin(image: FirmwareImage): number | MeshError {
    const there = this.#slots.indexOf(image.firmwareId);
    if (there >= 0) return there;
    const index = this.#slots.images.length;
    const before = this.#place;
    if (before !== undefined && before.size === image.size && equal(before.firmwareId, image.firmwareId)) return index;
    // Kept free by nobody: who comes first has it.
    const reserved = this.#slots.reserve(image);
    if (reserved instanceof MeshError) return reserved;
    reserved.release();
    this.#save({ ...image, off: 0 }, this.#deletions());
    return index;
  }

  /** Of the image group: upload and list. The slots of the Distributor are not those of its own bootloader. */
  handlers(): readonly Handler[] {
    return [
      handle(ImageUpload, (request, work) => this.#chunk(request, work)),
      handle(ImageStateRead, () => answer({ images: this.#listed() })),
    ];
  }

  /** The image that came last, in the slot that it came into. */
  #listed() {
    const { images } = this.#slots;
    const last = images.length - 1;
    const source = last < 0 || this.#place !== undefined ? undefined : this.#slots.source(last);
    const parsed = source && parseImage(source.read(0, source.size));
    if (parsed?.ok !== true) return [];
    const { version, hash } = parsed.value;
    const { major, minor, revision, build } = version;
    const entry = {
      slot: 1,
      version: `${major}.${minor}.${revision}${build === 0 ? '' : `.${build}`}`,
      hash,
      bootable: true,
      pending: false,
      confirmed: false,
      active: false,
      permanent: false,
    };
    return [entry];
  }

  #chunk(request: Partial<ImageUpload>, work: Work): Reply<ImageUploadAnswer> {
    const { off, data = new Uint8Array() } = request;
    if (off === undefined) return refused(Code.offMissing);
    if (off === 0) return this.#first(request, data, work);
    const place = this.#place;
    if (place?.sha === undefined || off !== place.off) return answer({ off: place?.off ?? 0 });
    if (off + data.length > place.size) return refused(Code.overrun);
    return this.#append(place, data, work);
  }

  #first({ len, sha }: Partial<ImageUpload>, data: Uint8Array, work: Work): Reply<ImageUploadAnswer> {
    if (data.length < HEADER_OCTETS) return refused(Code.header);
    if (len === undefined) return refused(Code.lenMissing);
    if (!startsWithImageMagic(data)) return refused(Code.magic);
    const place = this.#place;
    if (place?.sha !== undefined && sha !== undefined && place.off > 0 && equal(place.sha, sha)) {
      return answer({ off: place.off });
    }
    if (place === undefined) {
      const isStored = sha !== undefined && this.#slots.images.some((image) => equal(image.sha256, sha));
      return isStored ? answer({ off: len, match: true }) : refused(Code.noFreeSlot);
    }
    if (len !== place.size || data.length > len) return refused(Code.noFreeSlot);
    work.spend(Math.ceil(len / 4096) * ERASE_MS);
    const emptied = { ...place, sha: sha ?? new Uint8Array(), off: 0 };
    this.#save(emptied, this.#deletions());
    return this.#append(emptied, data, work);
  }

  /** In the flash before it is answered. */
  #append(place: Place, data: Uint8Array, work: Work): Reply<ImageUploadAnswer> {
    const off = place.off + data.length;
    work.spend((data.length / 1024) * WRITE_MS);
    if (data.length > 0) {
      this.#save({ ...place, off }, [[`${DATA}${place.off.toString(16).padStart(8, '0')}`, data.slice()]]);
      this.#written(off);
    }
    return off === place.size ? this.#finish(place) : answer({ off });
  }

  #finish({ firmwareId, metadata, size, sha = new Uint8Array() }: Place): Reply<ImageUploadAnswer> {
    const octets = new Uint8Array(size);
    let at = 0;
    for (const key of this.#store.keys(DATA)) {
      const part = this.#store.get(key) ?? new Uint8Array();
      octets.set(part, at);
      at += part.length;
    }
    const match = sha.length === 0 || equal(this.#crypto.sha256(octets), sha);
    try {
      if (match && this.#slots.indexOf(firmwareId) < 0) this.#slots.add(firmwareId, metadata, octets);
    } catch (thrown) {
      // Somebody else has taken the room meanwhile.
      this.#save(undefined, this.#deletions());
      return refused(Code.write, toMeshError(thrown).message);
    }
    this.#save(undefined, this.#deletions());
    return answer({ off: size, match });
  }

  #deletions(): [string, null][] {
    return this.#store.keys(DATA).map((key) => [key, null]);
  }

  #save(place: Place | undefined, writes: readonly [string, Uint8Array | null][]): void {
    this.#store.batch([...writes, [PLACE, place === undefined ? null : encodeRecord(place)]]);
    this.#place = place;
  }
}

function refused(code: number, rsn?: string): Reply<never> {
  return groupError(SmpGroup.image, code, rsn === undefined ? {} : { rsn });
}
