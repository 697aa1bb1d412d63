import { type Store, toHex, type Write } from '@meshferry/core';

/** The octets of one image in a store, as the blocks in which they came: a virtual flash slot. */
export class ImageSlot {
  readonly #store: Store;
  readonly #prefix: string;

  /** `name` tells the slots of one store apart. */
  constructor(store: Store, name: string) {
    this.#store = store;
    this.#prefix = `${name}/`;
  }

  /** The write of a block, for a batch of the caller. Blocks may be written in any order and written again. */
  writing(offset: number, data: Uint8Array): Write {
    return [this.#prefix + key(offset), data];
  }

  /** The image, `size` octets; a gap reads as erased flash, 0xFF. */
  read(size: number): Uint8Array {
    const image = new Uint8Array(size).fill(0xff);
    for (const name of this.#store.keys(this.#prefix)) {
      const offset = Number.parseInt(name.slice(this.#prefix.length), 16);
      const data = this.#store.get(name);
      if (data !== undefined && offset < size) image.set(data.subarray(0, size - offset), offset);
    }
    return image;
  }

  /** Changes one octet in the middle of what was written, if anything was. */
  flipOctet(): void {
    const names = this.#store.keys(this.#prefix);
    const name = names[names.length >> 1];
    if (name === undefined) return;
    const data = Uint8Array.from(this.#store.get(name) ?? []);
    data[data.length >> 1]! ^= 0x01;
    this.#store.batch([[name, data]]);
  }

  /** The writes that empty the slot: for a batch of the caller. */
  erasing(): Write[] {
    return this.#store.keys(this.#prefix).map((name) => [name, null]);
  }

  /** The writes that move all of this slot to `to`, which is emptied before: for a batch of the caller. */
  moving(to: ImageSlot): Write[] {
    const writes = to.erasing();
    for (const name of this.#store.keys(this.#prefix)) {
      writes.push([to.#prefix + name.slice(this.#prefix.length), this.#store.get(name) ?? null], [name, null]);
    }
    return writes;
  }
}

/** Hex, so that the order of the keys is that of the octets. */
function key(offset: number): string {
  return toHex(Uint8Array.of(offset >>> 24, offset >>> 16, offset >>> 8, offset));
}
