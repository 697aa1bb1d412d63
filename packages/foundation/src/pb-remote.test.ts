import { MeshError, SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  type LinkCloseReason,
  type ProvisionedNode,
  type ProvisioningBearer,
  type ProvisioningLink,
  provisionDevice,
} from '@meshferry/provisioning';
import { describe, expect, it } from 'vitest';
import { pbRemote } from './pb-remote.ts';
import { oobInformationOf } from './remote-provisioning-client.ts';
import {
  RemoteProvisioningLinkReport,
  RemoteProvisioningLinkStatus,
  RemoteProvisioningPduOutboundReport,
  RemoteProvisioningPduReport,
} from './remote-provisioning-messages.ts';
import { NET_KEY } from './testing/node.ts';
import { Device, type RemoteNode, RemoteWorld } from './testing/remote.ts';

const SERVER = { address: 0x0100 };
const INVITE = Uint8Array.of(0, 0);

describe('PB-Remote', () => {
  it('reaches devices through several servers at the same time', async () => {
    const world = new RemoteWorld();
    const servers = [0x0100, 0x0200, 0x0300];
    const client = world.node(0x0001, servers);
    for (const address of servers) world.node(address);
    const devices = servers.map((_, i) => new Device(world.clock, world.air, 0xd1 + i));
    const runs = servers.map((address, i) =>
      provision(world, pbRemote(client.client, { address }), devices[i]!, 0x0400 + i),
    );
    const nodes = await world.until(Promise.all(runs));
    expect(nodes.map((node) => !(node instanceof MeshError) && node.data.unicastAddress)).toEqual([
      0x0400, 0x0401, 0x0402,
    ]);
    expect(devices.map(({ node }) => node)).toEqual(nodes);
  });

  it('opens links through one server one after the other', async () => {
    const { world, client, devices } = scene(3);
    const bearer = pbRemote(client.client, SERVER);
    const runs = devices.map((device, i) => provision(world, bearer, device, 0x0400 + i));
    expect(devices.filter(({ links }) => links > 0)).toEqual([]);
    const nodes = await world.until(Promise.all(runs));
    expect(devices.map(({ node }) => node)).toEqual(nodes);
  });

  it('lets another client wait until the link is free', async () => {
    const { world, client, other, devices } = scene(2);
    const first = provision(world, pbRemote(client.client, SERVER), devices[0]!, 0x0400);
    await pass(world, 3000);
    const refused = await world.until(open(pbRemote(other.client, SERVER), devices[1]!.uuid));
    expect(refused).toMatchObject({
      code: 'link-open-failed',
      status: 2,
      message: expect.stringContaining('Invalid State'),
    });
    expect(await world.until(first)).toEqual(devices[0]!.node);
    const second = provision(world, pbRemote(other.client, SERVER), devices[1]!, 0x0401);
    expect(await world.until(second)).toEqual(devices[1]!.node);
  });

  it('takes over a link that it had left open before it crashed', async () => {
    const { world, client, devices } = scene(2);
    const link = await world.until(open(pbRemote(client.client, SERVER), devices[0]!.uuid));
    void send(link, INVITE);
    await pass(world, 2000);
    client.restart();
    for (const device of devices) {
      const node = await world.until(provision(world, pbRemote(client.client, SERVER), device, 0x0400));
      expect(node).toEqual(device.node);
    }
  });

  it('says why a link does not open', async () => {
    const { world, client } = scene(0);
    const nobody = new Uint8Array(16).fill(0x99);
    expect(await world.until(open(pbRemote(client.client, SERVER, { timeoutSeconds: 3 }), nobody))).toMatchObject({
      code: 'link-open-failed',
      status: 5,
      hint: expect.stringContaining('in reach of the server'),
    });
    const nowhere = pbRemote(client.client, { address: 0x0300 });
    expect(await world.until(open(nowhere, nobody))).toMatchObject({
      code: 'link-open-failed',
      message: expect.stringContaining('device key'),
    });
    client.deviceKeys.set(0x0300, NET_KEY);
    expect(await world.until(open(nowhere, nobody))).toMatchObject({
      code: 'link-open-failed',
      message: expect.stringContaining('no Remote Provisioning Link Status'),
    });
    expect(() => nowhere.open(new Uint8Array(15), () => {})).toThrow(expect.objectContaining({ code: 'bad-field' }));
  });

  it('can be cancelled at any time', async () => {
    for (const ms of [0, 20, 200, 1500]) {
      const { world, client, devices } = scene(1);
      let outcomes = 0;
      const bearer = pbRemote(client.client, SERVER);
      const cancel = bearer.open(ms === 1500 ? new Uint8Array(16).fill(0x99) : devices[0]!.uuid, () => outcomes++);
      const cancelQueued = bearer.open(devices[0]!.uuid, () => outcomes++);
      await pass(world, ms);
      cancelQueued();
      if (outcomes === 0) cancel();
      expect(outcomes).toBe(0);
      await pass(world, 20_000);
      expect(outcomes).toBe(0);
      expect(await world.until(client.client.linkGet(SERVER))).toBe('idle');
      const node = await world.until(provision(world, bearer, devices[0]!, 0x0400));
      expect(node).toEqual(devices[0]!.node);
    }
  });

  it('tells that the link was lost', async () => {
    const { world, client, server, devices } = scene(1);
    const link = await world.until(open(pbRemote(client.client, SERVER), devices[0]!.uuid));
    const closed = whenClosed(link);
    world.deaf.add(DEVICE_RADIO);
    void send(link, INVITE);
    expect(await world.until(closed)).toBe('fail');
    const again = pbRemote(client.client, SERVER);
    world.deaf.clear();
    await pass(world, 70_000); // the device has not heard that the link was closed
    const second = await world.until(open(again, devices[0]!.uuid));
    world.deaf.add(server.number);
    const lost = whenClosed(second);
    const sent = send(second, INVITE);
    expect(await world.until(lost)).toBe('timeout');
    expect(await world.until(sent)).toMatchObject({ code: 'link-closed' });
  });

  it('carries what a device says on its own, and that it closes the link', async () => {
    const { world, client, devices } = scene(1);
    const link = await world.until(open(pbRemote(client.client, SERVER), devices[0]!.uuid));
    const closed = whenClosed(link);
    expect(await world.until(send(link, INVITE))).toBeUndefined();
    expect(await world.until(closed)).toBe('timeout'); // of the device: nothing came
  });

  it('takes PDUs of 1 to 377 octets, and none when it is closed', async () => {
    const { world, client, devices } = scene(1);
    const link = await world.until(open(pbRemote(client.client, SERVER), devices[0]!.uuid));
    for (const length of [0, 378]) {
      expect(await world.until(send(link, new Uint8Array(length)))).toMatchObject({ code: 'bad-pdu-length' });
    }
    expect(await world.until(send(link, new Uint8Array(377)))).toBeUndefined();
    (link as ProvisioningLink).close('fail');
    (link as ProvisioningLink).close('fail');
    expect(await world.until(send(link, INVITE))).toMatchObject({ code: 'link-closed' });
  });
});

describe('the PDU numbers', () => {
  it('are heard once each, in order; copies are ignored', async () => {
    const { link, device, say, closed } = await scripted();
    say(RemoteProvisioningPduReport, { inboundPduNumber: 1, provisioningPdu: Uint8Array.of(1) });
    say(RemoteProvisioningPduReport, { inboundPduNumber: 1, provisioningPdu: Uint8Array.of(1) });
    say(RemoteProvisioningPduReport, { inboundPduNumber: 2, provisioningPdu: Uint8Array.of(2) });
    say(RemoteProvisioningPduReport, { inboundPduNumber: 1, provisioningPdu: Uint8Array.of(1) });
    expect(device).toEqual(['01', '02']);
    expect(closed()).toBeUndefined();
    link.close('success');
  });

  it('close the link when one is missing', async () => {
    const { say, closed } = await scripted();
    say(RemoteProvisioningPduReport, { inboundPduNumber: 2, provisioningPdu: Uint8Array.of(1) });
    expect(closed()).toBe('fail');
  });

  it('close the link when the server counts what was not sent', async () => {
    const { say, closed } = await scripted();
    say(RemoteProvisioningPduOutboundReport, { outboundPduNumber: 0 });
    expect(closed()).toBeUndefined();
    say(RemoteProvisioningPduOutboundReport, { outboundPduNumber: 1 });
    expect(closed()).toBe('fail');
  });

  it('show that a PDU arrived when its answer comes without the report, as with BlueZ', async () => {
    const { link, say, sent } = await scripted();
    const first = send(link, INVITE);
    const second = send(link, INVITE);
    say(RemoteProvisioningPduReport, { inboundPduNumber: 1, provisioningPdu: Uint8Array.of(1) });
    await first;
    say(RemoteProvisioningPduOutboundReport, { outboundPduNumber: 1 }); // late
    say(RemoteProvisioningPduOutboundReport, { outboundPduNumber: 2 });
    expect(await second).toBeUndefined();
    expect(new Set(sent())).toEqual(new Set(['805d010000', '805d020000']));
  });

  it('go round after 255', async () => {
    const { link, say, device, closed } = await scripted();
    for (let n = 1; n <= 300; n++) {
      const taken = send(link, INVITE);
      say(RemoteProvisioningPduOutboundReport, { outboundPduNumber: n & 0xff });
      say(RemoteProvisioningPduReport, { inboundPduNumber: n & 0xff, provisioningPdu: Uint8Array.of(1) });
      expect(await taken).toBeUndefined();
    }
    expect(device).toHaveLength(300);
    expect(closed()).toBeUndefined();
  });
});

describe('opening a link', () => {
  const [IDLE, OPENING, ACTIVE, CLOSING] = [0, 1, 2, 4];

  it('closes a link whose report does not come, and opens it once more', async () => {
    const { pass, sent, status, report, outcome } = opening();
    await pass(1000);
    status(0, ACTIVE);
    await pass(9000);
    expect(sent()).toEqual(['8059']);
    await pass(2000);
    expect(sent()).toEqual(['8059', '805a02']);
    status(0, CLOSING);
    await pass(6000); // nor does the report that it is closed
    expect(sent()).toEqual(['8059', '805a02', '8059']);
    status(0, OPENING);
    await pass(100);
    report(0, ACTIVE);
    expect(outcome()).toBe('open');
  });

  it('gives up when there is no report the second time either', async () => {
    const { pass, sent, status, outcome } = opening();
    await pass(100);
    status(0, OPENING);
    await pass(21_000);
    status(0, IDLE);
    await pass(100);
    status(0, OPENING);
    await pass(21_000);
    expect(outcome()).toBe('link-open-failed 5');
    expect(sent()).toEqual(['8059', '805a02', '8059', '805a02']);
  });

  it('does not close a link of another client', async () => {
    const { pass, sent, status, outcome } = opening();
    await pass(100);
    status(4, ACTIVE);
    await pass(100);
    status(2, ACTIVE);
    await pass(100);
    expect(outcome()).toBe('link-open-failed 2');
    expect(sent()).toEqual(['8059', '805a02']);
  });

  it('gives up when the link that is left open cannot be closed', async () => {
    const { pass, status, outcome } = opening();
    await pass(100);
    status(4, ACTIVE);
    await pass(60_000);
    expect(outcome()).toBe('link-open-failed undefined');
  });

  it('takes the report for the Status when that is lost', async () => {
    for (const [code, state, expected] of [
      [0, ACTIVE, 'open'],
      [5, IDLE, 'link-open-failed 5'],
      [8, IDLE, undefined],
    ] as const) {
      const { pass, report, outcome } = opening();
      await pass(100);
      report(code, state);
      await pass(100);
      expect(outcome()).toBe(expected);
    }
  });
});

describe('OOB Information', () => {
  it.each([
    [0xa040, 0xa040, 'both orders are possible: as specified'],
    [0x40a0, 0x40a0, 'both orders are possible: as specified'],
    [0x0200, 0x0002, 'a reserved bit, none the other way round'],
    [0x0420, 0x2004, 'a reserved bit, none the other way round'],
    [0x0202, 0x0202, 'reserved bits in both'],
    [0x0000, 0x0000, 'none'],
  ])('%i is %i: %s', (received, meant) => {
    expect(oobInformationOf(received)).toBe(meant);
  });
});

/** Radios join in the order in which nodes and devices are made. */
const DEVICE_RADIO = 3;

function scene(count: number) {
  const world = new RemoteWorld();
  const client = world.node(0x0001, [SERVER.address]);
  const other = world.node(0x0002, [SERVER.address]);
  const server = world.node(SERVER.address);
  const devices = Array.from({ length: count }, (_, i) => new Device(world.clock, world.air, 0xd1 + i));
  return { world, client, other, server, devices };
}

/** A client that opens a link to a server which says what the test wants, and nothing else. */
function opening() {
  const world = new RemoteWorld();
  const client = world.node(0x0001, [SERVER.address]);
  const payloads = sentBy(client);
  let outcome: string | undefined;
  pbRemote(client.client, SERVER).open(new Uint8Array(16), (link) => {
    outcome = link instanceof MeshError ? `${link.code} ${(link as { status?: number }).status}` : 'open';
  });
  const sent = (): string[] => {
    const links = payloads.map((hex) => (hex.startsWith('8059') ? '8059' : hex));
    return links.filter((hex, i) => hex !== links[i - 1]); // without repetitions
  };
  return {
    sent,
    pass: (ms: number) => pass(world, ms),
    status: (status: number, rpState: number) => hear(client, RemoteProvisioningLinkStatus, { status, rpState }),
    report: (status: number, rpState: number) =>
      hear(client, RemoteProvisioningLinkReport, { status, rpState, reason: undefined }),
    outcome: () => outcome,
  };
}

/** Notes what a node sends, in hex. */
function sentBy({ network }: RemoteNode): string[] {
  const sent: string[] = [];
  const transmit = network.send.bind(network);
  network.send = (message, done) => {
    sent.push(Buffer.from(message.payload).toString('hex'));
    return transmit(message, done);
  };
  return sent;
}

/** A message of the server, to this client alone. */
function hear<T>({ access, address }: RemoteNode, type: { encode(value: T): Uint8Array }, value: T): void {
  const key = { kind: 'device', node: SERVER.address } as const;
  const route = { src: SERVER.address, dst: address, netIndex: 0, credentials: 'flooding', ttl: 5, seq: 0 } as const;
  access.receive({ ...route, key, payload: type.encode(value) });
}

/** An open link of a client whose server says what the test wants. */
async function scripted() {
  const { world, client, devices } = scene(1);
  const link = await world.until(open(pbRemote(client.client, SERVER), devices[0]!.uuid));
  if (link instanceof MeshError) throw link;
  const device: string[] = [];
  let reason: LinkCloseReason | undefined;
  link.listen({
    received: (pdu) => device.push(Buffer.from(pdu).toString('hex')),
    closed: (why) => {
      reason = why;
    },
  });
  world.deaf.add(client.number);
  const sent = sentBy(client);
  const say = <T>(type: { encode(value: T): Uint8Array }, value: T): void => hear(client, type, value);
  return { world, link, device, say, closed: () => reason, sent: () => sent.filter((hex) => hex.startsWith('805d')) };
}

function open(bearer: ProvisioningBearer, uuid: Uint8Array): Promise<ProvisioningLink | MeshError> {
  return new Promise((resolve) => bearer.open(uuid, resolve));
}

function send(link: ProvisioningLink | MeshError, pdu: Uint8Array): Promise<MeshError | undefined> {
  if (link instanceof MeshError) throw link;
  return new Promise((resolve) => link.send(pdu, resolve));
}

function whenClosed(link: ProvisioningLink | MeshError): Promise<LinkCloseReason> {
  if (link instanceof MeshError) throw link;
  return new Promise((closed) => link.listen({ received: () => {}, closed }));
}

function provision(
  world: RemoteWorld,
  bearer: ProvisioningBearer,
  { uuid }: Device,
  unicastAddress: number,
): Promise<ProvisionedNode | MeshError> {
  const ground = {
    clock: world.clock,
    random: new SeededRandom(`provisioner ${unicastAddress}`),
    crypto: portableCrypto,
  };
  const data = { netKey: NET_KEY, netKeyIndex: 0, keyRefresh: false, ivUpdate: false, ivIndex: 0, unicastAddress };
  return new Promise((resolve) => {
    bearer.open(uuid, (link) => {
      if (link instanceof MeshError) resolve(link);
      else provisionDevice(ground, link, { dataFor: () => data, aboutToFinish: () => {}, done: resolve });
    });
  });
}

async function pass(world: RemoteWorld, ms: number): Promise<void> {
  await world.until(new Promise<void>((resolve) => world.clock.after(ms, resolve)));
}
