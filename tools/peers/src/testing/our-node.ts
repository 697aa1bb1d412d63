import type { Model } from '@meshferry/access';
import { MemoryStore, type Unicast } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { MeshDevice, MeshNode, type MeshNodeOptions } from '@meshferry/node';
import type { AnnouncedDevice, ProvisioningData, ProvisioningDeviceOptions } from '@meshferry/provisioning';
import type { Meshd } from './meshd.ts';
import { systemClock, systemRandom } from './system-clock.ts';

/** What our side stands on: real time. */
export const ground = { clock: systemClock, random: systemRandom, crypto: portableCrypto };

const identity = { cid: 0x05f1, pid: 1, vid: 2, crpl: 100, features: 1 };

/** Models of each element, in address order. */
type Elements = readonly (readonly Model[])[];

/** A node of ours in the network of these data, on the air of the daemon. */
export function ourNode(
  meshd: Meshd,
  { unicastAddress, netKeyIndex, netKey, ivIndex }: ProvisioningData,
  elements: Elements,
  deviceKeyOf: (node: Unicast) => Uint8Array | undefined,
): MeshNode {
  const node = new MeshNode({
    ...ground,
    store: new MemoryStore(),
    address: unicastAddress,
    keys: { deviceKey: ground.random.bytes(16), netKeys: [{ index: netKeyIndex, key: netKey }], appKeys: [] },
    ivIndex,
    identity,
    elements: located(elements),
    deviceKeyOf,
  });
  node.attach(meshd.radio);
  return node;
}

/** A device of ours on the air of the daemon; `elements` makes its models anew for each network that it joins. */
export function ourDevice(
  meshd: Meshd,
  uuid: AnnouncedDevice['uuid'],
  elements: () => Elements,
  provisioning: Omit<ProvisioningDeviceOptions, 'provisioned' | 'elements'> = {},
): MeshDevice {
  const device = new MeshDevice({
    ...ground,
    store: new MemoryStore(),
    announced: { uuid, oobInformation: 0x0402 },
    provisioning: { ...provisioning, elements: elements().length },
    compose: (membership) => new MeshNode({ ...membership, identity, elements: located(elements()) }),
  });
  device.attach(meshd.radio);
  return device;
}

function located(elements: Elements): MeshNodeOptions['elements'] {
  return elements.map((models, i) => ({ location: i + 1, models }));
}
