// The settings of the testers [conformance/mbt.md and dfu.md, section 1], and octets as they are sent.

export const TESTER = 0x0001;
export const IUT = 0x0100;

/** The BLOB ID of the tester settings as it is sent, and the settings themselves: 80 octets "1", base 5, TTL 3. */
export const ID = '1100000000000011';
export const OTHER_ID = '1200000000000011';
export const BLOB_ID = 0x1100000000000011n;
export const BASE = 5;
export const TTL = 3;
export const DATA = '31'.repeat(80);

/** Transfer Start: 80 octets in blocks of 64, MTU 380. */
export const START_PUSH = `830140${ID}50000000067c01`;
export const START_PULL = `830180${ID}50000000067c01`;
export const TRANSFER_GET = '8300';
export const BLOCK_GET = '8305';
export const INFORMATION_GET = '8306';

/** `n` as one octet. */
export function u8(n: number): string {
  return n.toString(16).padStart(2, '0');
}

/** `n` as two octets, least significant first. */
export function le16(n: number): string {
  return u8(n & 0xff) + u8(n >> 8);
}

export function le32(n: number): string {
  return le16(n % 65_536) + le16(Math.floor(n / 65_536));
}

/** Block Start. */
export function blockStart(number: number, chunkSize = 8): string {
  return `8304${le16(number)}${le16(chunkSize)}`;
}

/** Chunk Transfer with `length` octets "1". */
export function chunk(number: number, length = 8, octet = '31'): string {
  return `66${le16(number)}${octet.repeat(length)}`;
}

/** Chunk Transfer with the chunk of this number of a block that these octets are. */
export function chunkOf(block: string, number: number, chunkSize = 8): string {
  return `66${le16(number)}${block.slice(2 * number * chunkSize, 2 * (number + 1) * chunkSize)}`;
}
