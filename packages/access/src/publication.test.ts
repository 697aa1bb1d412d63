import { MemoryStore, MeshError, VirtualClock } from '@meshferry/core';
import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AccessLayer } from './access-layer.ts';
import { Model } from './model.ts';
import {
  fastPeriodMs,
  publishPeriodMs,
  publishPeriodOf,
  publishRetransmit,
  publishRetransmitOf,
} from './publication.ts';
import { Link } from './testing/index.ts';
import { LABEL, LampStatus, node } from './testing/lamp.ts';
import { vectors } from './testing/vectors.ts';

const GROUP = 0xc001;
const PERIOD_MS = 10_000;
const period = publishPeriodOf(PERIOD_MS);

let clock: VirtualClock;
let link: Link;
let store: MemoryStore;
let lamp: Model;
let layer: AccessLayer;
/** When each message left, from now on. */
let times: number[];

/** A lamp that publishes its level, number of publications so far, at each period. */
function build(): void {
  let level = 0;
  lamp = new Model({ id: 0x0059_0001, name: 'Lamp Server' });
  lamp.publishes(() => lamp.publish(LampStatus, { level: level++ }));
  layer = node(clock, 0x10, [[], [lamp]], { link, store });
}

beforeEach(() => {
  clock = new VirtualClock();
  link = new Link(clock, 0);
  store = new MemoryStore();
  build();
  lamp.bind(3);
  times = [];
  link.onSent = () => times.push(clock.now);
});

describe('codecs', () => {
  it.each(vectors.publishPeriods)('Publish Period $octet is $ms ms', ({ octet, ms }) => {
    expect(publishPeriodMs(octet)).toBe(ms);
    expect(publishPeriodMs(publishPeriodOf(ms))).toBe(ms);
  });

  it.each(vectors.publishRetransmits)('Publish Retransmit $octet', ({ octet, transmissions, intervalMs }) => {
    expect(publishRetransmit(octet)).toEqual({ transmissions, intervalMs });
    expect(publishRetransmitOf(transmissions, intervalMs)).toBe(octet);
  });

  it.each(vectors.fastPeriods)('a period of $publishPeriodMs ms by 2^$divisor', (vector) => {
    expect(fastPeriodMs(vector.publishPeriodMs, vector.divisor)).toBe(vector.effectiveMs);
  });

  it('gives back every octet of a retransmission, and every time of a period', () => {
    for (let octet = 0; octet <= 0xff; octet++) {
      const { transmissions, intervalMs } = publishRetransmit(octet);
      expect(publishRetransmitOf(transmissions, intervalMs)).toBe(octet);
      expect(publishPeriodMs(publishPeriodOf(publishPeriodMs(octet)))).toBe(publishPeriodMs(octet));
    }
  });

  it('gives the nearest octet to any time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 37_800_000 }), (ms) => {
        const told = publishPeriodMs(publishPeriodOf(ms));
        const unit = [100, 1000, 10_000, 600_000].find((each) => ms / each < 63.5) as number;
        return Math.abs(told - ms) <= Math.max(unit / 2, 100);
      }),
    );
    expect(publishPeriodOf(50_000_000)).toBe(0xff);
  });
});

describe('a publication on a change', () => {
  it('goes where the state says, under its key, TTL and credentials', () => {
    lamp = publisher();
    layer = node(clock, 0x20, [[lamp]], {
      link,
      identity: { cid: 0x59, pid: 1, vid: 1, crpl: 8, features: 0x08 },
    });
    lamp.bind(7);
    lamp.setPublication({ to: LABEL, appIndex: 7, ttl: 3, credentialFlag: true });
    lamp.publish(LampStatus, { level: 9 });
    expect(link.sent).toEqual([
      {
        src: 0x20,
        dst: virtualAddress(portableCrypto, LABEL),
        label: LABEL,
        key: { kind: 'app', index: 7 },
        ttl: 3,
        credentials: 'friendship',
        payload: LampStatus.encode({ level: 9 }),
      },
    ]);
  });

  it('goes out of the element of the model, with the Default TTL, when nothing else is said', () => {
    lamp.setPublication({ to: GROUP, appIndex: 3 });
    lamp.publish(LampStatus, { level: 1 });
    expect(link.sent).toMatchObject([{ src: 0x11, dst: GROUP, ttl: 0xff }]);
    expect(link.sent[0]?.credentials).toBeUndefined();
    clock.advance(60_000);
    expect(link.sent).toHaveLength(1);
  });

  it('is sent as often as Publish Retransmit says, with the same payload', () => {
    lamp.setPublication({ to: GROUP, appIndex: 3, retransmit: publishRetransmitOf(3, 100) });
    lamp.publish(LampStatus, { level: 5 });
    clock.advance(10_000);
    expect(link.sent.map(({ payload }) => payload)).toEqual(Array(3).fill(LampStatus.encode({ level: 5 })));
    for (const gap of gaps()) {
      expect(gap).toBeGreaterThanOrEqual(100);
      expect(gap).toBeLessThanOrEqual(120);
    }
  });

  it('ends the retransmissions of the one before', () => {
    lamp.setPublication({ to: GROUP, appIndex: 3, retransmit: publishRetransmitOf(4, 100) });
    lamp.publish(LampStatus, { level: 1 });
    clock.advance(150);
    lamp.publish(LampStatus, { level: 2 });
    clock.advance(10_000);
    expect(levels()).toEqual([1, 1, 2, 2, 2, 2]);
  });

  it('is repeated although one transmission failed, which is logged', () => {
    lamp.setPublication({ to: GROUP, appIndex: 3, retransmit: publishRetransmitOf(3, 50) });
    link.failure = new MeshError('segmented-timeout', 'nobody acknowledged');
    lamp.publish(LampStatus, { level: 1 });
    clock.advance(10_000);
    expect(link.sent).toHaveLength(3);
  });

  it('tells how its first transmission ended, or that there is no publication', () => {
    const outcomes: (string | undefined)[] = [];
    const told = (error?: MeshError): void => void outcomes.push(error?.code);
    lamp.publish(LampStatus, { level: 1 }, told);
    lamp.publish(LampStatus, { level: 1 });
    expect(outcomes).toEqual([]);
    clock.advance(1);
    lamp.setPublication({ to: GROUP, appIndex: 3 });
    lamp.publish(LampStatus, { level: 1 }, told);
    clock.advance(1);
    expect(outcomes).toEqual(['not-publishing', undefined]);
    lamp.setPublication(undefined);
    const cancel = lamp.publish(LampStatus, { level: 1 }, told);
    cancel();
    clock.advance(1);
    expect(outcomes).toHaveLength(2);
  });

  it('can be cancelled', () => {
    const outcomes: (string | undefined)[] = [];
    lamp.setPublication({ to: GROUP, appIndex: 3, retransmit: publishRetransmitOf(3, 50) });
    const cancel = lamp.publish(LampStatus, { level: 1 }, (error) => outcomes.push(error?.code));
    cancel();
    cancel();
    clock.advance(10_000);
    expect(outcomes).toEqual(['cancelled']);
    expect(link.sent).toHaveLength(1);
  });
});

describe('a periodic publication', () => {
  it('comes first a period after it was set, then at each period', () => {
    lamp.setPublication({ to: GROUP, appIndex: 3, period });
    clock.advance(3.5 * PERIOD_MS);
    expect(times).toEqual([PERIOD_MS, 2 * PERIOD_MS, 3 * PERIOD_MS]);
    expect(levels()).toEqual([0, 1, 2]);
  });

  it('leaves out retransmissions that would come after the next one', () => {
    lamp.setPublication({ to: GROUP, appIndex: 3, period: publishPeriodOf(300), retransmit: 0xff });
    clock.advance(1000);
    expect(times).toEqual([300, 600, 900]);
    lamp.setPublication({
      to: GROUP,
      appIndex: 3,
      period: publishPeriodOf(300),
      retransmit: publishRetransmitOf(8, 100),
    });
    times = [];
    clock.advance(899);
    expect(times.length).toBeGreaterThanOrEqual(5);
    expect(times.length).toBeLessThanOrEqual(6);
  });

  it('comes more often while something is urgent, counted from the one before', () => {
    lamp.setPublication({ to: GROUP, appIndex: 3, period });
    clock.advance(PERIOD_MS + 100);
    lamp.setFastPeriod(4);
    clock.advance(1300);
    expect(gaps()).toEqual([625, 625]);
    lamp.setFastPeriod(4);
    lamp.setFastPeriod(0);
    clock.advance(PERIOD_MS);
    expect(gaps()).toEqual([625, 625, PERIOD_MS]);
  });

  it('is due at once when the urgent period is over already', () => {
    lamp.setPublication({ to: GROUP, appIndex: 3, period });
    clock.advance(1000);
    lamp.setFastPeriod(15);
    clock.advance(0);
    expect(times).toEqual([1000]);
  });

  it.each([
    ['another publication', () => lamp.setPublication({ to: GROUP, appIndex: 3 })],
    ['the unassigned address', () => lamp.setPublication(undefined)],
    ['the end of the binding', () => lamp.unbind(3)],
    ['the deletion of the AppKey', () => layer.removeAppKey(3)],
    ['the reset of the node', () => layer.reset()],
    ['the end of the node', () => layer.close()],
  ])('ends by %s, with what was under way', (_, end) => {
    lamp.setPublication({ to: GROUP, appIndex: 3, period, retransmit: publishRetransmitOf(8, 1000) });
    clock.advance(PERIOD_MS + 1500);
    expect(times).toHaveLength(2);
    end();
    clock.advance(10 * PERIOD_MS);
    expect(times).toHaveLength(2);
  });

  it('goes on after a power cut, 20 to 500 ms after the start', () => {
    const first: number[] = [];
    for (let i = 0; i < 5; i++) {
      lamp.setPublication({ to: LABEL, appIndex: 3, ttl: 7, period });
      const before = lamp.publication;
      layer.close();
      const start = clock.now;
      build();
      expect(lamp.publication).toEqual(before);
      times = [];
      clock.advance(2 * PERIOD_MS);
      expect(times).toHaveLength(2);
      expect(gaps()).toEqual([PERIOD_MS]);
      first.push((times[0] as number) - start);
    }
    expect(Math.min(...first)).toBeGreaterThanOrEqual(20);
    expect(Math.max(...first)).toBeLessThanOrEqual(500);
  });
});

describe('a publication is refused', () => {
  it('for a model that does not publish, or not periodically', () => {
    const mute = new Model({ id: 1, name: 'Mute' });
    const terse = publisher();
    node(clock, 0x20, [[mute, terse]], { link });
    terse.bind(3);
    expect(codeOf(() => mute.setPublication({ to: GROUP, appIndex: 3 }))).toBe('no-publication');
    expect(codeOf(() => mute.publish(LampStatus, { level: 1 }))).toBe('no-publication');
    expect(mute.publication).toBeUndefined();
    mute.setFastPeriod(3);
    expect(codeOf(() => terse.setPublication({ to: GROUP, appIndex: 3, period: 1 }))).toBe('no-period');
    terse.setPublication({ to: GROUP, appIndex: 3, period: 0x40 });
    expect(codeOf(() => terse.publishes())).toBe('already-attached');
  });

  it('with what it cannot be', () => {
    const set = (change: object): string =>
      codeOf(() => lamp.setPublication({ to: GROUP, appIndex: 3, period, ...change }));
    expect(set({ to: 0 })).toBe('bad-address');
    expect(set({ to: 0x8123 })).toBe('bad-address');
    expect(set({ to: new Uint8Array(15) })).toBe('bad-label-uuid');
    expect(set({ appIndex: 4 })).toBe('key-not-bound');
    expect(set({ credentialFlag: true })).toBe('feature-not-supported');
    for (const wrong of [{ ttl: 0x80 }, { ttl: 0.5 }, { period: 256 }, { retransmit: -1 }]) {
      expect(set(wrong)).toBe('bad-field');
    }
    expect(lamp.publication).toBeUndefined();
    expect(set({})).toBe('nothing thrown');
  });

  it('when the store refuses it, and the old one stays', () => {
    lamp.setPublication({ to: GROUP, appIndex: 3 });
    const before = lamp.publication;
    store.batch = () => {
      throw new Error('disk full');
    };
    expect(() => lamp.setPublication(undefined)).toThrow('disk full');
    expect(() => lamp.unbind(3)).toThrow('disk full');
    expect(() => layer.removeAppKey(3)).toThrow('disk full');
    expect(() => layer.reset()).toThrow('disk full');
    expect(lamp.publication).toEqual(before);
    expect(lamp.appKeys).toEqual([3]);
  });
});

describe('what a key or a network leaves behind', () => {
  it('is nothing of a deleted AppKey, on any element, also after a power cut', () => {
    const other = publisher();
    const two = (): AccessLayer => node(clock, 0x40, [[lamp], [other]], { store: shared });
    const shared = new MemoryStore();
    lamp = publisher();
    layer = two();
    for (const model of [lamp, other]) for (const key of [1, 2]) model.bind(key);
    lamp.setPublication({ to: GROUP, appIndex: 1 });
    other.setPublication({ to: GROUP, appIndex: 2 });
    layer.removeAppKey(1);
    layer.removeAppKey(9);
    expect([lamp.appKeys, other.appKeys]).toEqual([[2], [2]]);
    expect([lamp.publication, other.publication?.appIndex]).toEqual([undefined, 2]);
    expect(shared.keys('publication/')).toHaveLength(1);
  });

  it('is nothing at all of a reset node', () => {
    lamp.subscribe(GROUP);
    lamp.subscribe(LABEL);
    lamp.setPublication({ to: GROUP, appIndex: 3, period });
    layer.reset();
    expect(store.keys('')).toEqual([]);
    expect([lamp.appKeys, lamp.subscriptions, lamp.publication]).toEqual([[], [], undefined]);
    expect(layer.isSubscribed(GROUP)).toBe(false);
  });
});

describe('a Subscription List', () => {
  it('has room for so many entries', () => {
    const model = new Model({ id: 1, name: 'Ear' });
    node(clock, 0x20, [[model]], { subscriptionListSize: 2 });
    model.subscribe(0xc001);
    model.subscribe(LABEL);
    model.subscribe(0xc001);
    expect(codeOf(() => model.subscribe(0xc002))).toBe('subscription-list-full');
    expect(codeOf(() => model.overwriteSubscriptions([0xc001, 0xc002, 0xc003]))).toBe('subscription-list-full');
    model.unsubscribe(LABEL);
    model.subscribe(0xc002);
    expect(model.subscriptions.map(({ address }) => address)).toEqual([0xc001, 0xc002]);
  });

  it('is overwritten in one step', () => {
    const model = new Model({ id: 1, name: 'Ear' });
    const layer = node(clock, 0x20, [[model]], {});
    model.subscribe(0xc001);
    model.overwriteSubscriptions([0xc002, LABEL, 0xc002]);
    expect(model.subscriptions).toHaveLength(2);
    expect([layer.isSubscribed(0xc001), layer.isSubscribed(0xc002)]).toEqual([false, true]);
    model.overwriteSubscriptions([]);
    expect(model.subscriptions).toEqual([]);
  });
});

/** A model that publishes on changes alone. */
function publisher(): Model {
  const model = new Model({ id: 0x0059_0009, name: 'Terse' });
  model.publishes();
  return model;
}

function levels(): number[] {
  return link.sent.map(({ payload }) => payload.at(-1) as number);
}

function gaps(): number[] {
  return times.slice(1).map((time, i) => time - (times[i] as number));
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof MeshError ? error.code : String(error);
  }
  return 'nothing thrown';
}
