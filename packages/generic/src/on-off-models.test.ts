import { readFileSync } from 'node:fs';
import { AccessLayer } from '@meshferry/access';
import { fromHex, MemoryStore, type MeshError, type Result, SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { Link } from '../../access/src/testing/index.ts';
import { GenericOnOffClient, type GenericOnOffState } from './on-off-client.ts';
import { GenericOnOffSet, GenericOnOffSetUnacknowledged, GenericOnOffStatus } from './on-off-messages.ts';
import { GenericOnOffServer, type GenericOnOffServerOptions } from './on-off-server.ts';
import { transitionMs, transitionTimeOf } from './transition-time.ts';

const GROUP = 0xc001;
const TWO_SECONDS = transitionTimeOf(2000);
const FIVE_SECONDS = transitionTimeOf(5000);

let clock: VirtualClock;
let link: Link;
let server: GenericOnOffServer;
let client: GenericOnOffClient;
/** Of the client. */
let transport: ReturnType<Link['join']>;
/** What the server published, and changes of its state, with their times. */
let published: { at: number; present: number; target: number | undefined; left: number | undefined }[];
let changes: [at: number, onOff: number][];

function join(address: number, model: GenericOnOffServer['model']): void {
  const access = new AccessLayer({
    clock,
    random: new SeededRandom(address),
    store: new MemoryStore(),
    crypto: portableCrypto,
    address,
    identity: { cid: 0x0059, pid: 1, vid: 1, crpl: 8, features: 0 },
  });
  access.addElement(0, [model]);
  transport = link.join(access);
  access.connect(transport);
  model.bind(0);
}

function build(options: GenericOnOffServerOptions = {}): void {
  clock = new VirtualClock();
  link = new Link(clock, 0);
  published = [];
  changes = [];
  server = new GenericOnOffServer({ ...options, changed: (onOff) => changes.push([clock.now, onOff]) });
  client = new GenericOnOffClient();
  join(0x10, server.model);
  join(0x01, client.model);
  server.model.subscribe(GROUP);
  server.model.setPublication({ to: 0xc00f, appIndex: 0 });
  link.onSent = ({ dst, payload }) => {
    if (dst !== 0xc00f) return;
    const decoded = GenericOnOffStatus.decode(payload);
    if (!decoded.ok) throw new Error(decoded.error.reason);
    const { presentOnOff, targetOnOff, remainingTime } = decoded.value;
    const left = remainingTime && transitionMs(remainingTime);
    published.push({ at: clock.now, present: presentOnOff, target: targetOnOff, left });
  };
}

beforeEach(() => build());

/** What a request ended with, after `ms`. */
function outcome(
  ask: (done: (result: Result<GenericOnOffState, MeshError>) => void) => unknown,
  ms = 100,
): GenericOnOffState | string | undefined {
  let told: GenericOnOffState | string | undefined;
  ask((result) => {
    told = result.ok ? result.value : result.error.code;
  });
  clock.advance(ms);
  return told;
}

const steady = (presentOnOff: number): GenericOnOffState => ({
  presentOnOff,
  targetOnOff: undefined,
  remainingTime: undefined,
});

describe('a command without a transition', () => {
  it('takes effect at once, is answered and published', () => {
    expect(outcome((done) => client.set(1, { dst: 0x10 }, {}, done))).toEqual(steady(1));
    expect(server.onOff).toBe(1);
    expect(published).toEqual([{ at: 0, present: 1, target: undefined, left: undefined }]);
    expect(outcome((done) => client.get({ dst: 0x10 }, done))).toEqual(steady(1));
  });

  it('for the present state publishes nothing', () => {
    expect(outcome((done) => client.set(0, { dst: 0x10 }, {}, done))).toEqual(steady(0));
    expect([published, changes]).toEqual([[], []]);
  });

  it('takes the default transition time of the server when it has one', () => {
    build({ defaultTransitionTime: FIVE_SECONDS, onOff: 1 });
    expect(outcome((done) => client.set(0, { dst: 0x10 }, {}, done))).toMatchObject({
      presentOnOff: 1,
      targetOnOff: 0,
    });
    clock.advance(5000);
    expect(changes).toEqual([[5000, 0]]);
  });

  it('is executed once, although it comes more often, for six seconds', () => {
    const set = { onOff: 1, tid: 9, transitionTime: undefined, delay: undefined };
    const say = (onOff: number): void => {
      client.model.send(GenericOnOffSet, { ...set, onOff }, { dst: 0x10 });
      clock.advance(100);
    };
    say(1);
    server.set(0);
    say(1);
    expect(server.onOff).toBe(0);
    expect(link.sent.filter(({ dst }) => dst === 0x01)).toHaveLength(2);
    clock.advance(6000);
    say(1);
    expect(server.onOff).toBe(1);
  });

  it('is told apart by destination', () => {
    const set = { onOff: 1, tid: 9, transitionTime: undefined, delay: undefined };
    client.model.send(GenericOnOffSetUnacknowledged, set, { dst: 0x10 });
    clock.advance(1);
    client.model.send(GenericOnOffSetUnacknowledged, { ...set, onOff: 0 }, { dst: GROUP });
    clock.advance(1);
    expect(server.onOff).toBe(0);
  });
});

describe('a transition', () => {
  it('to on is on from its start, and published then and at its end', () => {
    const change = { transitionTime: FIVE_SECONDS, delayMs: 500 };
    expect(outcome((done) => client.set(1, { dst: 0x10 }, change, done))).toMatchObject({
      presentOnOff: 0,
      targetOnOff: 1,
      remainingTime: transitionTimeOf(5500),
    });
    expect(server.target).toBe(1);
    clock.advance(10_000);
    expect(server.target).toBeUndefined();
    expect(changes).toEqual([[500, 1]]);
    expect(published).toEqual([
      { at: 500, present: 1, target: 1, left: 5000 },
      { at: 5500, present: 1, target: undefined, left: undefined },
    ]);
  });

  it('to off is on until its end; a short one is published then alone', () => {
    build({ onOff: 1 });
    client.setUnacknowledged(0, { dst: 0x10 }, { transitionTime: TWO_SECONDS });
    clock.advance(10_000);
    expect(changes).toEqual([[2000, 0]]);
    expect(published).toEqual([{ at: 2000, present: 0, target: undefined, left: undefined }]);
    server.set(1);
    published.length = 0;
    server.set(0, 5000);
    clock.advance(10_000);
    expect(published).toMatchObject([
      { present: 1, target: 0, left: 5000 },
      { present: 0, target: undefined },
    ]);
  });

  it('ends when the present state is asked for, which is published', () => {
    build({ onOff: 1 });
    server.set(0, 5000);
    clock.advance(1000);
    published.length = 0;
    server.set(1);
    clock.advance(10_000);
    expect(server.onOff).toBe(1);
    expect(published).toEqual([{ at: 1000, present: 1, target: undefined, left: undefined }]);
  });

  it('is replaced by another command', () => {
    server.set(1, 5000, 1000);
    clock.advance(500);
    server.set(1, 0, 2000);
    clock.advance(10_000);
    expect(changes).toEqual([[2500, 1]]);
  });
});

describe('an unacknowledged command to a group', () => {
  it('is sent three times, and all begin together whichever copy they heard', () => {
    const others = [0x20, 0x30].map((address) => {
      const begun: number[] = [];
      const other = new GenericOnOffServer({ changed: () => begun.push(clock.now) });
      join(address, other.model);
      return { other, begun };
    });
    // The later a server subscribes, the later the copy that it hears.
    for (const [i, { other }] of others.entries()) {
      clock.after(50 + 100 * i, () => other.model.subscribe(GROUP));
    }
    client.setUnacknowledged(1, { dst: GROUP }, { transitionTime: TWO_SECONDS, delayMs: 300 });
    clock.advance(5000);
    expect(changes).toEqual([[300, 1]]);
    expect(others.map(({ begun }) => begun)).toEqual([[300], [300]]);
    expect(link.sent.filter(({ dst }) => dst === GROUP)).toHaveLength(3);
  });

  it('has an identifier of its own each time', () => {
    const tids = new Set<number>();
    link.onSent = ({ dst, payload }) => {
      if (dst === GROUP) tids.add(payload[3] as number);
    };
    for (let i = 0; i < 300; i++) {
      client.setUnacknowledged(1, { dst: GROUP });
      clock.advance(10);
    }
    expect(tids.size).toBe(256);
  });
});

it('tells the client that nobody answered', () => {
  expect(outcome((done) => client.get({ dst: 0x77 }, done), 10_000)).toBe('no-response');
  expect(link.sent).toHaveLength(4);
});

it('publishes periodically what it is', () => {
  const heard: number[] = [];
  const listener = new GenericOnOffClient(({ presentOnOff }) => heard.push(presentOnOff));
  join(0x40, listener.model);
  listener.model.subscribe(0xc00f);
  server.model.setPublication({ to: 0xc00f, appIndex: 0, period: 0x41 });
  clock.advance(2500);
  expect(heard).toEqual([0, 0]);
});

it('forgets old transactions when there are many', () => {
  const set = { onOff: 1, tid: 9, transitionTime: undefined, delay: undefined };
  for (let i = 0; i < 100; i++) {
    client.model.send(GenericOnOffSetUnacknowledged, set, { dst: 0xc100 + i });
    server.model.overwriteSubscriptions([0xc100 + i]);
    clock.advance(1000);
  }
  expect(server.onOff).toBe(1);
});

describe('a command with a newer one after it', () => {
  it('is not repeated any more, though its answer was lost', () => {
    link.onSent = ({ payload }) => {
      if (toHex(payload).startsWith('8204')) link.lose = 1;
    };
    const ends: unknown[] = [];
    client.set(1, { dst: 0x10 }, {}, (outcome) => ends.push(outcome.ok ? 'on' : outcome.error.code));
    clock.advance(500);
    link.onSent = () => {};
    client.set(0, { dst: 0x10 }, {}, (outcome) => ends.push(outcome.ok ? 'off' : outcome.error.code));
    clock.advance(10_000);
    expect(ends).toEqual(['superseded', 'off']);
    expect(changes.map(([, onOff]) => onOff)).toEqual([1, 0]);
  });

  it('of many is not either', () => {
    client.setUnacknowledged(1, { dst: GROUP });
    clock.advance(50);
    client.setUnacknowledged(0, { dst: GROUP });
    clock.advance(1000);
    expect(changes.map(([, onOff]) => onOff)).toEqual([1, 0]);
    expect(server.onOff).toBe(0);
  });
});

describe('transition times', () => {
  it.each([
    [0, 0x00],
    [100, 0x01],
    [1000, 0x0a],
    [6200, 0x3e],
    [6201, 0x47],
    [62_000, 0x7e],
    [70_000, 0x87],
    [620_000, 0xbe],
    [37_200_000, 0xfe],
    [99_000_000, 0xfe],
  ])('%i ms are 0x%s', (ms, octet) => {
    const { steps, resolution } = transitionTimeOf(ms);
    expect((resolution << 6) | steps).toBe(octet);
    expect(transitionMs({ steps, resolution })).toBeGreaterThanOrEqual(Math.min(ms, 37_200_000));
  });

  it('may be unknown', () => {
    expect(transitionMs({ steps: 0x3f, resolution: 2 })).toBeUndefined();
  });
});

describe('a message that the shared vectors call malformed', () => {
  const { malformed } = JSON.parse(readFileSync(new URL('./vectors/on-off.json', import.meta.url), 'utf8')) as {
    malformed: { name: string; hex: string }[];
  };

  it.each(malformed)('is ignored: $name', ({ hex }) => {
    expect(outcome((done) => client.set(1, { dst: 0x10 }, {}, done))).toEqual(steady(1));
    const [asked] = link.sent;
    if (asked === undefined) throw new Error('the client has sent nothing');
    const say = (payload: string): string[] => {
      const before = link.sent.length;
      transport.send({ ...asked, payload: fromHex(payload) });
      clock.advance(10_000);
      return link.sent.slice(before + 1).map((answer) => toHex(answer.payload));
    };
    expect(say(hex)).toEqual([]);
    expect(server.onOff).toBe(1);
    // The same way a proper one comes through.
    expect(say('82020007')).toContain('820400');
    expect(server.onOff).toBe(0);
  });
});
