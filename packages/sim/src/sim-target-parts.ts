import { Feature, Model } from '@meshferry/access';
import type { MeshNodeOptions, NodeIdentity, RemoteOptions, TargetRole, TargetTraits } from '@meshferry/node';
import { type ControllerSettings, DEFAULT_CONTROLLER, ZEPHYR_CONTROLLER } from './advertiser.ts';
import type { SimOptions } from './uri.ts';

// What devices that take firmware have in common, whether they were in the network from the start or came later.

/** How long a simulated device takes to swap images and boot, ms. */
export const BOOT_MS = 8000;

/** What a target is made of; `changes`: how often an update changed that (see `adds` of the URI). */
export interface TargetMake {
  readonly sim: SimOptions;
  readonly roles: readonly TargetRole[];
  readonly changes: number;
  /** Default: relay and proxy. */
  readonly features?: number;
  readonly remote: RemoteOptions;
}

/**
 * By default the composition of the nRF Connect SDK's Target sample, so that its packages mean "unchanged" to effect=auto;
 * with `models=full` that of a node of ours. Who says that its new composition can be taken over remotely has what that needs.
 */
export function targetComposition({
  sim,
  roles,
  changes,
  features = Feature.relay | Feature.proxy,
  remote,
}: TargetMake): Pick<MeshNodeOptions, 'elements' | 'servers' | 'remote'> & { readonly identity: NodeIdentity } {
  const added = Array.from({ length: changes }, (_, i) => addedModel(sim.company, i));
  const elements = roles.map(({ models }, i) => ({ location: i + 1, models: [...models] }));
  if (sim.adds === 'model') elements[0]?.models.push(...added);
  else elements.push(...added.map((model, i) => ({ location: roles.length + i + 1, models: [model] })));
  const isRefreshable = sim.effect === 'composition';
  return {
    identity: { cid: sim.company, pid: 0, vid: 0, crpl: 10, features },
    elements,
    ...(isRefreshable && { remote }),
    ...(sim.models === 'target' && { servers: isRefreshable ? ['remote-provisioning'] : [] }),
  };
}

/** Elements of {@link targetComposition}. */
export function targetElements({ instances, adds }: SimOptions, changes: number): number {
  return instances + (adds === 'element' ? changes : 0);
}

/** What new software brings: a vendor model that does nothing. */
function addedModel(company: number, number: number): Model {
  return new Model({ id: company * 0x10000 + number, name: `Added ${number + 1}` });
}

/** Segments of the longest message that a stock peer takes, unless the URI says otherwise. */
const STOCK_SEGMENTS = 6;

/** The radio of a node that takes firmware. */
export function peerController({ peer }: SimOptions): ControllerSettings {
  return peer === 'stock' ? ZEPHYR_CONTROLLER : DEFAULT_CONTROLLER;
}

/**
 * What sets Zephyr 3.4.99 apart: one segmented message at a time, and answers without the random delay. Recorded ones start
 * 2.9 to 3.8 ms after the request; its event and the host round trip of the answer are in that.
 */
export function peerLimits({ peer, segments }: SimOptions): Partial<MeshNodeOptions> {
  if (peer !== 'stock') return segments === undefined ? {} : { segments };
  return {
    segments: segments ?? STOCK_SEGMENTS,
    incoming: 1,
    outgoingParallel: 1,
    replyDelayMs: () => 1,
  };
}

/** How it answers. */
export function blobSettings({ peer }: SimOptions): NonNullable<TargetTraits['settings']> {
  return peer === 'stock' ? 'stock' : 'auto';
}

/** What its BLOB Transfer Server takes. */
export function blobCapabilities(sim: SimOptions, push: boolean): NonNullable<TargetTraits['capabilities']> {
  const isStock = sim.peer === 'stock';
  const segments = sim.segments ?? (isStock ? STOCK_SEGMENTS : undefined);
  return {
    push,
    minBlockSizeLog: isStock ? STOCK_BLOCK_LOG : sim.block.min,
    maxBlockSizeLog: isStock ? STOCK_BLOCK_LOG : sim.block.max,
    maxChunksNumber: sim.chunks,
    maxBlobSize: sim.slot,
    ...(segments !== undefined && { mtuSize: mtuOf(segments), maxChunkSize: mtuOf(segments) - CHUNK_OVERHEAD }),
  };
}

/** Blocks of a stock peer are flash pages of 4096 octets. */
const STOCK_BLOCK_LOG = 12;
/** Opcode and Chunk Number. */
const CHUNK_OVERHEAD = 3;

/** Access payload of so many segments: 12 octets each, less the TransMIC. */
function mtuOf(segments: number): number {
  return 12 * segments - 4;
}
