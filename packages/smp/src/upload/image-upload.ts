import { portableCrypto } from '@meshferry/crypto';
import type { SmpClient } from '../client/client.ts';
import { ImageUpload } from '../messages/image.ts';
import { type ChunkLimits, chunkLength } from './chunk-length.ts';
import { packetTooSmall } from './errors.ts';
import { SmpUpload, type SmpUploadOptions, type SmpUploadReport, type UploadTask } from './upload.ts';
import { bareOctets, UploadSender, type UploadSource } from './upload-sender.ts';

/** How an image is uploaded. */
export interface ImageUploadOptions extends SmpUploadOptions {
  /** Image number of the device. Default 0. */
  readonly image?: number;
  /** SHA-256 of the whole file, 32 octets: what an interrupted upload goes on by. Default: computed. */
  readonly sha256?: Uint8Array;
  /** Have the device refuse what is not newer than what runs. Default false. */
  readonly upgradeOnly?: boolean;
}

/** Without a whole image header in it the first chunk is refused. */
const FIRST_OCTETS = 32;

/**
 * Begins to upload an image into the free slot [spec: smp section 5]. A device that holds a part of the same file already goes
 * on with it, also after a lost link and in another process.
 *
 * ```ts
 * const upload = startImageUpload(client, bytes, { onProgress: ({ offset, total }) => draw(offset / total) });
 * const { moved } = await upload.finished;
 * ```
 */
export function startImageUpload(client: SmpClient, content: Uint8Array, options: ImageUploadOptions = {}): SmpUpload {
  const sender: UploadTask['sender'] = (limits, advanced) =>
    new UploadSender(client, imageSource(content, options, limits), limits, advanced);
  return new SmpUpload(client, { sender }, options);
}

/** {@link startImageUpload} to its end. */
export function uploadImage(
  client: SmpClient,
  content: Uint8Array,
  options: ImageUploadOptions = {},
): Promise<SmpUploadReport> {
  return startImageUpload(client, content, options).finished;
}

/** In packets too small for both, the image header goes before the hash: such an upload cannot be resumed. */
function imageSource(content: Uint8Array, options: ImageUploadOptions, limits: ChunkLimits): UploadSource<ImageUpload> {
  const { sha256 = portableCrypto.sha256(content), image = 0, upgradeOnly = false } = options;
  const len = content.length;
  const first = { ...(image > 0 && { image }), len, ...(upgradeOnly && { upgrade: true }) };
  const source = (start: Omit<ImageUpload, 'off' | 'data'>): UploadSource<ImageUpload> => ({
    command: ImageUpload,
    content,
    repeatsFirst: start.sha !== undefined,
    request: (off, data) => (off === 0 ? { ...start, off, data } : { off, data }),
  });
  const fits = (candidate: UploadSource<ImageUpload>): boolean =>
    chunkLength(bareOctets(candidate, 0), len, limits) >= Math.min(FIRST_OCTETS, len);
  const resumable = source({ ...first, sha: sha256 });
  if (fits(resumable)) return resumable;
  const short = source(first);
  if (fits(short)) return short;
  throw packetTooSmall(limits.packet, bareOctets(short, 0) + FIRST_OCTETS + 1);
}
