import { Feature } from '@meshferry/access';
import { type Store, storeView } from '@meshferry/core';
import { type PublicKey, parseVersion } from '@meshferry/firmware';
import {
  type BootOutcome,
  McubootTarget,
  type MeshNodeOptions,
  type NodeGround,
  type NodeIdentity,
  type TargetRole,
  type targetRole,
} from '@meshferry/node';
import type { SimOptions } from './uri.ts';

// What devices that take firmware have in common, whether they were in the network from the start or came later.

/** How long a simulated device takes to swap images and boot, ms. */
export const BOOT_MS = 8000;

/** What the flash and the bootloader of a device depend on. */
export interface FlashOptions {
  readonly sim: SimOptions;
  /** Of the device: its flash outlives its networks. */
  readonly store: Store;
  readonly trust: readonly PublicKey[];
  readonly compositionPage0: () => Uint8Array;
  /** Takes the power away, and gives it back after {@link BOOT_MS}; not inside the call. */
  readonly restart: () => void;
}

/** The flash and the bootloader of a device. */
export function flash(ground: NodeGround, options: FlashOptions): McubootTarget {
  const { sim, store, trust, compositionPage0, restart } = options;
  const version = parseVersion(sim.version);
  if (!version.ok) throw version.error;
  return new McubootTarget({
    store: storeView(store, 'flash/'),
    crypto: ground.crypto,
    ...(ground.log && { log: ground.log }),
    company: sim.company,
    version: version.value,
    slotSize: sim.slot,
    effect: sim.effect,
    compositionPage0,
    trust,
    restart,
  });
}

/**
 * By default the composition of the nRF Connect SDK's Target sample, so that its packages mean "unchanged" to effect=auto;
 * with `models=full` that of a node of ours.
 */
export function targetComposition(
  sim: SimOptions,
  role: TargetRole,
  features: number = Feature.relay | Feature.proxy,
): Pick<MeshNodeOptions, 'elements' | 'servers'> & { readonly identity: NodeIdentity } {
  return {
    identity: { cid: sim.company, pid: 0, vid: 0, crpl: 10, features },
    elements: [{ location: 1, models: role.models }],
    ...(sim.models === 'target' && { servers: [] }),
  };
}

/** Elements of {@link targetComposition}. */
export const TARGET_ELEMENTS = 1;

/** Segments of the longest message that a stock peer takes. */
const STOCK_SEGMENTS = 6;
/** Access payload of so many segments: 12 octets each, less the TransMIC. */
const STOCK_MTU = 12 * STOCK_SEGMENTS - 4;

/** What sets Zephyr 3.4.99 apart: one segmented message at a time, and answers without the random delay [airtime.md]. */
export function peerLimits({ peer }: SimOptions, { random }: NodeGround): Partial<MeshNodeOptions> {
  if (peer !== 'stock') return {};
  return {
    segments: STOCK_SEGMENTS,
    incoming: 1,
    outgoingParallel: 1,
    replyDelayMs: () => 3 + 3 * random.uniform(),
  };
}

/** What its BLOB Transfer Server takes. */
export function blobCapabilities(sim: SimOptions, push: boolean): NonNullable<Parameters<typeof targetRole>[2]> {
  const common = {
    push,
    minBlockSizeLog: sim.block.min,
    maxBlockSizeLog: sim.block.max,
    maxChunksNumber: sim.chunks,
    maxBlobSize: sim.slot,
  };
  if (sim.peer !== 'stock') return common;
  return { ...common, minBlockSizeLog: 12, maxBlockSizeLog: 12, maxChunkSize: STOCK_MTU - 3, mtuSize: STOCK_MTU };
}

/** The update server learns what the bootloader did. */
export function tellOutcome(role: TargetRole, outcome: BootOutcome): void {
  if (outcome === 'swapped') role.update.applied(true);
  if (outcome === 'reverted') role.update.applied(false);
}
