import type { Context } from '@meshferry/access';
import { NO_SHAPE } from './arithmetic.ts';
import type { BlockAssembly } from './block-assembly.ts';
import { type BlobCapabilities, DEFAULT_CAPABILITIES } from './capabilities.ts';
import { BlobPhase } from './constants.ts';
import type { BlobBlockStatus, BlobTransferStatus } from './messages.ts';
import type { BlobServerOptions } from './server-contract.ts';
import type { ServerTransfer } from './server-transfer.ts';

/** What Transfer Status says of this transfer; undefined: Inactive. */
export function transferStatusOf(transfer: ServerTransfer | undefined, status: number): BlobTransferStatus {
  const parameters = transfer?.parameters;
  return {
    status,
    transferMode: parameters?.mode ?? 'none',
    phase: transfer?.phase ?? BlobPhase.inactive,
    blobId: transfer?.blobId,
    blobSize: parameters?.size,
    blockSizeLog: parameters?.blockSizeLog,
    transferMtuSize: parameters?.mtu,
    blocksNotReceived: parameters === undefined ? undefined : transfer?.missing,
  };
}

/** What Block Status says; `wanted`: what a server in pull mode asks for, which is all that it tells of missing chunks. */
export function blockStatusOf(
  transfer: ServerTransfer | undefined,
  status: number,
  wanted: readonly number[] | undefined,
): BlobBlockStatus {
  const { block, phase = BlobPhase.inactive } = transfer ?? {};
  const { number: blockNumber, chunkSize } = block?.shape ?? NO_SHAPE;
  const missing =
    wanted === undefined ? missingOf(phase, block) : { format: 'encoded' as const, missingChunks: wanted };
  return { status, blockNumber, chunkSize, ...missing };
}

/** What is missing of the active block, as push mode says it. */
function missingOf(phase: number, block: BlockAssembly | undefined): Pick<BlobBlockStatus, 'format' | 'missing'> {
  const isReceiving = phase === BlobPhase.waitingForNextChunk && block !== undefined;
  if (!isReceiving) return { format: block !== undefined || phase === BlobPhase.waitingForNextBlock ? 'none' : 'all' };
  if (block.missingCount === 0) return { format: 'none' };
  return block.missingCount === block.shape.chunkCount ? { format: 'all' } : { format: 'some', missing: block.missing };
}

/** A server that a Friend serves takes chunks that fit its queue, also with a TransMIC of 8 octets. */
export function capabilitiesOf({ capabilities, pull }: BlobServerOptions): BlobCapabilities {
  const all = { ...DEFAULT_CAPABILITIES, ...capabilities };
  if (pull?.friendQueue === undefined) return all;
  return { ...all, maxChunkSize: Math.max(8, Math.min(all.maxChunkSize, 12 * pull.friendQueue - 11)) };
}

/** Where reports go and under which key. */
export function clientOf({ src, key }: Context): { readonly client: number; readonly appIndex: number } {
  return { client: src, appIndex: key.kind === 'app' ? key.index : 0 };
}
