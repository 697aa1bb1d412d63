import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { AD_MESH_MESSAGE, type Bearer, type Sent } from './contract.ts';
import { type GattLink, MESH_PROXY_SERVICE } from './gatt.ts';
import { memoryGatt } from './gatt-memory.ts';
import { memoryAir } from './memory-air.ts';
import { type RadioChange, reconnecting } from './reconnecting.ts';

const lost = new MeshError('bearer-lost', 'the plug was pulled');

/** A radio of both kinds whose plug can be pulled, again and again; everybody else is in `air` and `gatt`. */
async function setUp() {
  const clock = new VirtualClock();
  const air = memoryAir(clock, new SeededRandom(1), { jitterMs: 0 });
  const gatt = memoryGatt(clock, { valueMs: 10, connectMs: 50 });
  const state = { isThere: true, opened: 0, closed: 0, pull: () => {} };
  const open = async (): Promise<Bearer> => {
    if (!state.isThere) throw new MeshError('bearer-unavailable', 'no such port');
    state.opened++;
    const [radio, links] = [air.join(), gatt.join()];
    const sends = new Set<(outcome: Sent | MeshError) => void>();
    const told = new Set<(reason: MeshError) => void>();
    state.pull = () => {
      for (const done of [...sends]) done(lost);
      radio.close();
      links.close();
      for (const tell of [...told]) tell(lost);
    };
    return {
      advertising: {
        sets: 1,
        minIntervalMs: 20,
        send: (ad, transmit, done) => {
          const once = (outcome: Sent | MeshError) => void (sends.delete(once) && done(outcome));
          sends.add(once);
          const cancel = radio.advertising.send(ad, transmit, once);
          return () => {
            sends.delete(once);
            cancel();
          };
        },
        receive: (types, heard) => radio.advertising.receive(types, heard),
      },
      central: links.central,
      peripheral: links.peripheral,
      lost: (tell) => {
        told.add(tell);
        return () => void told.delete(tell);
      },
      close: () => {
        state.closed++;
        radio.close();
        links.close();
      },
    };
  };
  const changes: RadioChange[] = [];
  const bearer = await reconnecting(open, clock, { listener: (change) => void changes.push(change) });
  /** Time passes in small steps, so that promises run in between. */
  const pass = async (ms: number) => {
    for (const end = clock.now + ms; clock.now < end; ) {
      clock.advance(10);
      for (let i = 0; i < 5; i++) await Promise.resolve();
    }
  };
  const unplug = () => {
    state.isThere = false;
    state.pull();
  };
  return { clock, air, gatt, state, bearer, changes, pass, unplug };
}

const ad = (octet: number) => ({ type: AD_MESH_MESSAGE, data: Uint8Array.of(octet) });
const THRICE = { count: 3, intervalMs: 100 };

describe('a reconnecting bearer', () => {
  it('rejects when it cannot be opened at first', async () => {
    const error = new MeshError('bearer-busy', 'taken');
    await expect(reconnecting(() => Promise.reject(error), new VirtualClock())).rejects.toBe(error);
  });

  it('opens a lost radio again, later and later, and says so', async () => {
    const { bearer, state, changes, pass, unplug } = await setUp();
    await pass(1000);
    unplug();
    await pass(120_000);
    const waits = changes.map((change) => (change.type === 'back' ? -1 : change.retryMs));
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(changes.map(({ type }) => type)).toEqual(['lost', ...Array(8).fill('failed')]);
    state.isThere = true;
    await pass(30_000);
    expect(changes.at(-1)).toEqual({ type: 'back', afterMs: expect.closeTo(121_500, -3) });
    unplug();
    expect(changes.at(-1)).toEqual({ type: 'lost', reason: lost, retryMs: 500 });
    expect([state.opened, state.closed]).toEqual([2, 2]);
    bearer.close();
  });

  it('hears what it was to hear, through outages, until it is taken back', async () => {
    const { bearer, air, state, pass, unplug } = await setUp();
    const other = air.join().advertising;
    const heard: number[] = [];
    const stop = bearer.advertising!.receive([AD_MESH_MESSAGE], ({ data }) => void heard.push(data[0]!));
    const stopped = bearer.advertising!.receive([AD_MESH_MESSAGE], () => expect.unreachable());
    other.send(ad(1), { count: 1, intervalMs: 20 }, () => {});
    stopped();
    await pass(100);
    unplug();
    other.send(ad(2), { count: 1, intervalMs: 20 }, () => {});
    await pass(600);
    state.isThere = true;
    await pass(1000);
    other.send(ad(3), { count: 1, intervalMs: 20 }, () => {});
    await pass(100);
    stop();
    other.send(ad(4), { count: 1, intervalMs: 20 }, () => {});
    await pass(100);
    expect(heard).toEqual([1, 3]);
  });

  it('loses what is sent in an outage as the air does, and takes the time that it takes', async () => {
    const { bearer, air, clock, state, pass, unplug } = await setUp();
    const heard: number[] = [];
    air.join().advertising.receive([AD_MESH_MESSAGE], ({ data }) => void heard.push(data[0]!));
    const outcomes: [number, unknown][] = [];
    const send = (octet: number) =>
      bearer.advertising!.send(ad(octet), THRICE, (outcome) => void outcomes.push([octet, outcome]));
    send(1);
    await pass(150);
    unplug();
    expect(outcomes).toEqual([]);
    await pass(100);
    const start = clock.now;
    send(2);
    const cancel = send(3);
    cancel();
    await pass(1000);
    expect(outcomes).toEqual([
      [1, { start: 0, end: 300 }],
      [2, { start, end: start + 300 }],
    ]);
    expect([bearer.advertising!.sets, bearer.advertising!.minIntervalMs]).toEqual([1, 20]);
    state.isThere = true;
    await pass(1000);
    send(4);
    await pass(1000);
    expect([heard, outcomes.length]).toEqual([[1, 1, 4, 4, 4], 3]);
  });

  it('discovers, shows and serves again after an outage; links have ended', async () => {
    const { bearer, gatt, state, pass, unplug } = await setUp();
    const shown: number[] = [];
    const peers: string[] = [];
    gatt.central().discover([0x1828], ({ data, peer }) => {
      shown.push(data[0]!);
      peers.push(peer);
    });
    const found: number[] = [];
    bearer.central!.discover([0x1828], ({ data }) => void found.push(data[0]!));
    const served: GattLink[] = [];
    let ended = 0;
    bearer.peripheral!.serve(MESH_PROXY_SERVICE, (link) => {
      served.push(link);
    });
    const offer = (octet: number) => ({
      service: 0x1828,
      data: Uint8Array.of(octet),
      intervalMs: 100,
      privateAddress: false,
    });
    const stopFirst = bearer.peripheral!.advertise(offer(1));
    const stopSecond = bearer.peripheral!.advertise(offer(2));
    stopFirst();
    await pass(250);
    const other = gatt.peripheral();
    other.serve(MESH_PROXY_SERVICE, () => {});
    other.advertise(offer(9));
    const client = gatt.central();
    client.connect(peers.at(-1)!, MESH_PROXY_SERVICE, (link) => {
      if (!(link instanceof MeshError)) link.listen({ received: () => {}, disconnected: () => void ended++ });
    });
    await pass(200);
    expect([served.length, bearer.peripheral!.connections]).toEqual([1, 1]);
    unplug();
    const codes: unknown[] = [];
    bearer.central!.connect('anybody', MESH_PROXY_SERVICE, (outcome) => codes.push((outcome as MeshError).code));
    await pass(200);
    expect([ended, codes]).toEqual([1, ['connect-failed']]);
    state.isThere = true;
    [shown, found].forEach((list) => {
      list.length = 0;
    });
    await pass(1000);
    expect(shown.filter((octet) => octet !== 9)).not.toContain(1);
    expect([shown.includes(2), found.includes(9)]).toEqual([true, true]);
    client.connect(peers.at(-1)!, MESH_PROXY_SERVICE, () => {});
    stopSecond();
    await pass(500);
    shown.length = 0;
    await pass(500);
    expect(shown).not.toContain(2);
  });

  it('that is closed in an outage ends what waits, and opens nothing any more', async () => {
    const { bearer, state, pass, unplug, changes, clock } = await setUp();
    const codes: string[] = [];
    const send = () =>
      bearer.advertising!.send(ad(1), THRICE, (outcome) => void codes.push((outcome as MeshError).code));
    unplug();
    send();
    bearer.close();
    bearer.close();
    expect(codes).toEqual(['bearer-closed']);
    send();
    bearer.advertising!.receive([AD_MESH_MESSAGE], () => {})();
    bearer.central!.connect('x', MESH_PROXY_SERVICE, (outcome) => void codes.push((outcome as MeshError).code));
    state.isThere = true;
    await pass(100_000);
    expect([codes.slice(1), state.opened, changes.length]).toEqual([['bearer-closed', 'bearer-closed'], 1, 1]);
    expect(clock.nextAt).toBeUndefined();
  });

  it('that is closed while the radio is being opened closes it', async () => {
    const { bearer, state, clock, unplug } = await setUp();
    unplug();
    state.isThere = true;
    clock.advance(500);
    bearer.close();
    for (let i = 0; i < 5; i++) await Promise.resolve();
    expect([state.opened, state.closed]).toEqual([2, 2]);
  });
});
