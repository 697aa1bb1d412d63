import {
  readTrailer,
  type SwapType,
  swapInfoOctet,
  TRAILER_FLAG_SET,
  type TrailerLayout,
  type TrailerState,
  trailerMagic,
} from '@meshferry/firmware';
import type { FlashArea } from './flash.ts';

/** The trailer at the end of an area, with what can be written into it. Every write is one operation of the flash. */
export class AreaTrailer {
  readonly area: FlashArea;
  readonly layout: TrailerLayout;

  constructor(area: FlashArea, layout: TrailerLayout) {
    this.area = area;
    this.layout = layout;
  }

  read(): TrailerState {
    return readTrailer(this.area.octets, this.layout);
  }

  readSwapSize(): number {
    const { octets, size } = this.area;
    const at = size - this.layout.swapSize;
    return new DataView(octets.buffer, octets.byteOffset + at, 4).getUint32(0, true);
  }

  writeMagic(): void {
    const { maxAlign } = this.layout;
    // With the padding before it that makes it a whole unit of the flash.
    const padded = new Uint8Array(Math.ceil(16 / maxAlign) * maxAlign).fill(0xff);
    padded.set(trailerMagic(maxAlign), padded.length - 16);
    this.#write(padded.length, padded);
  }

  writeImageOk(): void {
    this.#write(this.layout.imageOk, Uint8Array.of(TRAILER_FLAG_SET));
  }

  writeCopyDone(): void {
    this.#write(this.layout.copyDone, Uint8Array.of(TRAILER_FLAG_SET));
  }

  writeSwapInfo(type: SwapType, image: number): void {
    this.#write(this.layout.swapInfo, Uint8Array.of(swapInfoOctet(type, image)));
  }

  writeSwapSize(size: number): void {
    this.#write(this.layout.swapSize, u32(size));
  }

  /** Sizes of the unprotected TLV areas of both slots, which swap using offset keeps. */
  writeTlvSizes(primary: number, secondary: number): void {
    this.#write(this.layout.tlvSizes, u32((primary | (secondary << 16)) >>> 0));
  }

  /** Erases the sectors that the whole trailer of a slot lies in, the last one first. */
  erase(): void {
    const { size, sectorSize } = this.area;
    const first = Math.floor((size - this.layout.status) / sectorSize) * sectorSize;
    for (let at = size - sectorSize; at >= first; at -= sectorSize) this.area.erase(at, sectorSize);
  }

  #write(fromEnd: number, octets: Uint8Array): void {
    this.area.write(this.area.size - fromEnd, octets);
  }
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}
