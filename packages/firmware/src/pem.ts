/** A PEM block: the words of its label and its octets. */
export interface PemBlock {
  readonly label: string;
  readonly bytes: Uint8Array;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;

/** All PEM blocks of a text in order; those whose base64 is broken are left out. */
export function readPem(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const [, label, body] of text.matchAll(BLOCK)) {
    try {
      const binary = atob((body as string).replace(/\s/g, ''));
      blocks.push({ label: label as string, bytes: Uint8Array.from(binary, (char) => char.charCodeAt(0)) });
    } catch {
      // Not base64: whoever looks for a key finds none and says so.
    }
  }
  return blocks;
}
