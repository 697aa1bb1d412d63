/**
 * Time to make a network of 100 simulated devices: provisioned over PB-ADV, their composition read, an AppKey added and
 * their update models configured. Wall time of this machine, and simulated time of the mesh.
 */
import { MemoryStore, storeView } from '@meshferry/core';
import { nodeCrypto } from '@meshferry/crypto-node';
import { configureNode, createNetwork, MeshNetwork } from '@meshferry/node';
import { pbAdv } from '@meshferry/provisioning';
import { parseSimUri, World } from '@meshferry/sim';

const DEVICES = 100;
/** Links that are open at a time, and nodes that are configured at a time. */
const PARALLEL = 4;

const PROFILE = {
  models: [
    { model: 0x1400, bind: [0], subscribe: [0xc000] },
    { model: 0x1402, bind: [0] },
  ],
};

for (const radio of ['ideal', 'honest']) await measure(`sim:targets=0,unprovisioned=${DEVICES},radio=${radio}`);

async function measure(uri: string): Promise<void> {
  const store = new MemoryStore();
  const wallTime = (): number => 0;
  let network!: MeshNetwork;
  const world: World = new World({
    sim: parseSimUri(uri),
    crypto: nodeCrypto,
    store: storeView(store, 'sim/'),
    self: (ground) => {
      const kept = storeView(store, 'network/');
      const state = createNetwork(kept, { name: 'Bench', provisioner: 'bench', random: ground.random, wallTime });
      const { defaultTtl, incoming } = ground;
      network = new MeshNetwork({ ...ground, state, wallTime, node: { defaultTtl, incoming } });
      return network.node;
    },
  });
  const { clock, random, advertising } = world;
  if (advertising === undefined) throw new Error('no radio');
  const bearer = pbAdv({ clock, random }, advertising);
  const uuids = world.devices.map(({ label }) => label.uuid);

  const begin = performance.now();
  const nodes = await world.run(each(uuids, (uuid) => persist(() => network.provision({ uuid, bearer }).node)));
  const provisioned = { wall: performance.now() - begin, simulated: clock.now };
  const addresses = nodes.map(({ unicastAddress }) => Number.parseInt(unicastAddress, 16));
  await world.run(each(addresses, (address) => persist(() => configureNode(network, address, PROFILE))));
  const all = { wall: performance.now() - begin, simulated: clock.now };
  world.close();

  const configured = network.document.nodes.filter(({ configComplete }) => configComplete).length - 1;
  const seconds = (ms: number): string => (ms / 1000).toFixed(1).padStart(7);
  console.log(`${uri}: ${configured} of ${DEVICES} nodes`);
  console.log(`  provisioned   ${seconds(provisioned.wall)} s wall  ${seconds(provisioned.simulated)} s simulated`);
  console.log(
    `  configured    ${seconds(all.wall - provisioned.wall)} s wall  ${seconds(all.simulated - provisioned.simulated)} s simulated`,
  );
  console.log(`  both          ${seconds(all.wall)} s wall  ${seconds(all.simulated)} s simulated`);
}

/** Once more what an honest radio did not carry in time. */
async function persist<T>(work: () => Promise<T>, attempts = 3): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (attempts === 1) throw thrown;
    return persist(work, attempts - 1);
  }
}

async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) done[i] = await work(items[i] as T);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return done;
}
