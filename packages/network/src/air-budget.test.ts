import type { MeshError } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AirBudget } from './air-budget.ts';
import { appMessage, TestMesh, type TestNode } from './testing/node.ts';

const GROUP = 0xc000;
const WINDOW_MS = 10_000;
/** A PDU of 21 octets: 9 of the network layer, 1 of transport, 11 of the message with its MIC. */
const SHORT = 8;

interface OnAir {
  readonly end: number;
  readonly airMs: number;
}

/** The most air of any window, ms. `events` in the order of their ends. */
function fullest(events: readonly OnAir[]): number {
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const { end, airMs } of events) {
    sum += airMs;
    while ((events[first] as OnAir).end <= end - WINDOW_MS) sum -= (events[first++] as OnAir).airMs;
    most = Math.max(most, sum);
  }
  return most;
}

/** Writes down what a node hears. */
function listen(mesh: TestMesh, node: number): OnAir[] {
  const events: OnAir[] = [];
  mesh.bearers[node]?.receive([0x2a, 0x2b], ({ data, at }) => {
    events.push({ end: at, airMs: (8 * (18 + data.length)) / 1000 });
  });
  return events;
}

/** So many advertising sets that all together take an eighth of a channel; nothing gets lost. */
function makeMesh(seed: string): TestMesh {
  return new TestMesh(seed, { sets: 10 });
}

/** Keeps messages waiting until the node is closed. */
function transfer(node: TestNode, count = 20): void {
  const next = (error?: MeshError): void => {
    if (error !== undefined) return;
    const message = { ...appMessage(node.layer.address, GROUP, SHORT), transmit: { count: 1, intervalMs: 20 } };
    node.layer.send({ ...message, priority: 'bulk' }, next);
  };
  for (let i = 0; i < count; i++) next();
}

describe('the air that a bulk transfer leaves', () => {
  it.each([0.02, 0.1])('is taken in no 10 s for more than a share of %f, but nearly', (share) => {
    const mesh = makeMesh('alone');
    const sender = mesh.add({ airtime: share });
    mesh.add();
    const heard = listen(mesh, 1);
    transfer(sender);
    mesh.clock.advance(30_000);
    // PDUs here are a little shorter than they can be.
    expect(sender.layer.airtimeEventMs).toBeGreaterThan(30_000 / heard.length);
    expect(sender.layer.airtimeEventMs).toBeLessThan((1.3 * 30_000) / heard.length);
    expect(fullest(heard)).toBeLessThanOrEqual(share * WINDOW_MS);
    expect(fullest(heard)).toBeGreaterThan(0.85 * share * WINDOW_MS);
  });

  it('has no limit unless one is set, which may come and go', () => {
    const mesh = makeMesh('unlimited');
    const sender = mesh.add();
    mesh.add();
    const heard = listen(mesh, 1);
    transfer(sender);
    mesh.clock.advance(11_000);
    const free = fullest(heard);
    expect(free).toBeGreaterThan(0.12 * WINDOW_MS);

    expect(sender.layer.airtime).toBeUndefined();
    expect(sender.layer.airtimeEventMs).toBeUndefined();
    sender.layer.airtime = 0.05;
    expect(sender.layer.airtime).toBe(0.05);
    mesh.clock.advance(100);
    heard.length = 0;
    mesh.clock.advance(15_000);
    expect(fullest(heard)).toBeLessThanOrEqual(0.05 * WINDOW_MS);

    sender.layer.airtime = undefined;
    heard.length = 0;
    mesh.clock.advance(WINDOW_MS);
    expect(fullest(heard)).toBeGreaterThan(0.98 * free);
  });

  /** A bulk transfer beside another node, whose messages come with these TTLs in turn: what is heard of each, at most. */
  function besideOthers(ttls: readonly number[]): { all: number; own: number; slowest: number } {
    const mesh = makeMesh('others');
    const sender = mesh.add({ airtime: 0.1 });
    mesh.add();
    const other = mesh.add();
    const own = listen(mesh, 2);
    const all = listen(mesh, 1);
    transfer(sender);
    let sent = 0;
    const others = (): void => {
      mesh.clock.after(10, others);
      const ttl = ttls[sent++ % ttls.length] as number;
      other.layer.send({ ...appMessage(3, 1, SHORT), ttl, transmit: { count: 1, intervalMs: 20 } });
    };
    others();
    let slowest = 0;
    const chat = (): void => {
      mesh.clock.after(200, chat);
      const at = mesh.clock.now;
      const message = { ...appMessage(1, 2, SHORT), transmit: { count: 1, intervalMs: 20 } };
      sender.layer.send(message, () => {
        slowest = Math.max(slowest, mesh.clock.now - at);
      });
    };
    chat();
    mesh.clock.advance(30_000);
    return { all: fullest(all) / WINDOW_MS, own: fullest(own) / WINDOW_MS, slowest };
  }

  it('counts what others send, and own interactive messages, which do not wait', () => {
    const { all, own, slowest } = besideOthers([5]);
    expect(all).toBeLessThanOrEqual(0.1);
    expect(own, 'the other one has its part, with some to spare').toBeLessThan(0.072);
    expect(own).toBeGreaterThan(0.03);
    expect(slowest).toBeLessThan(35);
  });

  it('is more where messages come over relays: others may be in reach of more nodes than this one', () => {
    const { own } = besideOthers([5, 4, 3]);
    expect(own).toBeLessThan(0.03);
    expect(own).toBeGreaterThan(0.002);
  });

  it('is none while others take more than the share, and there again soon after', () => {
    const mesh = makeMesh('crowded');
    const sender = mesh.add({ airtime: 0.05 });
    mesh.add();
    const other = mesh.add();
    const own = listen(mesh, 2);
    transfer(other);
    mesh.clock.advance(15_000);
    transfer(sender);
    mesh.clock.advance(5000);
    expect(own.length).toBe(0);
    other.layer.close();
    mesh.clock.advance(2.5 * WINDOW_MS);
    expect(own.length).toBeGreaterThan(200);
  });

  it('is left in every window, whatever is on air when', () => {
    const event = fc.record({
      wait: fc.double({ min: 0, max: 100, noNaN: true }),
      air: fc.double({ min: 0.1, max: 2, noNaN: true }),
      kind: fc.constantFrom('bulk', 'bulk', 'bulk', 'own', 'heard'),
      lasts: fc.double({ min: 0, max: 100, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.array(event, { minLength: 50, maxLength: 400 }),
        (share, events) => {
          const budget = new AirBudget(share, 0);
          let now = 0;
          const taken: OnAir[] = [];
          let held: OnAir[] = [];
          for (const { wait, air, kind, lasts } of events) {
            now += wait;
            for (const { end, airMs } of held) if (end <= now) budget.release(airMs, 1, end);
            held = held.filter(({ end }) => end > now);
            // Others hold back as well: what they take alone is no matter of this limit.
            if (kind === 'own' && wait > 5) budget.sent(air, 1, now);
            else if (kind === 'heard' && wait > 50) budget.heard(air, now);
            else if (kind === 'bulk' && budget.waitMs(air, now) === 0) {
              budget.hold(air);
              held.push({ end: now + lasts, airMs: air });
            } else continue;
            taken.push({ end: now, airMs: air });
          }
          // What is handed over may be on air up to 100 ms later: at most so much comes out of the window before.
          expect(fullest(taken)).toBeLessThanOrEqual(share * WINDOW_MS);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([0, -1, 0.009, 1.01, Number.NaN])('cannot be %f', (share) => {
    const { layer } = makeMesh('bad').add();
    expect(() => {
      layer.airtime = share;
    }).toThrow(expect.objectContaining({ code: 'bad-field', message: `airtime ${share}` }));
    expect(layer.airtime).toBeUndefined();
  });
});
