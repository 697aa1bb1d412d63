import { MemoryStore, SeededRandom, storeView, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { makeFirmware } from '@meshferry/firmware';
import { UpdateJob } from '@meshferry/node';
import { describe, expect, it } from 'vitest';
import { HeardAir } from './heard-air.ts';
import { Radio } from './radio.ts';
import { airTimeMicroseconds } from './radio-airtime.ts';
import { layOut } from './topology.ts';
import { parseSimUri } from './uri.ts';
import { World } from './world.ts';
import { SIM_APP_INDEX, SIM_GROUP } from './world-keys.ts';

const AIR = airTimeMicroseconds(29) / 1000;

function makeRadio(nodes: number): { clock: VirtualClock; radio: Radio } {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  return { clock, radio: new Radio({ clock, random, topology: layOut('line', nodes, random), model: 'ideal' }) };
}

describe('the air that a listener hears', () => {
  it('is taken by the packets of who is in reach, each once', () => {
    const { clock, radio } = makeRadio(4);
    const heard = [0, 2, 3].map((index) => new HeardAir(radio, index));
    const ports = [0, 1].map((index) => radio.attach({ index, controller: { kind: 'single' } }));
    const ad = { type: 0x2a, data: new Uint8Array(29) };
    clock.advance(1000);
    // Both at once: packets that collide take the air once.
    for (const port of ports) port.send(ad, { count: 1, intervalMs: 20 }, () => {});
    clock.advance(4000);
    ports[1]?.send(ad, { count: 1, intervalMs: 20 }, () => {});
    clock.advance(20_000);
    ports[0]?.send(ad, { count: 3, intervalMs: 100 }, () => {});
    clock.advance(1000);
    const shares = heard.map((air) => 10_000 * air.fullestWindow().share);
    expect(shares).toEqual([3, 2, 0].map((packets) => expect.closeTo(packets * AIR, 6)));
    const { share, start } = (heard[0] as HeardAir).fullestWindow(1000);
    expect(share).toBeCloseTo((3 * AIR) / 1000, 9);
    expect(start).toBeGreaterThan(24_000);
    expect(start).toBeLessThanOrEqual(25_000);
  });

  it('counts a packet that is in a window in part, and none any more once closed', () => {
    const { clock, radio } = makeRadio(2);
    const heard = new HeardAir(radio, 0);
    const port = radio.attach({ index: 1, controller: { kind: 'single' } });
    const send = () => port.send({ type: 0x2a, data: new Uint8Array(29) }, { count: 1, intervalMs: 20 }, () => {});
    send();
    clock.advance(100);
    send();
    clock.advance(100);
    // From the middle of the first packet to the end of the second, or from the start of the first to the middle of the second.
    expect(heard.fullestWindow(100 + AIR / 2).share * (100 + AIR / 2)).toBeCloseTo(1.5 * AIR, 6);
    heard.close();
    send();
    clock.advance(100);
    expect(heard.fullestWindow().share * 10_000).toBeCloseTo(2 * AIR, 6);
  });

  it.each([
    ['alone', 'sim:targets=4,controller=single,sets=4,radio=ideal,seed=3', 0.03],
    ['with relays', 'sim:targets=5,controller=single,sets=4,relays=all,seed=5', 0.1],
  ])('is taken by an update, %s, up to its airtime in any 10 s', async (_, uri, airtime) => {
    const free = await update(uri, undefined);
    const limited = await update(uri, airtime);
    expect(free.shares[0]).toBeGreaterThan(airtime);
    for (const share of limited.shares) expect(share).toBeLessThanOrEqual(airtime);
    expect(limited.shares[0]).toBeGreaterThan(airtime / 2);
  });
});

/** A whole update; the fullest share at each node. */
async function update(uri: string, airtime: number | undefined): Promise<{ shares: number[] }> {
  const payload = new SeededRandom('airtime').bytes(12_000);
  const version = { major: 2, minor: 0, revision: 0, build: 0 };
  const made = await makeFirmware({ payload, version, company: 0x59, crypto: portableCrypto });
  const world = new World({ sim: parseSimUri(uri) });
  const { clock, random, role, targets } = world;
  world.node.network.airtime = airtime;
  const heard = [0, ...targets.keys()].map((index) => new HeardAir(world.radio, index));
  const store = storeView(new MemoryStore(), 'job/');
  const job = new UpdateJob({ role, clock, random, crypto: portableCrypto, store });
  const addresses = targets.map(({ address }) => address);
  const report = await world.run(job.run({ ...made, targets: addresses, appIndex: SIM_APP_INDEX, group: SIM_GROUP }));
  world.close();
  expect(report.targets.map(({ phase }) => phase)).toEqual(addresses.map(() => 'applied'));
  return { shares: heard.map((air) => air.fullestWindow().share) };
}
