const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const CHARACTERS = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));

/** What fills the last group, `=`. */
export const PADDING = 0x3d;

/** No character of base64; above every sextet, as is what {@link PADDING} decodes to. */
const NONE = 0x80;

/** The sextet of each character code, 0 to 63; above that it is no character with a value. */
export const SEXTETS: Uint8Array = new Uint8Array(256).fill(NONE);
for (const [sextet, character] of CHARACTERS.entries()) SEXTETS[character] = sextet;

/** Writes base64 with padding of `octets` from `from` to before `to` into `into` at `at`; where it ended. */
export function writeBase64(octets: Uint8Array, from: number, to: number, into: Uint8Array, at: number): number {
  let [i, o] = [from, at];
  for (; i + 3 <= to; i += 3) {
    const group = ((octets[i] as number) << 16) | ((octets[i + 1] as number) << 8) | (octets[i + 2] as number);
    into[o++] = CHARACTERS[group >>> 18] as number;
    into[o++] = CHARACTERS[(group >>> 12) & 63] as number;
    into[o++] = CHARACTERS[(group >>> 6) & 63] as number;
    into[o++] = CHARACTERS[group & 63] as number;
  }
  if (i === to) return o;
  const isPair = to - i === 2;
  const group = ((octets[i] as number) << 16) | (isPair ? (octets[i + 1] as number) << 8 : 0);
  into[o++] = CHARACTERS[group >>> 18] as number;
  into[o++] = CHARACTERS[(group >>> 12) & 63] as number;
  into[o++] = isPair ? (CHARACTERS[(group >>> 6) & 63] as number) : PADDING;
  into[o++] = PADDING;
  return o;
}
