import { MeshError, SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type ProvisionedNode, type ProvisioningBearer, provisionDevice } from '@meshferry/provisioning';
import { describe, expect, it } from 'vitest';
import { pbRemote } from './pb-remote.ts';
import { NET_KEY } from './testing/node.ts';
import { Device, RemoteWorld } from './testing/remote.ts';

const DATA = {
  netKey: NET_KEY,
  netKeyIndex: 0,
  keyRefresh: false,
  ivUpdate: false,
  ivIndex: 0,
  unicastAddress: 0x0300,
};

describe('Remote Provisioning', () => {
  it('finds a device that the client does not hear, and provisions it', async () => {
    const { world, client, device, to } = scene();
    const found = await world.until(client.client.scan(to, { seconds: 20, limit: 1 }));
    expect(found).toEqual([
      {
        server: 0x0100,
        netIndex: 0,
        uuid: device.uuid,
        oobInformation: 0x0020,
        uriHash: undefined,
        rssi: expect.any(Number),
      },
    ]);
    const node = await world.until(provision(world, pbRemote(client.client, to), device));
    expect(node).toMatchObject({ data: DATA });
    expect(device.node).toEqual(node);
    await pass(world, 10_000);
    expect(await world.until(client.client.linkGet(to))).toBe('idle');
  });

  it.each([0.05, 0.1, 0.2])('provisions when %d of all packets are lost', async (loss) => {
    for (let seed = 0; seed < 5; seed++) {
      const { world, client, device, to } = scene({ loss, seed: `${loss} ${seed}` });
      const node = await world.until(provision(world, pbRemote(client.client, to), device));
      expect(node).toMatchObject({ data: DATA });
      expect(device.node).toEqual(node);
    }
  });
});

function scene(options: { loss?: number; seed?: string } = {}) {
  const world = new RemoteWorld(options);
  const client = world.node(0x0001, [0x0100]);
  const server = world.node(0x0100);
  const device = new Device(world.clock, world.air, 0xd1);
  world.separate(client.number, 2);
  return { world, client, server, device, to: { address: 0x0100 } };
}

function provision(
  world: RemoteWorld,
  bearer: ProvisioningBearer,
  { uuid }: Device,
): Promise<ProvisionedNode | MeshError> {
  const ground = { clock: world.clock, random: new SeededRandom('provisioner'), crypto: portableCrypto };
  return new Promise((resolve) => {
    bearer.open(uuid, (link) => {
      if (link instanceof MeshError) resolve(link);
      else provisionDevice(ground, link, { dataFor: () => DATA, aboutToFinish: () => {}, done: resolve });
    });
  });
}

async function pass(world: RemoteWorld, ms: number): Promise<void> {
  await world.until(new Promise<void>((resolve) => world.clock.after(ms, resolve)));
}
