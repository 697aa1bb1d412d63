import { type BlobSink, type BlobSource, sourceOf } from '@meshferry/blob';
import { encodeRecord, equal, MeshError, readRecord, type Store, toHex, type Write } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import { checkedLimit } from './limit.ts';
import { SlotData } from './slot-data.ts';

/** What the specification keeps of a firmware image besides its octets [MshDFU 1.0, Firmware Images List]. */
export interface FirmwareImage {
  /** 2 to 108 octets. */
  readonly firmwareId: Uint8Array;
  /** 0 to 255 octets. */
  readonly metadata: Uint8Array;
  /** Octets of the image. */
  readonly size: number;
}

/** An image that is there as a whole. */
export interface StoredImage extends FirmwareImage {
  /** Of the image: what was committed. */
  readonly sha256: Uint8Array;
}

/** How much a {@link SlotStore} takes. */
export interface SlotLimits {
  /** Images, reserved places included; 0 to 65 535. */
  readonly images: number;
  /** Octets of one image. */
  readonly imageSize: number;
  /** Octets of all images, reserved places included. */
  readonly space: number;
}

export const DEFAULT_SLOT_LIMITS: SlotLimits = { images: 16, imageSize: 4_194_304, space: 33_554_432 };

export interface SlotStoreOptions {
  /** A view of its own. */
  readonly store: Store;
  readonly crypto: CryptoProvider;
  /** Default: {@link DEFAULT_SLOT_LIMITS}. */
  readonly limits?: Partial<SlotLimits>;
}

/** A place for an image that is still to come. It counts for the limits, but is in no list. */
export interface SlotReservation {
  readonly image: FirmwareImage;
  /** Where its blocks go; it refuses a BLOB of another size than the image was announced with. */
  readonly sink: BlobSink;
  /** Whether all octets are here. */
  readonly isWhole: boolean;
  /** Puts the image at the end of the list, durably and at once or not at all; false when it is not whole, or not reserved any more. */
  commit(): boolean;
  /** Gives the place up; harmless when it was given up or committed. */
  release(): void;
}

interface SlotRecord extends FirmwareImage {
  /** The list is in ascending order of it; only a committed image has one. */
  readonly order?: number;
  readonly sha256?: Uint8Array;
}

interface CommittedRecord extends StoredImage {
  readonly order: number;
}

interface Slot {
  readonly id: number;
  record: SlotRecord;
  readonly data: SlotData;
}

/**
 * The firmware images of a Distributor, in a store: Firmware ID, metadata, size, digest, and the octets as records of the
 * block size in which they came. Takes uploads, feeds distributions. The index of an image is its position: a deletion
 * moves the later ones down by one, as in Zephyr.
 */
export class SlotStore {
  readonly limits: SlotLimits;
  readonly #store: Store;
  readonly #crypto: CryptoProvider;
  readonly #slots = new Map<number, Slot>();

  /** Throws `bad-limit`. */
  constructor(options: SlotStoreOptions) {
    this.#store = options.store;
    this.#crypto = options.crypto;
    this.limits = { ...DEFAULT_SLOT_LIMITS, ...options.limits };
    checkedLimit('images', this.limits.images, 0xffff);
    checkedLimit('imageSize', this.limits.imageSize, Number.MAX_SAFE_INTEGER);
    checkedLimit('space', this.limits.space, Number.MAX_SAFE_INTEGER);
    for (const key of this.#store.keys(SLOT)) {
      const record = readRecord<SlotRecord>(this.#store, key);
      const id = Number.parseInt(key.slice(SLOT.length), 16);
      if (record !== undefined) this.#slots.set(id, this.#slot(id, record));
    }
  }

  /** The Firmware Images List. */
  get images(): readonly StoredImage[] {
    return this.#committed().map(({ record }) => record as CommittedRecord);
  }

  /** Places that an earlier run of the program left reserved are among them. */
  get reservations(): readonly SlotReservation[] {
    return [...this.#slots.values()].filter(isReserved).map((slot) => this.#reservation(slot));
  }

  /** Octets that are free. */
  get remaining(): number {
    return this.#remaining(undefined);
  }

  /** Whether all places are taken, that of `replaced` aside. */
  isFull(replaced?: SlotReservation): boolean {
    const isFreed = replaced !== undefined && this.#find(replaced) !== undefined;
    return this.#slots.size - (isFreed ? 1 : 0) >= this.limits.images;
  }

  /** Index of the image, −1 when it is not there. */
  indexOf(firmwareId: Uint8Array): number {
    return this.images.findIndex((image) => equal(image.firmwareId, firmwareId));
  }

  /**
   * Keeps a place for an image; `replacing` is given up for it, but only if the new one fits. Returns the error
   * `bad-image`, `image-too-large`, `images-list-full`, `no-space`, or `image-already-there`; throws `store-failed`.
   */
  reserve(image: FirmwareImage, replacing?: SlotReservation): SlotReservation | MeshError {
    const old = replacing && this.#find(replacing);
    const refusal = this.#refusal(image, replacing);
    if (refusal !== undefined) return refusal;
    const { firmwareId, metadata, size } = image;
    const record: SlotRecord = { firmwareId: firmwareId.slice(), metadata: metadata.slice(), size };
    let id = 0;
    while (this.#slots.has(id)) id++;
    this.#store.batch([...(old === undefined ? [] : deletion(old)), [keyOf(id), encodeRecord(record)]]);
    if (old !== undefined) this.#slots.delete(old.id);
    const slot = this.#slot(id, record);
    this.#slots.set(id, slot);
    return this.#reservation(slot);
  }

  /**
   * Stores an image that is at hand; `replacing` as of {@link reserve}. Returns its index; throws the errors of
   * {@link reserve}, also `store-failed`: then nothing of it is kept.
   */
  add(firmwareId: Uint8Array, metadata: Uint8Array, octets: Uint8Array, replacing?: SlotReservation): number {
    const reservation = this.reserve({ firmwareId, metadata, size: octets.length }, replacing);
    if (reservation instanceof MeshError) throw reservation;
    const { data } = this.#find(reservation) as Slot;
    if (data.fill(octets) && reservation.commit()) return this.indexOf(firmwareId);
    reservation.release();
    throw new MeshError('store-failed', `the image ${toHex(firmwareId)} could not be stored`, {
      hint: 'Check the space on the medium of the store.',
    });
  }

  /** The octets of an image as the store has them now, valid until it is deleted. Throws `no-such-image`. */
  source(index: number): BlobSource {
    return this.#at(index).data.source();
  }

  /**
   * All octets of an image, held in memory: what happens to the store afterwards does not change them. Undefined when they
   * are not those that were committed any more. Throws `no-such-image`.
   */
  intact(index: number): BlobSource | undefined {
    const { record, data } = this.#at(index);
    const octets = data.octets();
    const isIntact = octets !== undefined && equal(this.#crypto.sha256(octets), (record as CommittedRecord).sha256);
    return isIntact ? sourceOf(octets) : undefined;
  }

  /** Throws `no-such-image`. */
  delete(index: number): void {
    this.#delete([this.#at(index)]);
  }

  /** Deletes all images; reserved places stay. */
  deleteAll(): void {
    this.#delete(this.#committed());
  }

  #committed(): Slot[] {
    return [...this.#slots.values()].filter((slot) => !isReserved(slot)).sort((a, b) => orderOf(a) - orderOf(b));
  }

  #at(index: number): Slot {
    const slot = this.#committed()[index];
    if (slot !== undefined) return slot;
    throw new MeshError('no-such-image', `no firmware image with index ${index}, ${this.images.length} are stored`, {
      hint: 'Look the index up by the Firmware ID: a deletion moves the later images down.',
    });
  }

  #refusal(image: FirmwareImage, replaced: SlotReservation | undefined): MeshError | undefined {
    const { firmwareId, metadata, size } = image;
    const { images, imageSize, space } = this.limits;
    if (firmwareId.length < 2 || firmwareId.length > 108 || metadata.length > 255) {
      const lengths = `firmware id of ${firmwareId.length} octets, metadata of ${metadata.length}`;
      return new MeshError('bad-image', lengths, { hint: 'No message could tell of them: 2 to 108, and 0 to 255.' });
    }
    if (this.indexOf(firmwareId) >= 0) {
      return new MeshError('image-already-there', `the image ${toHex(firmwareId)} is stored already`, {
        hint: 'Use the stored one, or delete it first.',
      });
    }
    if (size > imageSize) {
      return new MeshError('image-too-large', `${size} octets, an image may have ${imageSize}`, {
        hint: 'Check that this is the right image; raise the limit of the Distributor if it is.',
      });
    }
    if (this.isFull(replaced)) {
      return new MeshError('images-list-full', `all ${images} places for firmware images are taken`, {
        hint: 'Delete an image that is not needed any more.',
      });
    }
    const remaining = this.#remaining(replaced && this.#find(replaced));
    if (size <= remaining) return undefined;
    return new MeshError('no-space', `${size} octets, ${remaining} of ${space} are free`, {
      hint: 'Delete an image that is not needed any more.',
    });
  }

  #remaining(without: Slot | undefined): number {
    let used = 0;
    for (const slot of this.#slots.values()) if (slot !== without) used += slot.record.size;
    return Math.max(0, this.limits.space - used);
  }

  #delete(slots: readonly Slot[]): void {
    this.#store.batch(slots.flatMap(deletion));
    for (const { id } of slots) this.#slots.delete(id);
  }

  #slot(id: number, record: SlotRecord): Slot {
    return { id, record, data: new SlotData(this.#store, id, record.size) };
  }

  #find(reservation: SlotReservation): Slot | undefined {
    return [...this.#slots.values()].find((slot) => isReserved(slot) && slot.record === reservation.image);
  }

  #reservation(slot: Slot): SlotReservation {
    const holds = (): boolean => this.#slots.get(slot.id) === slot && isReserved(slot);
    return {
      image: slot.record,
      sink: slot.data.sink(holds),
      get isWhole(): boolean {
        return holds() && slot.data.octets() !== undefined;
      },
      commit: () => holds() && this.#commit(slot),
      release: () => {
        if (holds()) this.#delete([slot]);
      },
    };
  }

  #commit(slot: Slot): boolean {
    const octets = slot.data.octets();
    if (octets === undefined || this.indexOf(slot.record.firmwareId) >= 0) return false;
    const order = Math.max(-1, ...this.#committed().map(orderOf)) + 1;
    const record: CommittedRecord = { ...slot.record, order, sha256: this.#crypto.sha256(octets) };
    this.#store.batch([[keyOf(slot.id), encodeRecord(record)]]);
    slot.record = record;
    return true;
  }
}

const SLOT = 'slot/';

function keyOf(id: number): string {
  return SLOT + id.toString(16).padStart(4, '0');
}

function isReserved({ record }: Slot): boolean {
  return record.order === undefined;
}

function orderOf({ record }: Slot): number {
  return record.order ?? 0;
}

function deletion({ id, data }: Slot): Write[] {
  return [...data.deletion(), [keyOf(id), null]];
}
