import { memoryGatt } from '@meshferry/bearer';
import { MeshError, SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type ProvisioningLink, pbAdvAcceptor, pbGattAcceptor } from '@meshferry/provisioning';
import { describe, expect, it } from 'vitest';
import { pbRemote } from './pb-remote.ts';
import { Device, RemoteWorld } from './testing/remote.ts';

const TO = { address: 0x0100 };
const NOBODY = new Uint8Array(16).fill(0x99);

describe('a Remote Provisioning Client', () => {
  it('scans until the time is over, and tells each device at once', async () => {
    const { world, client, devices } = scene(2);
    const began = world.clock.now;
    const told: Uint8Array[] = [];
    const found = await world.until(client.client.scan(TO, { seconds: 10 }, ({ uuid }) => told.push(uuid)));
    expect(found.map(({ uuid }) => uuid)).toEqual(told);
    expect(new Set(told)).toEqual(new Set(devices.map(({ uuid }) => uuid)));
    expect(world.clock.now - began).toBeGreaterThan(10_000);
  });

  it('scans for one device', async () => {
    const { world, client, devices } = scene(3);
    const found = await world.until(client.client.scan(TO, { seconds: 20, uuid: devices[1]!.uuid }));
    expect(found.map(({ uuid }) => uuid)).toEqual([devices[1]!.uuid]);
    expect(world.clock.now).toBeLessThan(15_000);
  });

  it('ends a scan when it is told to, at the server as well', async () => {
    const { world, client } = scene(0);
    const abort = new AbortController();
    const scan = client.client.scan(TO, { seconds: 60 }, () => {}, { signal: abort.signal });
    await pass(world, 3000);
    expect(await world.until(client.client.scanGet(TO))).toEqual({
      scanning: 'multiple',
      limit: 5,
      seconds: expect.any(Number),
    });
    abort.abort();
    expect(await world.until(scan)).toEqual([]);
    await pass(world, 3000);
    expect(await world.until(client.client.scanGet(TO))).toEqual({ scanning: 'idle', limit: 0, seconds: 0 });
  });

  it('says why a server does not scan', async () => {
    const { world, client } = scene(0);
    const scan = client.client.scan(TO, { seconds: 10, limit: 6 });
    await expect(world.until(scan)).rejects.toMatchObject({
      code: 'remote-provisioning-status',
      status: 1,
      message: 'scan: 0x0100 answers Scanning Cannot Start (0x01): it cannot scan for so many devices',
      hint: 'Ask for its capabilities, and give a smaller limit.',
    });
    await expect(world.until(client.client.scan(TO, { seconds: 0 }))).rejects.toMatchObject({ code: 'bad-field' });
    await expect(world.until(client.client.scan({ address: 0x0777 }, { seconds: 9 }))).rejects.toMatchObject({
      code: 'no-key',
    });
  });

  it('asks for more about a device, and about the server', async () => {
    const { world, client } = scene(0);
    const device = new Device(world.clock, world.air, 0xd7, { uri: Uint8Array.of(0x17, 0x41) });
    const { client: remote } = client;
    expect(await world.until(remote.extendedScan(TO, { adTypes: [0x24], uuid: device.uuid }))).toEqual({
      uuid: device.uuid,
      oobInformation: 0x0020,
      adStructures: [{ type: 0x24, data: Uint8Array.of(0x17, 0x41) }],
    });
    expect(await world.until(remote.extendedScan(TO, { adTypes: [0x24], uuid: NOBODY, seconds: 3 }))).toEqual({
      uuid: NOBODY,
      oobInformation: undefined,
      adStructures: [],
    });
    expect(await world.until(remote.extendedScan(TO, { adTypes: [0x09] }))).toMatchObject({
      oobInformation: 0xa040,
      adStructures: [{ type: 0x09 }],
    });
    await world.until(open(pbRemote(remote, TO), device.uuid));
    const refused = remote.extendedScan(TO, { adTypes: [0x24], uuid: NOBODY, seconds: 3 });
    await expect(world.until(refused)).rejects.toMatchObject({ code: 'remote-provisioning-status', status: 3 });
  });

  it('stops a scan', async () => {
    const { world, client } = scene(0);
    await world.until(client.client.scanStart(TO, { seconds: 60, uuid: NOBODY }));
    expect(await world.until(client.client.scanStop(TO))).toEqual({ scanning: 'idle', limit: 0, seconds: 0 });
  });
});

describe('a Remote Provisioning Server with several bearers', () => {
  it('reaches a device by the one that opens first', async () => {
    const { world, client, server } = scene(0);
    const gatt = memoryGatt(world.clock);
    server.server.attach({ central: gatt.central() });
    const links: ProvisioningLink[] = [];
    const announced = { uuid: new Uint8Array(16).fill(0xd3), oobInformation: 0 };
    const stop = pbGattAcceptor(world, gatt.peripheral({ connections: 1 })).accept(announced, (link) =>
      links.push(link),
    );
    const overGatt = await world.until(open(pbRemote(client.client, TO), announced.uuid));
    expect(await world.until(send(overGatt))).toBeUndefined();
    expect(links).toHaveLength(1);
    stop();
    (overGatt as ProvisioningLink).close('fail');
    await pass(world, 10_000);
    const device = new Device(world.clock, world.air, 0xd4);
    expect(await world.until(send(await world.until(open(pbRemote(client.client, TO), device.uuid))))).toBeUndefined();
    await pass(world, 70_000);
    const nobody = await world.until(open(pbRemote(client.client, TO), NOBODY));
    expect(nobody).toMatchObject({ code: 'link-open-failed', status: 5 });
  });

  it('has none when they are detached', async () => {
    const { world, client, server, devices } = scene(1);
    server.detach();
    const opened = await world.until(open(pbRemote(client.client, TO), devices[0]!.uuid));
    expect(opened).toMatchObject({ code: 'link-open-failed', status: 4 });
  });
});

describe('a device that says too much', () => {
  it.each([
    ['a PDU that no message has room for', [378], 'fail'],
    ['PDUs, when the client is not reached; that notices it later', Array.from({ length: 60 }, () => 1), 'timeout'],
  ])('loses its link: %s', async (_, lengths, reason) => {
    const { world, client } = scene(0);
    const announced = { uuid: new Uint8Array(16).fill(0xd5), oobInformation: 0 };
    const ground = { clock: world.clock, random: new SeededRandom('chatty'), crypto: portableCrypto };
    pbAdvAcceptor(ground, world.air.join().advertising).accept(announced, (link) => {
      link.listen({ received: () => {}, closed: () => {} });
      for (const length of lengths) link.send(new Uint8Array(length).fill(0x55));
    });
    const link = await world.until(open(pbRemote(client.client, TO), announced.uuid));
    if (lengths.length > 1) world.deaf.add(client.number);
    const closed = new Promise<string>((resolve) =>
      (link as ProvisioningLink).listen({ received: () => {}, closed: resolve }),
    );
    if (lengths.length > 1) {
      await pass(world, 8000);
      world.deaf.clear();
    }
    expect(await world.until(closed)).toBe(reason);
    await pass(world, 10_000);
    expect(await world.until(client.client.linkGet(TO))).toBe('idle');
  });
});

function scene(count: number) {
  const world = new RemoteWorld();
  const client = world.node(0x0001, [TO.address]);
  const server = world.node(TO.address);
  const devices = Array.from({ length: count }, (_, i) => new Device(world.clock, world.air, 0xd1 + i));
  return { world, client, server, devices };
}

function open(bearer: ReturnType<typeof pbRemote>, uuid: Uint8Array): Promise<ProvisioningLink | MeshError> {
  return new Promise((resolve) => bearer.open(uuid, resolve));
}

function send(link: ProvisioningLink | MeshError): Promise<MeshError | undefined> {
  if (link instanceof MeshError) throw link;
  return new Promise((resolve) => link.send(Uint8Array.of(0, 0), resolve));
}

async function pass(world: RemoteWorld, ms: number): Promise<void> {
  await world.until(new Promise<void>((resolve) => world.clock.after(ms, resolve)));
}
