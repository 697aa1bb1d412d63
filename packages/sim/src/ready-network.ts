import {
  addAppKey,
  addNode,
  createNetworkDocument,
  hex4,
  modelIdNumber,
  type NetworkDocument,
  provisionedNode,
  randomUuid,
  updateNode,
  withComposition,
} from '@meshferry/cdb';
import { SeededRandom, type Unicast } from '@meshferry/core';
import type { MeshNode, OwnIdentity } from '@meshferry/node';
import {
  SIM_DISTRIBUTOR_ADDRESS,
  SIM_FIRST_FRIEND_ADDRESS,
  SIM_FIRST_TARGET_ADDRESS,
  SIM_PROCESS_ADDRESS,
  type SimOptions,
  simTargetAddress,
} from './uri.ts';
import { SIM_APP_INDEX, worldKeys } from './world-keys.ts';

/** Nothing in a simulated world depends on when it is. */
const EPOCH = '2020-01-01T00:00:00Z';

/**
 * The network that a simulated world comes with, as a document, and who this process is in it; undefined for a world
 * without nodes, which has no network yet. What its nodes are made of follows: see {@link describeNodes}.
 */
export function readyNetwork(sim: SimOptions): { document: NetworkDocument; own: OwnIdentity } | undefined {
  const addresses = nodeAddresses(sim);
  if (addresses.length === 0) return undefined;
  const random = new SeededRandom(`${sim.seed}/uuids`);
  const keys = worldKeys(sim.seed, SIM_PROCESS_ADDRESS);
  const uuid = randomUuid(random.bytes(16));
  const empty = createNetworkDocument({
    meshName: 'Simulated network',
    meshUUID: randomUuid(random.bytes(16)),
    timestamp: EPOCH,
    netKey: keys.netKeys[0]?.key as Uint8Array,
    provisioner: { name: 'meshferry', uuid, deviceKey: keys.deviceKey, composition: BARE },
  });
  let document = keys.appKeys.reduce(
    (before, { index, netIndex, key }) => addAppKey(before, { name: 'Application', index, boundNetKey: netIndex, key }),
    empty,
  );
  for (const address of addresses) {
    const node = provisionedNode(document, {
      uuid: random.bytes(16),
      name: nameOf(sim, address),
      address,
      elements: address < SIM_FIRST_TARGET_ADDRESS ? 1 : sim.instances,
      deviceKey: worldKeys(sim.seed, address).deviceKey,
      secure: true,
      netIndex: 0,
    });
    const appKeys = [{ index: SIM_APP_INDEX, updated: false }];
    document = addNode(document, { ...node, appKeys, configComplete: true });
  }
  return { document, own: { uuid, ivIndex: 0, ivUpdating: false } };
}

/** The document with what these nodes are made of, and how their models are configured. */
export function describeNodes(document: NetworkDocument, nodes: readonly (MeshNode | undefined)[]): NetworkDocument {
  let described = document;
  for (const node of nodes) {
    const entry = document.nodes.find(({ unicastAddress }) => node && unicastAddress === hex4(node.address));
    if (node === undefined || entry === undefined) continue;
    const composed = withComposition(entry, node.access.composition);
    const elements = composed.elements.map((element) => ({
      ...element,
      models: element.models.map((model) => {
        const live = node.access.modelAt(node.address + element.index, modelIdNumber(model.modelId));
        const groups = live?.subscriptions.map(({ address }) => hex4(address)) ?? [];
        return { ...model, bind: [...(live?.appKeys ?? [])], subscribe: groups };
      }),
    }));
    described = updateNode(described, node.address, { ...composed, elements, defaultTTL: node.network.defaultTtl });
  }
  return described;
}

function nodeAddresses(sim: SimOptions): Unicast[] {
  const { distributor, friends, targets } = sim;
  const row = (first: Unicast, count: number) => Array.from({ length: count }, (_, i) => first + i);
  return [
    ...(distributor ? [SIM_DISTRIBUTOR_ADDRESS] : []),
    ...row(SIM_FIRST_FRIEND_ADDRESS, friends),
    ...row(0, targets).map((number) => simTargetAddress(sim, number)),
  ];
}

function nameOf({ instances }: SimOptions, address: Unicast): string {
  if (address === SIM_DISTRIBUTOR_ADDRESS) return 'Distributor';
  if (address < SIM_FIRST_TARGET_ADDRESS) return `Friend ${address - SIM_FIRST_FRIEND_ADDRESS + 1}`;
  return `Target ${(address - SIM_FIRST_TARGET_ADDRESS) / instances + 1}`;
}

const BARE = {
  cid: 0xffff,
  pid: 0,
  vid: 0,
  crpl: 0xffff,
  features: 0,
  elements: [{ location: 0, sigModels: [], vendorModels: [] }],
};
