// From a box of unprovisioned devices to a configured network: three simulated devices are found, provisioned with the
// static OOB value of their labels, and configured to take updates; then the network is written as a document that a
// phone imports. With another bearer than the simulator only the lines that open the world change.
import { writeNetworkDocument } from '@meshferry/cdb';
import { MemoryStore, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { configureNode, createNetwork, MeshNetwork, type NodeProfile } from '@meshferry/node';
import { pbAdv, UnprovisionedScanner } from '@meshferry/provisioning';
import { parseSimUri, World } from '@meshferry/sim';

/** Firmware Update and BLOB Transfer Server: under AppKey 0, in the group that images are sent to. */
const UPDATABLE: NodeProfile = {
  models: [
    { model: 0x1400, bind: [0], subscribe: [0xc000] },
    { model: 0x1402, bind: [0] },
  ],
};

const wallTime = Date.now;
let network: MeshNetwork | undefined;
const world = new World({
  sim: parseSimUri('sim:targets=0,unprovisioned=3,oob=static,loss=0.05'),
  self: (ground) => {
    const state = createNetwork(new MemoryStore(), {
      name: 'House',
      provisioner: 'me',
      random: ground.random,
      wallTime,
    });
    network = new MeshNetwork({ ...ground, state, wallTime });
    return network.node;
  },
});
const { clock, random, advertising } = world;
if (network === undefined || advertising === undefined) throw new Error('the simulated world has a radio');
const house: MeshNetwork = network;

const scanner = new UnprovisionedScanner({ clock, crypto: portableCrypto, advertising });
clock.advance(10_000);
scanner.close();

const bearer = pbAdv({ clock, random }, advertising);
for (const { uuid, rssi } of scanner.devices) {
  const label = world.devices.find((device) => toHex(device.label.uuid) === toHex(uuid))?.label;
  const oob = label?.staticOob === undefined ? {} : { staticValue: label.staticOob };
  const node = await world.run(house.provision({ uuid, bearer, oob }).node);
  await world.run(configureNode(house, Number.parseInt(node.unicastAddress, 16), UPDATABLE));
  console.log(`${node.UUID} (${rssi} dBm) is node 0x${node.unicastAddress}`);
}

const { nodes } = house.document;
console.log(`a document of ${writeNetworkDocument(house.document).length} characters: ${nodes.length} nodes`);
world.close();
process.exitCode = nodes.length === 4 && nodes.every(({ configComplete }) => configComplete) ? 0 : 1;
