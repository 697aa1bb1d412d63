import { gzipSync } from 'node:zlib';
import type { FetchFunction, FetchResponse } from '@meshferry/firmware';

/** What the server of a maker answers. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Octets, or pieces of them; a piece that is null never comes. */
  readonly body?: string | Uint8Array | readonly (Uint8Array | null)[];
}

/** A maker's server without a network: what is asked, and what is answered to check and to get. */
export class ArchiveServer {
  readonly requests: string[] = [];
  check: Answer | Error | ((url: string) => Answer) = { status: 404 };
  get: Answer | Error = { status: 404 };

  readonly fetch: FetchFunction = (url, { signal }) => {
    this.requests.push(url);
    const answer = url.includes('/check?') ? this.check : this.get;
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve(responseOf(typeof answer === 'function' ? answer(url) : answer, signal));
  };
}

function responseOf({ status = 200, headers = {}, body = '' }: Answer, signal: AbortSignal): FetchResponse {
  const whole = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const pieces = whole instanceof Uint8Array ? [whole] : [...whole];
  const never = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')));
  });
  never.catch(() => {});
  return {
    status,
    headers: { get: (name) => headers[name] ?? null },
    body: {
      getReader: () => ({
        read: () => {
          const piece = pieces.shift();
          if (piece === null) return never;
          return Promise.resolve(piece === undefined ? { done: true } : { done: false, value: piece });
        },
        cancel: () => Promise.resolve(),
      }),
      cancel: () => Promise.resolve(),
    },
  };
}

/** The answer to a check that has something newer; `change` on its text. */
export function offerAnswer(
  firmwareId: string,
  size: number,
  { chain = 1, change = (text: string): string => text } = {},
): Answer {
  const firmware = { firmware_id: firmwareId, dfu_chain_size: chain, firmware_image_file_size: size };
  return {
    headers: { 'content-type': 'application/json' },
    body: change(JSON.stringify({ manifest: { firmware } })),
  };
}

/** Files as a tar archive. */
export function tarOf(files: Readonly<Record<string, Uint8Array | string>>): Uint8Array {
  const parts = Object.entries(files).flatMap(([name, content]) => {
    const octets = Buffer.from(content);
    return [tarHeader(name, octets.length), octets, Buffer.alloc((512 - (octets.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 'latin1');
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        0', 148);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, octet) => total + octet, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** A Firmware Archive as a maker packs it [firmware-check-https.md 4]. */
export function archiveOf(
  firmwareId: string,
  image: Uint8Array,
  { metadata, more = {} }: { readonly metadata?: Uint8Array; readonly more?: Readonly<Record<string, string>> } = {},
): Uint8Array {
  const firmware = {
    firmware_image_file: 'image.bin',
    ...(metadata === undefined ? {} : { metadata_file: 'metadata.bin' }),
    firmware_id: firmwareId,
  };
  const files = {
    'manifest.json': JSON.stringify({ manifest: { firmware } }),
    ...(metadata === undefined || metadata.length === 0 ? {} : { 'metadata.bin': metadata }),
    'image.bin': image,
    ...more,
  };
  return gzipSync(tarOf(files));
}
