import { MESH_PROVISIONING_SERVICE, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { SeededRandom } from '@meshferry/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EmulatedController } from '../../bearer-hci/src/testing/emulated-controller.ts';
import { watch } from '../../bearer-hci/src/testing/gatt-rig.ts';
import { queuedPackets } from './internals.ts';
import { BOTH } from './testing/fake-bindings.ts';
import { HciRig } from './testing/hci-rig.ts';

const crashes: unknown[] = [];
const crashed = (error: unknown) => void crashes.push(error);

beforeEach(() => {
  // The libraries complain of packets that they cannot read.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  crashes.length = 0;
  process.on('unhandledRejection', crashed);
});

afterEach(async () => {
  await HciRig.closeAll();
  process.removeListener('unhandledRejection', crashed);
  expect(crashes).toEqual([]);
});

describe.each(BOTH)('%s on an emulated controller, with its own HCI, L2CAP and ATT', (lib) => {
  async function linked(options = {}) {
    const rig = new HciRig();
    const proxy = rig.end(options);
    const links = rig.serve(proxy);
    const noble = await rig.noble(lib, options);
    const link = watch(await rig.linkTo(noble.bearer, await rig.discovered(noble.bearer)));
    await rig.pass(100);
    return { rig, proxy, ...noble, link, far: links[0]! };
  }

  it('finds a proxy, connects and carries values both ways', async () => {
    const { rig, bearer, link, far } = await linked();
    expect(link.link.mtu).toBeGreaterThan(69);
    link.link.send(Uint8Array.of(1, 2, 3), () => {});
    far.link.send(new Uint8Array(100).fill(7), () => {});
    await rig.pass(500);
    expect([far.values, link.values]).toEqual([['010203'], ['07'.repeat(100)]]);
    bearer.close();
    await rig.pass(1000);
    expect([link.ended, far.ended]).toEqual([1, 1]);
  });

  it('has several proxies at a time, and hears others meanwhile', async () => {
    const rig = new HciRig();
    const proxies = [rig.end(), rig.end(), rig.end()];
    const far = proxies.map((proxy) => rig.serve(proxy));
    const { bearer } = await rig.noble(lib);
    const peers = new Set<string>();
    bearer.central.discover([0x1828], ({ peer }) => void peers.add(peer));
    await rig.until(() => peers.size === 3);
    const links = await Promise.all([...peers].map((peer) => rig.linkTo(bearer, peer)));
    const near = links.map(watch);
    near.forEach(({ link }, i) => {
      link.send(Uint8Array.of(i), () => {});
    });
    await rig.pass(500);
    expect(far.map(([watched]) => watched?.values.length)).toEqual([1, 1, 1]);
    near[1]?.link.disconnect();
    await rig.pass(2000);
    expect(near.map(({ ended }) => ended)).toEqual([0, 1, 0]);
    const fourth = rig.end();
    rig.serve(fourth, MESH_PROVISIONING_SERVICE);
    const heard: number[] = [];
    bearer.central.discover([0x1828], ({ data }) => void heard.push(data[0]!));
    await rig.pass(3000);
    expect(heard.length).toBeGreaterThan(0);
    bearer.close();
    await rig.pass(1000);
    expect(near.map(({ ended }) => ended)).toEqual([1, 1, 1]);
  });

  it('follows a device that changes its address', async () => {
    const rig = new HciRig();
    const proxy = rig.end();
    rig.serve(proxy, undefined, true);
    const { bearer } = await rig.noble(lib);
    const first = await rig.discovered(bearer);
    rig.serve(proxy, undefined, true);
    const seen = new Set<string>();
    bearer.central.discover([0x1828], ({ peer }) => void seen.add(peer));
    await rig.until(() => [...seen].some((peer) => peer !== first));
    const second = [...seen].find((peer) => peer !== first)!;
    const link = await rig.linkTo(bearer, second);
    expect(link.mtu).toBeGreaterThan(69);
    link.disconnect();
    await rig.pass(1000);
    const address = first.toUpperCase().match(/../g)?.join(':');
    const message = expect.stringContaining(`no connection to ${address}: `);
    await expect(rig.linkTo(bearer, first)).rejects.toMatchObject({ code: 'connect-failed', message });
    expect((await rig.linkTo(bearer, second)).mtu).toBeGreaterThan(69);
  });

  it('saturates the link: over 1000 values a second, none lost, all in order, queues bounded', async () => {
    const { rig, link, far, library } = await linked({ packetsPerEvent: 16, aclPackets: 16, aclLength: 251 });
    const count = 3000;
    let most = 0;
    let done = 0;
    const next = () => {
      if (done === count) return;
      most = Math.max(most, queuedPackets(library) ?? Number.POSITIVE_INFINITY);
      const value = new Uint8Array(30).fill(done);
      value.set([done >> 8, done & 0xff]);
      link.link.send(value, (error) => {
        expect(error).toBeUndefined();
        done++;
        next();
      });
    };
    const start = rig.clock.now;
    next();
    await rig.until(() => far.values.length === count);
    expect((1000 * count) / (rig.clock.now - start)).toBeGreaterThan(1000);
    expect(far.values.map((value) => Number.parseInt(value.slice(0, 4), 16))).toEqual([...Array(count).keys()]);
    expect(most).toBeLessThan(40);
  });

  it('hears a thousand notifications a second, all in order', async () => {
    const { rig, link, far } = await linked({ packetsPerEvent: 16, aclPackets: 16, aclLength: 251 });
    const count = 2000;
    for (let i = 0; i < count; i++) far.link.send(Uint8Array.of(i >> 8, i & 0xff, ...Array(28).fill(i)), () => {});
    const start = rig.clock.now;
    await rig.until(() => link.values.length === count);
    expect((1000 * count) / (rig.clock.now - start)).toBeGreaterThan(1000);
    expect(link.values.map((value) => Number.parseInt(value.slice(0, 4), 16))).toEqual([...Array(count).keys()]);
  });

  it('is lost when the controller is unplugged', async () => {
    const { rig, bearer, link, controller, library } = await linked();
    const lost: string[] = [];
    bearer.lost((reason) => lost.push(reason.code));
    controller.unplug();
    // The one library is told, the other looks once a second of real time: here it is made to look.
    (library as unknown as { _bindings: { _hci: { pollIsDevUp(): void } } })._bindings._hci.pollIsDevUp();
    await rig.pass(5000);
    expect([lost, link.ended]).toEqual([['bearer-lost'], 1]);
  });

  it('can be opened and closed again and again, and leaves the process as it was', async () => {
    const rig = new HciRig();
    rig.serve(rig.end());
    const before = ['SIGINT', 'exit'].map((event) => process.listenerCount(event));
    for (let i = 0; i < 12; i++) {
      const { bearer } = await rig.noble(lib);
      expect(await rig.discovered(bearer)).not.toBe('');
      bearer.close();
      await rig.pass(2000);
    }
    expect(['SIGINT', 'exit'].map((event) => process.listenerCount(event))).toEqual(before);
    expect(rig.air.controllers.length).toBe(1);
  });

  it('a packet that the library cannot read ends the connection, not the process', async () => {
    const { rig, link, bearer, controller } = await linked();
    const peer = await rig.discovered(bearer).catch(() => '');
    inject(controller, Uint8Array.of(0x1b)); // a notification without a handle
    await rig.pass(5000);
    expect([link.ended, rig.logged.some((line) => line.includes('cannot read a packet'))]).toEqual([1, true]);
    expect((await rig.linkTo(bearer, peer || (await rig.discovered(bearer)))).mtu).toBeGreaterThan(69);
  });

  it('a server that sends anything at all harms nobody', async () => {
    const rig = new HciRig();
    const honest = rig.end();
    rig.serve(honest);
    const { bearer, controller } = await rig.noble(lib);
    const good = watch(await rig.linkTo(bearer, await rig.discovered(bearer)));
    honest.peripheral.advertise({
      service: 0x1828,
      data: new Uint8Array(17),
      intervalMs: 100,
      privateAddress: false,
    })();
    rig.serve(rig.end());
    const [goodHandle] = controller.connections.handles;
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const random = new SeededRandom(seed);
        const peer = await rig.discovered(bearer);
        let outcomes = 0;
        const cancel = bearer.central.connect(peer, MESH_PROXY_SERVICE, () => outcomes++);
        for (let i = 0; i < 20; i++) {
          await rig.pass(20);
          for (const handle of controller.connections.handles) {
            if (handle !== goodHandle && random.uniform() < 0.5) inject(controller, lie(random), handle);
          }
        }
        await rig.pass(25_000);
        expect(outcomes).toBe(1);
        cancel();
        for (const handle of controller.connections.handles) if (handle !== goodHandle) hangUp(controller, handle);
        await rig.pass(1000);
        expect(good.ended).toBe(0);
      }),
      { numRuns: 60 },
    );
    expect(good.ended).toBe(0);
    good.link.send(Uint8Array.of(1), (error) => expect(error).toBeUndefined());
    await rig.pass(1000);
    expect((await rig.linkTo(bearer, await rig.discovered(bearer))).mtu).toBeGreaterThan(22);
  });

  it('a controller that sends garbage harms nobody', async () => {
    const { rig, bearer, controller } = await linked();
    await fc.assert(
      fc.asyncProperty(fc.nat(255), fc.uint8Array({ maxLength: 40 }), async (code, parameters) => {
        // Not what says that it has ended, and not what it reports of itself.
        fc.pre(![0x05, 0x0e, 0x10, 0x13].includes(code) && !(code === 0x3e && [1, 10].includes(parameters[0] ?? 1)));
        controller.event(code, parameters);
        await rig.pass(1);
      }),
      { numRuns: 300 },
    );
    await rig.pass(10_000);
    expect(await rig.discovered(bearer)).not.toBe('');
  });
});

/** An ATT PDU from the other end of a connection. */
function inject(controller: EmulatedController, pdu: Uint8Array, handle = controller.connections.handles[0]!): void {
  const l2cap = [pdu.length & 0xff, pdu.length >> 8, 4, 0, ...pdu];
  controller.inject(Uint8Array.of(0x02, handle & 0xff, 0x20 | (handle >> 8), l2cap.length, 0, ...l2cap));
}

/** Answers that lie about handles and lengths, errors, requests, and noise. */
function lie(random: SeededRandom): Uint8Array {
  const opcodes = [0x01, 0x03, 0x05, 0x09, 0x11, 0x13, 0x1b, 0x1d, 0x02, 0x10, random.bytes(1)[0]!];
  const opcode = opcodes[Math.floor(random.uniform() * opcodes.length)]!;
  const octets = random.bytes(Math.floor(random.uniform() * 30));
  const length = [6, 7, 20, 21][Math.floor(random.uniform() * 4)]!;
  if (opcode === 0x11 || opcode === 0x09) return Uint8Array.of(opcode, length, ...octets);
  if (opcode === 0x01) return Uint8Array.of(opcode, 0x10, 1, 0, random.bytes(1)[0]! % 18);
  return Uint8Array.of(opcode, ...octets);
}

function hangUp({ connections }: EmulatedController, handle: number): void {
  connections.handlers.find(([opcode]) => opcode === 0x0406)?.[1](Uint8Array.of(handle & 0xff, handle >> 8, 0x13));
}
