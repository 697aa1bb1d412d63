import { fail, MeshError, ok, type Result } from '@meshferry/core';
import { type ImageError, parseImage, startsWithImageMagic } from './image.ts';
import type { HexSegment } from './intel-hex.ts';

/** An image found in a HEX file: its octets end with its TLV area. */
export interface HexImage {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** No image is larger: the same bound as for an entry of a package. */
const MAX_IMAGE_SIZE = 16 * 1024 * 1024;
/** Linkers leave small gaps between sections; what lies further apart belongs to something else. */
const MAX_GAP = 4096;
/** Header, payload and both TLV areas: what can lie behind the payload is bounded by their 16-bit sizes. */
const MAX_TLV_SIZE = 2 * 0xffff;

/**
 * The MCUboot image in a HEX file [spec: firmware-packages section 5]: the segment that starts with the magic (the one at
 * `address` when given), following segments included as far as the image reaches, gaps filled with 0xFF, padding cut off.
 * Fails with `no-image`, `ambiguous-image`, or the error of the image.
 */
export function findHexImage(
  segments: readonly HexSegment[],
  address?: number,
): Result<HexImage, MeshError | ImageError> {
  const found = segments.filter(
    (s) => startsWithImageMagic(s.bytes) && (address === undefined || s.address === address),
  );
  const [first, second] = found;
  if (first === undefined) {
    return fail(
      new MeshError(
        'no-image',
        `the HEX file holds no MCUboot image${address === undefined ? '' : ` at ${hex(address)}`}`,
        {
          hint: 'An unsigned application must not be uploaded: give the signed HEX file of the build.',
        },
      ),
    );
  }
  if (second !== undefined) {
    const addresses = found.map((segment) => hex(segment.address)).join(', ');
    return fail(
      new MeshError('ambiguous-image', `the HEX file holds ${found.length} MCUboot images, at ${addresses}`, {
        hint: 'Say which one by its address (fw inspect, fw verify: --hex-address), or give a HEX file with that image alone.',
      }),
    );
  }
  const bytes = flatten(segments, first);
  const image = parseImage(bytes);
  return image.ok ? ok({ address: first.address, bytes: bytes.slice(0, image.value.imageEnd) }) : image;
}

/**
 * The raw application in a HEX file that holds nothing else, gaps filled with 0xFF, as the image tool reads it. Fails with
 * `several-regions` when it does not lie in one place (a bootloader or settings beside it).
 */
export function findHexApplication(segments: readonly HexSegment[]): Result<HexImage, MeshError> {
  const [first] = segments;
  const last = segments.at(-1);
  if (first === undefined || last === undefined) {
    return fail(new MeshError('empty-file', 'the HEX file holds no data', { hint: 'Give the HEX file of the build.' }));
  }
  const far = segments.find((segment, i) => i > 0 && segment.address - endOf(segments[i - 1]!) > MAX_GAP);
  if (far !== undefined || endOf(last) - first.address > MAX_IMAGE_SIZE) {
    const places = segments.map(({ address, bytes }) => `${bytes.length} octets at ${hex(address)}`).join(', ');
    return fail(
      new MeshError('several-regions', `the HEX file holds more than one application: ${places}`, {
        hint: 'Give the HEX file of the application alone, before it was merged with a bootloader.',
      }),
    );
  }
  const bytes = new Uint8Array(endOf(last) - first.address).fill(0xff);
  for (const segment of segments) bytes.set(segment.bytes, segment.address - first.address);
  return ok({ address: first.address, bytes });
}

function endOf({ address, bytes }: HexSegment): number {
  return address + bytes.length;
}

/** The octets from the start of `first` as far as its header says that the image may reach. */
function flatten(segments: readonly HexSegment[], first: HexSegment): Uint8Array {
  const reach = declaredReach(first.bytes);
  const inReach = segments.filter((s) => s.address >= first.address && s.address < first.address + reach);
  const last = inReach.at(-1) ?? first;
  const bytes = new Uint8Array(Math.min(reach, last.address + last.bytes.length - first.address)).fill(0xff);
  for (const segment of inReach) {
    const at = segment.address - first.address;
    bytes.set(segment.bytes.subarray(0, bytes.length - at), at);
  }
  return bytes;
}

function declaredReach(bytes: Uint8Array): number {
  if (bytes.length < 32) return bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 32);
  return Math.min(view.getUint16(8, true) + view.getUint32(12, true) + MAX_TLV_SIZE, MAX_IMAGE_SIZE);
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
