import { MeshError } from '@meshferry/core';

/** How a flash is built, and how long it takes. */
export interface FlashShape {
  /** Octets, a multiple of `sectorSize`. */
  readonly size: number;
  /** What is erased at once, octets. Default 4096. */
  readonly sectorSize?: number;
  /** What is written at once, octets: 1, 2, 4, 8, 16 or 32. Default 4. */
  readonly writeSize?: number;
  /** Time to erase a sector, ms. Default 85, as flash inside a microcontroller has it. */
  readonly eraseMs?: number;
  /** Time to write 1024 octets, ms. Default 10. */
  readonly writeMs?: number;
}

/** What can happen to a flash, for tests; all can be changed at any time. */
export interface FlashFaults {
  /** Erasing and writing fail where they touch this offset. */
  failAt?: number | undefined;
  /** So many operations are still carried out, then the power is gone: the next one throws {@link PowerLoss}. */
  operationsLeft?: number | undefined;
  /** Whether the power goes in the middle of that one: half of its octets are erased or written. Default: before it. */
  tears?: boolean | undefined;
}

/** Thrown out of whatever was under way when the power went. Nobody below the one who has the power catches it. */
export class PowerLoss extends Error {
  override readonly name = 'PowerLoss';
}

/**
 * Flash memory: erased to 0xFF sector by sector, written in whole units, where a write can only clear bits. Counts its
 * operations (an erased sector or a write is one) and the time they take.
 */
export class Flash {
  readonly octets: Uint8Array;
  readonly sectorSize: number;
  readonly writeSize: number;
  readonly faults: FlashFaults = {};
  /** Erased sectors and writes since the beginning. */
  operations = 0;
  /** Time they took, ms. */
  busyMs = 0;
  /** Called at the first change after each {@link takeChanges}. */
  onChange: (() => void) | undefined;
  readonly #eraseMs: number;
  readonly #writeMs: number;
  readonly #changed: Set<number> = new Set();

  constructor({ size, sectorSize = 4096, writeSize = 4, eraseMs = 85, writeMs = 10 }: FlashShape) {
    this.octets = new Uint8Array(size).fill(0xff);
    this.sectorSize = sectorSize;
    this.writeSize = writeSize;
    this.#eraseMs = eraseMs;
    this.#writeMs = writeMs;
  }

  /** Erases the sector that starts at `offset`. Throws `flash-failed` or {@link PowerLoss}. */
  eraseSector(offset: number): void {
    const erase = (length: number) => {
      this.octets.fill(0xff, offset, offset + length);
      this.#change(offset / this.sectorSize);
    };
    this.#begin('erase', offset, this.sectorSize, erase);
    this.busyMs += this.#eraseMs;
    erase(this.sectorSize);
  }

  /** Writes whole units: bits that are 0 stay so. Throws `flash-failed` or {@link PowerLoss}. */
  write(offset: number, octets: Uint8Array): void {
    if (offset % this.writeSize !== 0 || octets.length % this.writeSize !== 0) {
      throw flashFailed('write', offset, `${octets.length} octets are not units of ${this.writeSize}`);
    }
    const write = (length: number) => {
      const own = this.octets;
      for (let i = 0; i < length; i++) own[offset + i]! &= octets[i] as number;
      const last = Math.floor((offset + octets.length - 1) / this.sectorSize);
      for (let sector = Math.floor(offset / this.sectorSize); sector <= last; sector++) this.#change(sector);
    };
    this.#begin('write', offset, octets.length, write);
    this.busyMs += (octets.length / 1024) * this.#writeMs;
    write(octets.length);
  }

  /** Numbers of the sectors that changed since the last call. */
  takeChanges(): number[] {
    const sectors = [...this.#changed].sort((a, b) => a - b);
    this.#changed.clear();
    return sectors;
  }

  #change(sector: number): void {
    this.#changed.add(sector);
    if (this.#changed.size === 1) this.onChange?.();
  }

  #begin(what: string, offset: number, length: number, work: (length: number) => void): void {
    const { failAt, operationsLeft, tears } = this.faults;
    if (offset < 0 || length === 0 || offset + length > this.octets.length) {
      throw flashFailed(what, offset, `${length} octets are not inside its ${this.octets.length}`);
    }
    if (operationsLeft !== undefined) {
      if (operationsLeft <= 0) {
        if (tears === true) work(length >> 1);
        throw new PowerLoss('the power is gone');
      }
      this.faults.operationsLeft = operationsLeft - 1;
    }
    this.operations++;
    if (failAt !== undefined && failAt >= offset && failAt < offset + length) {
      throw flashFailed(what, offset, 'the cells are worn out');
    }
  }
}

/** A part of a {@link Flash} that begins and ends with a sector; offsets count from its start. */
export class FlashArea {
  readonly flash: Flash;
  /** Where it starts in the flash. */
  readonly offset: number;
  readonly size: number;
  /** What it holds, as a view: not to be changed. */
  readonly octets: Uint8Array;

  constructor(flash: Flash, offset: number, size: number) {
    this.flash = flash;
    this.offset = offset;
    this.size = size;
    this.octets = flash.octets.subarray(offset, offset + size);
  }

  get sectorSize(): number {
    return this.flash.sectorSize;
  }

  get writeSize(): number {
    return this.flash.writeSize;
  }

  /** Writes octets that may end within a unit of the flash: the rest of it stays erased. Throws as {@link Flash.write}. */
  write(offset: number, octets: Uint8Array): void {
    const units = Math.ceil(octets.length / this.writeSize) * this.writeSize;
    let whole = octets;
    if (units !== octets.length) {
      whole = new Uint8Array(units).fill(0xff);
      whole.set(octets);
    }
    this.flash.write(this.offset + offset, whole);
  }

  /** Erases the sectors of a range, the first one first. Throws as {@link Flash.eraseSector}. */
  erase(offset: number, length: number): void {
    for (let at = offset; at < offset + length; at += this.sectorSize) this.flash.eraseSector(this.offset + at);
  }

  /** Erases all of it, the last sector first: what is left of a trailer must never be taken for a whole one. */
  eraseBackwards(): void {
    for (let at = this.size - this.sectorSize; at >= 0; at -= this.sectorSize) this.flash.eraseSector(this.offset + at);
  }

  /** Copies octets of another area into erased sectors of this one, 1024 at a time as bootloaders do. */
  copyFrom(source: FlashArea, from: number, to: number, length: number): void {
    for (let done = 0; done < length; done += COPY_BUFFER) {
      const size = Math.min(COPY_BUFFER, length - done);
      this.write(to + done, source.octets.subarray(from + done, from + done + size));
    }
  }
}

const COPY_BUFFER = 1024;

function flashFailed(what: string, offset: number, why: string): MeshError {
  return new MeshError('flash-failed', `flash: ${what} at 0x${offset.toString(16)} failed: ${why}`, {
    hint: 'The device needs another flash, or another place in it.',
  });
}
