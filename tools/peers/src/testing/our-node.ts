import { AccessLayer, type Model } from '@meshferry/access';
import { MemoryStore, type Unicast } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { ConfigurationServer, type FoundationHost } from '@meshferry/foundation';
import { NetworkLayer } from '@meshferry/network';
import type { ProvisionedNode, ProvisioningData } from '@meshferry/provisioning';
import type { Meshd } from './meshd.ts';
import { systemClock, systemRandom } from './system-clock.ts';

/** What provisioning stands on in real time. */
export const ground = { clock: systemClock, random: systemRandom, crypto: portableCrypto };

/** A node of ours on the air of the daemon. */
export interface OurNode extends FoundationHost {
  readonly address: Unicast;
  /** Config Node Reset was received. */
  readonly wasReset: boolean;
  close(): void;
}

/** A node that has these keys, and these models on its elements; the primary one has a Configuration Server besides. */
export function ourNode(
  meshd: Meshd,
  { deviceKey, data }: Pick<ProvisionedNode, 'deviceKey'> & { readonly data: ProvisioningData },
  elements: readonly (readonly Model[])[],
  deviceKeyOf?: (node: Unicast) => Uint8Array | undefined,
): OurNode {
  const { unicastAddress: address, netKeyIndex, netKey, keyRefresh, ivIndex, ivUpdate } = data;
  const access = new AccessLayer({
    ...ground,
    store: new MemoryStore(),
    address,
    identity: { cid: 0x05f1, pid: 1, vid: 2, crpl: 100, features: 1 },
    ...(deviceKeyOf && { deviceKeyOf }),
  });
  let wasReset = false;
  const configuration = new ConfigurationServer({ host: () => node });
  elements.forEach((models, i) => {
    access.addElement(i + 1, i === 0 ? [configuration.model, ...models] : models);
  });
  const network = new NetworkLayer({
    ...ground,
    store: new MemoryStore(),
    host: access,
    address,
    elements: elements.length,
    deviceKey,
    netKeys: [{ index: netKeyIndex, key: netKey, keyRefresh }],
    ivIndex,
    ivUpdating: ivUpdate,
  });
  access.connect(network);
  network.attach(meshd.radio);
  const node: OurNode = {
    access,
    network,
    address,
    get wasReset() {
      return wasReset;
    },
    reset: () => {
      wasReset = true;
    },
    close: () => {
      access.close();
      network.close();
    },
  };
  return node;
}
