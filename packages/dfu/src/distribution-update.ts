import type { BlobSource } from '@meshferry/blob';
import { type AppIndex, type Log, toMeshError, type Unicast } from '@meshferry/core';
import type { DistributionRecord } from './distribution-record.ts';
import type { ReceiversList } from './receivers-list.ts';
import type { SlotStore } from './slot-store.ts';
import type { FirmwareUpdateClient } from './update-client.ts';
import type { Update, UpdateEvent } from './update-types.ts';

/** What the update of a distribution is made from. */
export interface DistributionUpdateGround {
  readonly updates: FirmwareUpdateClient;
  readonly slots: SlotStore;
  readonly receivers: ReceiversList;
  readonly settings: 'auto' | 'stock' | undefined;
  readonly log: Log;
  /** Whether an address is an element of this node. */
  isSelf(address: Unicast): boolean;
}

/**
 * The update that a distribution is: a new one, or with `resume` the one in the store of the update client. Undefined when
 * it cannot be, which is logged. `image`: the octets that are sent.
 */
export function launchUpdate(
  ground: DistributionUpdateGround,
  record: DistributionRecord,
  image: BlobSource,
  resume: boolean,
  listener: (event: UpdateEvent) => void,
): Update | undefined {
  const { updates, slots, receivers, settings, log } = ground;
  const { parameters, multicastAddress, blobId } = record;
  const { multicast, imageIndex, updatePolicy } = parameters;
  const stored = slots.images[imageIndex];
  if (stored === undefined) return undefined;
  try {
    return updates.update(
      {
        receivers: receivers.all.map((receiver) => ({
          address: receiver.address,
          imageIndex: receiver.imageIndex,
          self: ground.isSelf(receiver.address),
        })),
        appIndex: parameters.appKeyIndex,
        ttl: parameters.distributionTtl,
        timeoutBase: parameters.timeoutBase,
        mode: parameters.transferMode,
        ...(multicastAddress === 0 ? {} : { group: multicastAddress }),
        ...(typeof multicast === 'number' ? {} : { label: multicast }),
        blobId,
        metadata: stored.metadata,
        firmwareId: stored.firmwareId,
        policy: updatePolicy === 'verifyAndApply' ? 'apply' : 'verify',
        source: image,
        ...(settings === undefined ? {} : { settings }),
        resume,
      },
      listener,
    );
  } catch (thrown) {
    log('error', 'the update cannot be started', toMeshError(thrown).toJSON());
    return undefined;
  }
}

/** Whether the clients that update the receivers may use an AppKey. */
export function hasAppKey({ model }: FirmwareUpdateClient, appIndex: AppIndex): boolean {
  return [model, ...model.extends].every(({ appKeys }) => appKeys.includes(appIndex));
}
