import type { Model } from '@meshferry/access';
import {
  type BlobCapabilities,
  BlobClient,
  type BlobPullOptions,
  BlobServer,
  type BlobServerOptions,
} from '@meshferry/blob';
import { type Address, type AppIndex, silent, storeView } from '@meshferry/core';
import {
  FirmwareDistributionClient,
  FirmwareDistributionServer,
  type FirmwareDistributionServerOptions,
  FirmwareUpdateClient,
  FirmwareUpdateServer,
  type SlotLimits,
  SlotStore,
  type TargetApplication,
  withOwnImage,
} from '@meshferry/dfu';
import type { NodeGround } from './mesh-node.ts';

/** A node's part in a firmware update: its models, in the order in which they stand on one element. */
export interface Role {
  readonly models: readonly Model[];
  /** Binds every model of the role to the AppKey [spec: firmware-update.md section 1]. */
  bind(appIndex: AppIndex): void;
}

export interface TargetRole extends Role {
  readonly blob: BlobServer;
  readonly update: FirmwareUpdateServer;
  /** Subscribes both servers (they share one list) to the group address or Label UUID that images are sent to. */
  subscribe(group: Address | Uint8Array): void;
}

/** `models` stand on one element, those of the `target` on another one: each has a BLOB Transfer Server of its own. */
export interface DistributorRole extends Role {
  readonly distribution: FirmwareDistributionServer;
  /** The node itself as one of its receivers; it is bound with the role. */
  readonly target: TargetRole | undefined;
}

/** What a {@link distributorRole} can be told besides its limits. */
export interface DistributorRoleOptions
  extends Pick<FirmwareDistributionServerOptions, 'maxReceivers' | 'resumeAtStart' | 'settings' | 'oob'> {
  /** The device's own firmware: with it the node is a Target as well, and updates itself last. */
  readonly self?: TargetApplication;
}

export interface UpdaterRole extends Role {
  readonly blob: BlobClient;
  readonly update: FirmwareUpdateClient;
  readonly distribution: FirmwareDistributionClient;
}

/** A Target: Firmware Update Server on its BLOB Transfer Server. Call `update.start()` when the node is composed. */
export function targetRole(
  ground: NodeGround,
  application: TargetApplication,
  capabilities?: Partial<BlobCapabilities>,
  pull?: BlobPullOptions,
  settings: BlobServerOptions['settings'] = 'auto',
): TargetRole {
  const { clock, store } = ground;
  const log = ground.log ?? silent;
  const blob = new BlobServer({
    clock,
    log,
    settings,
    store: storeView(store, 'blob/'),
    ...(capabilities && { capabilities }),
    ...(pull && { pull }),
  });
  const update = new FirmwareUpdateServer({ log, store: storeView(store, 'update/'), blob, application });
  return {
    blob,
    update,
    subscribe: (group) => update.model.subscribe(group),
    ...role([blob.model, update.model]),
  };
}

/**
 * A Distributor: takes images by upload and updates a list of nodes. Call `distribution.start()`, and before it
 * `target.update.start()`, when the node is composed and the role bound.
 */
export function distributorRole(
  ground: NodeGround,
  limits: SlotLimits,
  { self, ...options }: DistributorRoleOptions = {},
): DistributorRole {
  const { clock, random, crypto, store } = ground;
  const log = ground.log ?? silent;
  const blobServer = new BlobServer({
    clock,
    log,
    store: storeView(store, 'blob/'),
    capabilities: { maxBlobSize: limits.imageSize },
  });
  const blobClient = new BlobClient({ clock, random, log, store: storeView(store, 'blob-client/') });
  const updates = new FirmwareUpdateClient({
    clock,
    random,
    log,
    blob: blobClient,
    store: storeView(store, 'update-client/'),
  });
  const distribution: FirmwareDistributionServer = new FirmwareDistributionServer({
    ...options,
    clock,
    random,
    crypto,
    log,
    store: storeView(store, 'distribution/'),
    blob: blobServer,
    updates,
    slots: new SlotStore({ store: storeView(store, 'slots/'), crypto, limits }),
    isSelf: (address) => address === distribution.model.element || address === target?.update.model.element,
  });
  const target =
    self &&
    targetRole(
      { ...ground, store: storeView(store, 'self/') },
      withOwnImage(self, () => distribution.sending),
      { maxBlobSize: limits.imageSize },
    );
  const { models, bind } = role([blobServer.model, blobClient.model, updates.model, distribution.model]);
  return {
    distribution,
    target,
    models,
    bind: (appIndex) => {
      bind(appIndex);
      target?.bind(appIndex);
    },
  };
}

/** A stand-alone updater and Initiator: clients of all three firmware models. */
export function updaterRole(ground: NodeGround): UpdaterRole {
  const { clock, random, store } = ground;
  const log = ground.log ?? silent;
  const blob = new BlobClient({ clock, random, log, store: storeView(store, 'blob-client/') });
  const update = new FirmwareUpdateClient({ clock, random, log, blob, store: storeView(store, 'update-client/') });
  const distribution = new FirmwareDistributionClient({ clock, random, blob });
  return { blob, update, distribution, ...role([blob.model, update.model, distribution.model]) };
}

function role(models: readonly Model[]): Role {
  return {
    models,
    bind: (appIndex) => {
      for (const model of models) model.bind(appIndex);
    },
  };
}
