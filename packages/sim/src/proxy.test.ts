import { type GattLink, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import type { MadeFirmware } from '@meshferry/firmware';
import { beforeAll, describe, expect, it } from 'vitest';
import { GattAir } from './gatt-air.ts';
import { firmware, UpdateWorld } from './testing/update-world.ts';
import { layOut } from './topology.ts';

let made: MadeFirmware;

beforeAll(async () => {
  made = await firmware(2000);
});

const clients = ({ world }: UpdateWorld) => world.targets.map(({ node }) => node?.network.proxy.clients);

/** Nodes that send on the radio, by index. */
function senders(run: UpdateWorld): Set<number> {
  const found = new Set<number>();
  run.world.radio.tap(({ node }) => void found.add(node));
  return found;
}

describe('this process as the client of a proxy', () => {
  it('updates all targets through the proxy, octet for octet, the same each time', async () => {
    const digests: string[] = [];
    for (let i = 0; i < 2; i++) {
      const run = new UpdateWorld('sim:targets=3,proxies=1,link=gatt');
      const sent = senders(run);
      const report = await run.update(made);
      expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
        Array(3).fill(['applied', null]),
      );
      expect(run.running(made)).toEqual(Array(3).fill('new'));
      // It does not send faster than the proxy can advertise.
      expect(report?.stats.chunksResent).toBeLessThan(5);
      // Node 0 is this process: what the others heard of it came from the proxy.
      expect([...sent].sort()).toEqual([1, 2, 3]);
      digests.push(run.trace.digest());
    }
    expect(digests[0]).toBe(digests[1]);
  });

  it('loses the proxy when that restarts, and gets it back', () => {
    const run = new UpdateWorld('sim:targets=3,proxies=1,link=gatt');
    const { world } = run;
    const state = () => world.connector?.connection?.state;
    world.clock.advance(5000);
    expect([clients(run), state()]).toEqual([[1, 0, 0], 'ready']);
    world.targets[0]?.restart(8000);
    world.clock.advance(1);
    expect([clients(run), state()]).toEqual([[undefined, 0, 0], undefined]);
    world.clock.advance(7998);
    expect(state()).toBeUndefined();
    world.clock.advance(5000);
    expect([clients(run), state()]).toEqual([[1, 0, 0], 'ready']);
    world.close();
    world.clock.advance(60_000);
    expect([clients(run), world.connector]).toEqual([[undefined, undefined, undefined], undefined]);
  });

  it('goes on with the update when the proxy restarts in the middle', async () => {
    const run = new UpdateWorld('sim:targets=3,block=8,proxies=1,link=gatt,fail=0x0100@reboot2');
    const report = await run.update(made);
    expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      Array(3).fill(['applied', null]),
    );
    expect(run.running(made)).toEqual(Array(3).fill('new'));
  });

  it('connects to a proxy in its reach alone', () => {
    const run = new UpdateWorld('sim:targets=3,proxies=3,link=gatt,topology=line,relays=all');
    run.world.targets[0]?.powerOff();
    run.world.clock.advance(20_000);
    expect(clients(run)).toEqual([undefined, 0, 0]);
    run.world.targets[0]?.powerOn();
    run.world.clock.advance(20_000);
    expect(clients(run)).toEqual([1, 0, 0]);
    run.world.close();
    const outOfReach = 'sim:targets=3,distributor=1,proxies=3,link=gatt,topology=line';
    expect(() => new UpdateWorld(outOfReach)).toThrow(expect.objectContaining({ code: 'no-proxy-in-reach' }));
  });
});

describe('GATT in a simulated world', () => {
  it('ends where the topology does, and with the power', () => {
    const clock = new VirtualClock();
    const air = new GattAir(clock, layOut('line', 3, new SeededRandom('line')));
    const [server, near, far] = [air.attach(0), air.attach(1), air.attach(2)];
    const peers: string[] = [];
    const heard: string[] = [];
    near.central.discover([0x1828], ({ peer }) => void peers.push(peer));
    far.central.discover([0x1828], ({ peer }) => void heard.push(peer));
    const events: string[] = [];
    const watch = (name: string, link: GattLink) =>
      link.listen({
        received: (value) => void events.push(`${name} received ${value[0]}`),
        disconnected: () => void events.push(`${name} disconnected`),
      });
    server.peripheral.serve(MESH_PROXY_SERVICE, (link) => watch('server', link));
    const offer = { service: 0x1828, data: Uint8Array.of(1), intervalMs: 100, privateAddress: false };
    server.peripheral.advertise(offer);
    clock.advance(150);
    expect([peers.length, heard.length]).toEqual([1, 0]);

    let link: GattLink | undefined;
    const outcome = (end: GattLink | MeshError) => {
      if (end instanceof MeshError) events.push(end.code);
      else link = end;
    };
    far.central.connect(peers[0]!, MESH_PROXY_SERVICE, outcome);
    clock.advance(200);
    expect(events.splice(0)).toEqual(['connect-failed']);
    near.central.connect(peers[0]!, MESH_PROXY_SERVICE, outcome);
    clock.advance(200);
    watch('client', link!);
    link?.send(Uint8Array.of(7), () => {});
    clock.advance(10);
    expect(events.splice(0)).toEqual(['server received 7']);

    server.close();
    clock.advance(1000);
    expect(events.splice(0)).toEqual(['client disconnected']);
    const before = peers.length;
    near.central.connect(peers[0]!, MESH_PROXY_SERVICE, outcome);
    clock.advance(1000);
    expect([events, peers.length]).toEqual([['connect-failed'], before]);
  });
});
