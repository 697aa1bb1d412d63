import { concat, MeshError } from '@meshferry/core';
import type { SmpClient } from '../client/client.ts';
import { FileDownload } from '../messages/file-system.ts';
import { checkContent } from './file-hash.ts';
import { type ProgressOptions, ProgressTeller } from './progress.ts';

/** How a file is downloaded. */
export interface FileDownloadOptions extends ProgressOptions {
  /** Octets at most: a larger file is refused with `smp-file-too-large`. Default 64 MiB. */
  readonly mostOctets?: number;
  /** Aborted: it ends with `cancelled`. */
  readonly signal?: AbortSignal;
}

const MOST_OCTETS = 64 * 1024 * 1024;

/**
 * Downloads a file by its whole name and compares its hash, where the device has any [spec: smp section 4.7]. Rejects with a
 * `SmpRefusedError` (no such file …), `smp-file-too-large`, `smp-bad-file`, `smp-file-damaged`, `cancelled`, or what the request
 * fails with.
 */
export async function downloadFile(
  client: SmpClient,
  name: string,
  options: FileDownloadOptions = {},
): Promise<Uint8Array> {
  const { mostOctets = MOST_OCTETS, signal } = options;
  const request = signal && { signal };
  const parts: Uint8Array[] = [];
  let offset = 0;
  let total: number | undefined;
  let teller: ProgressTeller | undefined;
  do {
    const { off, data, len } = await client.request(FileDownload, { off: offset, name }, request);
    total ??= len;
    if (total === undefined) throw badFile(name, 'the device does not say how long it is');
    if (total > mostOctets) throw tooLarge(name, total, mostOctets);
    if (off !== offset) throw badFile(name, `octets from ${off} on where ${offset} was asked for`);
    if (data.length > total - offset) throw badFile(name, `${offset + data.length} octets, it has ${total}`);
    if (data.length === 0 && offset < total) throw badFile(name, `it ends at ${offset} of ${total} octets`);
    parts.push(data);
    offset += data.length;
    teller ??= new ProgressTeller(client.clock, total, options);
    teller.moved(offset, data.length);
  } while (offset < total);
  const content = concat(...parts);
  await checkContent(client, name, content, request);
  return content;
}

function badFile(name: string, reason: string): MeshError {
  return new MeshError('smp-bad-file', `"${name}" cannot be downloaded: ${reason}`, {
    hint: 'Something else may be writing to it: try again.',
  });
}

function tooLarge(name: string, total: number, most: number): MeshError {
  return new MeshError('smp-file-too-large', `"${name}" has ${total} octets, at most ${most} are taken`, {
    hint: 'Allow more, if that size can be right.',
  });
}
