import type { MeshError } from '@meshferry/core';
import type { SmpClient } from '../client/client.ts';
import { SmpRefusedError } from '../client/errors.ts';
import { FileClose, FileStatus, FileUpload } from '../messages/file-system.ts';
import { chunkLength } from './chunk-length.ts';
import { packetTooSmall } from './errors.ts';
import { checkContent, hasContent } from './file-hash.ts';
import { SmpUpload, type SmpUploadOptions, type UploadTask } from './upload.ts';
import { bareOctets, UploadSender, type UploadSource } from './upload-sender.ts';

/** How a file is uploaded. */
export interface FileUploadOptions extends SmpUploadOptions {
  /** Go on behind what the device has, when that is the beginning of the same file by its hash. Default false. */
  readonly resume?: boolean;
}

/**
 * Begins to upload a file under a whole name such as "/lfs1/f.bin"; what the device had under it is lost. In the end the hashes are
 * compared, where the device has any: `match` of the report; they differ: `smp-file-damaged`.
 */
export function startFileUpload(
  client: SmpClient,
  name: string,
  content: Uint8Array,
  options: FileUploadOptions = {},
): SmpUpload {
  const source = fileSource(name, content);
  const task: UploadTask = {
    sender: (limits, advanced) => {
      // An offset takes 5 octets at most: 4 more than the first.
      const bare = bareOctets(source, 0) + 4;
      if (content.length > 0 && chunkLength(bare, content.length, limits) < 1) {
        throw packetTooSmall(limits.packet, bare + (limits.alignment ?? 1));
      }
      return new UploadSender(client, source, limits, advanced);
    },
    verify: async () => {
      await close(client);
      return checkContent(client, name, content);
    },
    ...(options.resume === true && { from: () => octetsThere(client, name, content) }),
  };
  return new SmpUpload(client, task, options);
}

function fileSource(name: string, content: Uint8Array): UploadSource<FileUpload> {
  const len = content.length;
  return {
    command: FileUpload,
    content,
    // The file is only begun once more.
    repeatsFirst: true,
    request: (off, data) => (off === 0 ? { off, data, name, len } : { off, data, name }),
    offsetOf,
  };
}

/** A chunk at a wrong offset is refused, and the refusal says how much the device has [spec: smp section 4.7]. */
function offsetOf(error: MeshError): number | undefined {
  if (!(error instanceof SmpRefusedError)) return undefined;
  const len = error.refusal.fields.get('len');
  return typeof len === 'number' && Number.isSafeInteger(len) && len >= 0 ? len : undefined;
}

/**
 * A device that has refused an offset, or goes on with a file, does not know any more how long that becomes and leaves it open:
 * its length and hash are of what was stored before, until the file is closed.
 */
async function close(client: SmpClient): Promise<void> {
  try {
    await client.request(FileClose, {}, { repeat: true });
  } catch (error) {
    // Old ones close by themselves.
    if (!(error instanceof SmpRefusedError)) throw error;
  }
}

async function octetsThere(client: SmpClient, name: string, content: Uint8Array): Promise<number> {
  await close(client);
  try {
    const { len } = await client.request(FileStatus, { name });
    if (len === 0 || len > content.length) return 0;
    return (await hasContent(client, name, content.subarray(0, len))) === true ? len : 0;
  } catch (error) {
    // Not there, or the device does not tell.
    if (error instanceof SmpRefusedError) return 0;
    throw error;
  }
}
