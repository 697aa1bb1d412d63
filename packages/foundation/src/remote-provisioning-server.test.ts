import { describe, expect, it } from 'vitest';
import {
  RemoteProvisioningExtendedScanStart,
  RemoteProvisioningLinkClose,
  RemoteProvisioningLinkGet,
  RemoteProvisioningLinkOpen,
  RemoteProvisioningScanCapabilitiesGet,
  RemoteProvisioningScanGet,
  RemoteProvisioningScanStart,
  RemoteProvisioningScanStop,
} from './remote-provisioning-messages.ts';
import { RemoteProvisioningServer } from './remote-provisioning-server.ts';
import { RawClient } from './testing/raw-client.ts';
import { Device, RemoteWorld } from './testing/remote.ts';

const OTHER_KEY = new Uint8Array(16).fill(0x33);
const INVITE = [0x00, 0x00];
const START = [0x02, 0x00, 0x00, 0x00, 0x00, 0x00];

describe('a scan', () => {
  it('reports each device once, up to the limit', () => {
    const { world, client } = scene(4);
    expect([...client.ask(RemoteProvisioningScanStart, scan({ limit: 3, timeout: 30 }), 10_000)].sort()).toEqual([
      expect.stringMatching(/^scan report -?\d+ d\d 32$/),
      expect.stringMatching(/^scan report -?\d+ d\d 32$/),
      expect.stringMatching(/^scan report -?\d+ d\d 32$/),
      'scan status 0 1 3 30',
    ]);
    expect(new Set(client.heard.map((line) => line.slice(-5))).size).toBe(4);
    expect(client.ask(RemoteProvisioningScanGet, {})).toEqual(['scan status 0 0 0 0']);
    world.clock.advance(30_000);
    expect(client.heard).toHaveLength(1);
  });

  it('looks for one device alone', () => {
    const { client, devices } = scene(3);
    const heard = client.ask(RemoteProvisioningScanStart, scan({ uuid: devices[1]!.uuid }), 10_000);
    expect(heard).toEqual(['scan status 0 2 5 10', expect.stringMatching(/^scan report -?\d+ d2 32$/)]);
    expect(client.ask(RemoteProvisioningScanGet, {})).toEqual(['scan status 0 0 0 0']);
  });

  it('tells the URI hash', () => {
    const { world, client } = scene(0);
    new Device(world.clock, world.air, 0xd7, { uri: Uint8Array.of(0x17, 0x41) });
    const heard = client.ask(RemoteProvisioningScanStart, scan({}), 10_000);
    expect(heard[1]).toMatch(/^scan report -?\d+ d7 32 [0-9a-f]{2}$/);
  });

  it('ends with its time, counts what is left, and can be stopped by anybody', () => {
    const { client, other } = scene(0);
    client.ask(RemoteProvisioningScanStart, scan({ timeout: 10 }), 4000);
    expect(client.ask(RemoteProvisioningScanGet, {})).toEqual(['scan status 0 1 5 6']);
    client.ask(RemoteProvisioningScanGet, {}, 7000);
    expect(client.ask(RemoteProvisioningScanGet, {})).toEqual(['scan status 0 0 0 0']);
    client.ask(RemoteProvisioningScanStart, scan({ timeout: 10 }));
    expect(other.ask(RemoteProvisioningScanStop, {})).toEqual(['scan status 0 0 0 0']);
  });

  it('is not for a second client, nor over another subnet; the same client may begin anew', () => {
    const { client, other, server, clientNode } = scene(1);
    for (const node of [server, clientNode]) node.network.addNetKey(1, OTHER_KEY);
    client.ask(RemoteProvisioningScanStart, scan({ timeout: 60 }), 10_000);
    expect(other.ask(RemoteProvisioningScanStart, scan({}))).toEqual(['scan status 2 1 5 50']);
    expect(client.ask(RemoteProvisioningScanStart, scan({}), 3000, 1)).toEqual(['scan status 2 1 5 47']);
    const anew = client.ask(RemoteProvisioningScanStart, scan({ limit: 1 }), 10_000);
    expect(anew).toEqual(['scan status 0 1 1 10', expect.stringContaining('scan report')]);
  });

  it('ends when its subnet is deleted', () => {
    const { client, server, clientNode } = scene(1);
    for (const node of [server, clientNode]) node.network.addNetKey(1, OTHER_KEY);
    client.ask(RemoteProvisioningScanStart, scan({}), 150, 1);
    server.network.removeNetKey(1);
    expect(client.ask(RemoteProvisioningScanGet, {}, 5000)).toEqual(['scan status 0 0 0 0']);
  });

  it('reports again what did not arrive', () => {
    const { world, client, clientNode } = scene(1);
    client.ask(RemoteProvisioningScanStart, scan({ timeout: 200 }), 150);
    world.deaf.add(clientNode.number);
    world.clock.advance(20_000);
    world.deaf.clear();
    world.clock.advance(40_000);
    expect(client.heard.filter((line) => line.startsWith('scan report'))).toHaveLength(1);
  });

  it('wants 4 to 255 devices as the limit of the server', () => {
    const { server } = scene(0);
    for (const maxScannedItems of [3, 256, 4.5]) {
      const ground = {
        clock: server.client.model.clock,
        random: { bytes: () => new Uint8Array(0) } as never,
        crypto: {} as never,
      };
      const make = () =>
        new RemoteProvisioningServer({
          host: () => server,
          ground,
          self: { uuid: new Uint8Array(16) },
          refresh: () => {},
          maxScannedItems,
        });
      expect(make).toThrow(expect.objectContaining({ code: 'bad-field' }));
    }
  });

  it('has its capabilities', async () => {
    const { world, clientNode } = scene(0);
    const capabilities = clientNode.client.scanCapabilities({ address: 0x0100 });
    expect(await world.until(capabilities)).toEqual({ maxScannedItems: 5, active: false });
    expect(RemoteProvisioningScanCapabilitiesGet.opcode).toBe(0x804f);
  });
});

describe('an extended scan', () => {
  const URI = 0x24;

  it('finds the URI of a device by its hash', () => {
    const { world, client } = scene(0);
    const device = new Device(world.clock, world.air, 0xd7, { uri: Uint8Array.of(0x17, 0x41) });
    expect(client.ask(RemoteProvisioningExtendedScanStart, extended([URI], device.uuid), 10_000)).toEqual([
      'extended report 0 d7 32 36:2',
    ]);
  });

  it('tells what the beacon says when there is no URI, or none was asked for', () => {
    const { client, devices } = scene(1);
    for (const types of [[URI], [0x09]]) {
      const heard = client.ask(RemoteProvisioningExtendedScanStart, extended(types, devices[0]!.uuid), 10_000);
      expect(heard).toEqual(['extended report 0 d1 32']);
    }
  });

  it('does not find a device that is not there', () => {
    const { client } = scene(1);
    const asked = extended([URI], new Uint8Array(16).fill(0x99));
    expect(client.ask(RemoteProvisioningExtendedScanStart, asked, 9000)).toEqual([]);
    expect(client.ask(RemoteProvisioningScanGet, {}, 3000)).toContain('extended report 0 99');
  });

  it('tells of the server itself at once', () => {
    const { client } = scene(0);
    expect(client.ask(RemoteProvisioningExtendedScanStart, extended([0x09, URI]))).toEqual([
      'extended report 0 00 41024 9:1',
    ]);
    expect(client.ask(RemoteProvisioningExtendedScanStart, extended([URI]))).toEqual(['extended report 0 00 41024']);
  });

  it('is refused for a device that another client looks at, for the fifth device, and during a link', () => {
    const { client, other, devices } = scene(1);
    const nobody = (uuid: number) => extended([URI], new Uint8Array(16).fill(uuid));
    client.ask(RemoteProvisioningExtendedScanStart, nobody(1), 500);
    expect(other.ask(RemoteProvisioningExtendedScanStart, nobody(1), 1500)).toEqual(['extended report 3 01']);
    for (const uuid of [1, 2, 3, 4]) client.ask(RemoteProvisioningExtendedScanStart, nobody(uuid), 500);
    expect(client.ask(RemoteProvisioningExtendedScanStart, nobody(5), 1500)).toEqual(['extended report 3 05']);
    client.open(devices[0]!.uuid, undefined, 20_000);
    expect(client.ask(RemoteProvisioningExtendedScanStart, nobody(6), 1500)).toEqual(['extended report 3 06']);
  });

  it('ends when its subnet is deleted', () => {
    const { client, server, clientNode } = scene(0);
    for (const node of [server, clientNode]) node.network.addNetKey(1, OTHER_KEY);
    const asked = extended([URI], new Uint8Array(16).fill(0x99));
    client.ask(RemoteProvisioningExtendedScanStart, asked, 500, 1);
    server.network.removeNetKey(1);
    expect(client.ask(RemoteProvisioningScanGet, {}, 15_000)).toEqual(['scan status 0 0 0 0']);
  });
});

describe('the link of a server', () => {
  it('goes from opening to active to closing to idle', () => {
    const { client, devices } = scene(1);
    expect(client.ask(RemoteProvisioningLinkGet, {})).toEqual(['status 0 0']);
    expect(client.open(devices[0]!.uuid)).toEqual(['status 0 1', 'link report 0 2']);
    expect(client.open(devices[0]!.uuid)).toEqual(['status 0 2']);
    expect(client.send(1, INVITE)).toEqual(['outbound 1', 'pdu 1 01']);
    expect(client.ask(RemoteProvisioningLinkGet, {})).toEqual(['status 0 2']);
    expect(client.ask(RemoteProvisioningLinkClose, { reason: 2 })).toEqual(['status 0 4', 'link report 8 0 2']);
    expect(client.ask(RemoteProvisioningLinkClose, { reason: 2 })).toEqual(['status 0 0']);
  });

  it('belongs to one client and one device at a time', () => {
    const { client, other, devices } = scene(2);
    client.open(devices[0]!.uuid);
    expect(client.open(devices[1]!.uuid)).toEqual(['status 4 2']);
    expect(client.open(0)).toEqual(['status 4 2']);
    expect(other.open(devices[0]!.uuid)).toEqual(['status 4 2']);
    expect(other.ask(RemoteProvisioningLinkClose, { reason: 0 })).toEqual(['status 2 2']);
    expect(other.send(1, INVITE)).toEqual([]);
    expect(other.ask(RemoteProvisioningLinkGet, {})).toEqual(['status 0 2']);
    expect(client.send(1, INVITE)).toEqual(['outbound 1', 'pdu 1 01']);
  });

  it('is not opened again while a PDU is on its way, and takes no other PDU then', () => {
    const { world, client, devices } = scene(1);
    client.open(devices[0]!.uuid);
    world.deaf.add(DEVICE_RADIO);
    expect(client.send(1, INVITE, 2000)).toEqual([]);
    expect(client.open(devices[0]!.uuid, undefined, 1000)).toEqual(['status 2 3']);
    expect(client.send(1, INVITE, 1000)).toEqual([]);
    expect(client.send(2, INVITE, 1000)).toEqual([]);
  });

  it('does not open to a device that is not there, by then', () => {
    const { client } = scene(0);
    const nobody = new Uint8Array(16).fill(0x99);
    expect(client.open(nobody, 5, 4000)).toEqual(['status 0 1']);
    expect(client.send(1, INVITE, 200)).toEqual([]);
    expect(client.send(7, INVITE, 200)).toEqual(['outbound 0']);
    expect(client.ask(RemoteProvisioningLinkGet, {})).toContain('link report 5 0');
    expect(client.ask(RemoteProvisioningLinkGet, {})).toEqual(['status 0 0']);
    client.open(nobody, undefined, 9500);
    expect(client.ask(RemoteProvisioningLinkGet, {})).toContain('link report 5 0');
  });

  it('is closed while it opens', () => {
    const { client } = scene(0);
    client.open(new Uint8Array(16).fill(0x99), 60);
    expect(client.ask(RemoteProvisioningLinkClose, { reason: 2 })).toEqual(['status 0 4', 'link report 8 0 2']);
  });

  it('cannot open without a bearer', () => {
    const { client, server, devices } = scene(1);
    server.detach();
    expect(client.open(devices[0]!.uuid)).toEqual(['status 4 0']);
    expect(client.ask(RemoteProvisioningExtendedScanStart, extended([0x24], devices[0]!.uuid))).toEqual([
      'extended report 3 d1',
    ]);
  });

  it('answers a repeated or skipped number with its count', () => {
    const { client, devices } = scene(1);
    client.open(devices[0]!.uuid);
    client.send(1, INVITE);
    expect(client.send(1, INVITE)).toEqual(['outbound 1']);
    expect(client.send(3, INVITE)).toEqual(['outbound 1']);
    expect(client.send(2, START)).toEqual(['outbound 2']);
  });

  it('ends when the device closes it', () => {
    const { client, devices, world } = scene(1);
    client.open(devices[0]!.uuid);
    client.send(1, INVITE);
    world.clock.advance(70_000); // the device waits for Start no longer than 60 s
    expect(client.heard).toContain('link report 6 0 1');
  });

  it('ends when the device takes no PDU any more', () => {
    const { world, client, devices } = scene(1);
    client.open(devices[0]!.uuid);
    world.deaf.add(DEVICE_RADIO);
    expect(client.send(1, INVITE, 40_000)).toEqual(['link report 10 0 2']);
  });

  it('ends when the client is not reached any more', () => {
    const { world, client, clientNode, devices } = scene(1);
    client.open(devices[0]!.uuid);
    client.send(1, INVITE, 50);
    world.deaf.add(clientNode.number);
    world.clock.advance(12_000);
    world.deaf.clear();
    expect(client.ask(RemoteProvisioningLinkGet, {}, 30_000)[0]).toBe('status 0 0');
  });

  it('ends without a word when its subnet is deleted', () => {
    const { client, server, clientNode, devices } = scene(1);
    for (const node of [server, clientNode]) node.network.addNetKey(1, OTHER_KEY);
    const open = { uuid: devices[0]!.uuid, timeout: undefined, nppiProcedure: undefined };
    client.ask(RemoteProvisioningLinkOpen, open, 3000, 1);
    expect(client.heard).toEqual(['status 0 1', 'link report 0 2']);
    server.network.removeNetKey(1);
    expect(client.ask(RemoteProvisioningLinkGet, {})).toEqual(['status 0 0']);
  });
});

describe('the link of a node to itself', () => {
  it('is active at once, and closed at once', () => {
    const { client } = scene(0);
    expect(client.open(0)).toEqual(['status 0 2', 'link report 0 2']);
    expect(client.open(0)).toEqual(['status 0 2']);
    expect(client.open(1)).toEqual(['status 4 2']);
    expect(client.send(1, INVITE)).toEqual(['outbound 1', 'pdu 1 01']);
    expect(client.send(1, INVITE)).toEqual(['outbound 1']);
    expect(client.ask(RemoteProvisioningLinkClose, { reason: 0 })).toEqual(['status 0 0']);
    expect(client.open(1)).toEqual(['status 0 2', 'link report 0 2']);
  });

  it('is closed by the server when nothing comes any more', () => {
    const { client } = scene(0);
    client.open(0);
    expect(client.ask(RemoteProvisioningLinkGet, {}, 65_000)).toEqual(['status 0 2', 'link report 7 0 1']);
  });

  it('says what is wrong', () => {
    const { client } = scene(0);
    client.open(0);
    expect(client.send(1, [0xff])).toEqual(['outbound 1', 'pdu 1 09']);
    expect(client.send(2, START)).toEqual(['outbound 2', 'pdu 2 09']);
  });

  it('is closed when the client is not reached any more', () => {
    const { world, client, clientNode } = scene(0);
    client.open(0);
    client.send(1, INVITE, 30);
    world.deaf.add(clientNode.number);
    world.clock.advance(12_000);
    world.deaf.clear();
    expect(client.ask(RemoteProvisioningLinkGet, {})[0]).toBe('status 0 0');
  });
});

/** Radios join in the order in which nodes and devices are made. */
const DEVICE_RADIO = 3;

function scene(count: number) {
  const world = new RemoteWorld();
  const clientNode = world.node(0x0001, [0x0100]);
  const otherNode = world.node(0x0002, [0x0100]);
  const server = world.node(0x0100);
  const devices = Array.from({ length: count }, (_, i) => new Device(world.clock, world.air, 0xd1 + i));
  const client = new RawClient(world, clientNode);
  return { world, clientNode, server, devices, client, other: new RawClient(world, otherNode) };
}

function scan({ limit = 0, timeout = 10, uuid }: { limit?: number; timeout?: number; uuid?: Uint8Array }) {
  return { scannedItemsLimit: limit, timeout, uuid };
}

function extended(adTypes: number[], uuid?: Uint8Array) {
  return { adTypes, uuid, timeout: uuid === undefined ? undefined : 10 };
}
