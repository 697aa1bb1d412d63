import {
  AD_MESH_BEACON,
  AD_MESH_MESSAGE,
  AD_PB_ADV,
  encodeServiceData,
  type Heard,
  type Sent,
} from '@meshferry/bearer';
import { type LogLevel, MeshError, SeededRandom, toHex, utf8, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { type Dongle, openDongle } from './dongle.ts';
import type { DongleHeard } from './ears.ts';
import { encodeFrame } from './frame.ts';
import { CANCEL, HEARD, HELLO, LOST, REPORT, RESET, SEND, STATE, SUBSCRIBE, SYNC } from './messages.ts';
import { FakeDongle } from './testing/fake-dongle.ts';

const AD_URI = 0x24;
const once = { count: 1, intervalMs: 20 };
const ad = (number: number, length = 20) => ({ type: AD_MESH_MESSAGE, data: new Uint8Array(length).fill(number) });
/** Type of the message in a frame: COBS keeps it, as no type is zero. */
const typeOf = (frame: Uint8Array) => frame[2];

/** Lets the promises of an opening run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function setUp(options: { power?: number; prepare?: (fake: FakeDongle) => void } = {}) {
  const clock = new VirtualClock(1000);
  const random = new SeededRandom('dongle');
  const air = new Set<FakeDongle>();
  const fake = new FakeDongle(clock, random, air);
  const logged: [LogLevel, string][] = [];
  const ground = { clock, random, log: (level: LogLevel, message: string) => void logged.push([level, message]) };
  const { prepare, ...rest } = options;
  prepare?.(fake);
  const opening = openDongle(fake.stream, ground, { name: '/dev/ttyACM1', ...rest }).catch((error: MeshError) => error);
  const open = async (waitMs = 100): Promise<Dongle> => {
    clock.advance(waitMs);
    const dongle = await opening;
    if (dongle instanceof MeshError) throw dongle;
    return dongle;
  };
  const failure = async (waitMs = 3000): Promise<MeshError> => {
    clock.advance(waitMs);
    return (await opening) as MeshError;
  };
  return { clock, random, air, fake, logged, ground, open, failure };
}

/** Sends numbered structures; the outcomes by number. */
function sendAll(dongle: Dongle, numbers: readonly number[], transmit = once) {
  const outcomes: (Sent | MeshError | undefined)[] = [];
  const cancels = numbers.map((number) =>
    dongle.advertising.send(ad(number), transmit, (outcome) => {
      expect(outcomes[number]).toBeUndefined();
      outcomes[number] = outcome;
    }),
  );
  return { outcomes, cancels };
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const isSent = (outcome: Sent | MeshError | undefined) => outcome !== undefined && !(outcome instanceof MeshError);

describe('opening a dongle', () => {
  it('greets it and knows what it can', async () => {
    const { open, fake } = setUp();
    const { info, advertising } = await open();
    expect(info).toMatchObject({ version: '9.8.7', queue: 8, chipId: 'abababababababab', name: 'fake?' });
    expect([advertising.sets, advertising.minIntervalMs]).toEqual([4, 6.312]);
    expect(fake.said).toEqual([HELLO, SUBSCRIBE, SYNC]);
    expect(fake.subscription.types).toEqual([0x16, 0x29, 0x2a, 0x2b]);
  });

  it('repeats HELLO where it is lost, and hears no session but its own', async () => {
    let lost = 0;
    const { open } = setUp({
      prepare: (fake) => {
        fake.toDongle = (frame) => (lost++ < 2 ? undefined : frame);
        fake.say(Uint8Array.of(0x81, 1, 2, 3, 4, 1, 0, 1, 0, 0, 8, 16, 1, 6, ...new Uint8Array(20)));
      },
    });
    await open(900);
    expect(lost).toBeGreaterThan(2);
  });

  it.each([
    [2, 'Update Meshferry, or flash'],
    [0, 'Flash the newer firmware'],
  ])('says what to do with version %i of the protocol', async (major, hint) => {
    const { failure, fake } = setUp();
    fake.major = major;
    const error = await failure();
    expect(error.code).toBe('bearer-failed');
    expect(error.message).toContain(
      `/dev/ttyACM1 (firmware 9.8.7) speaks version ${major} of the protocol, this Meshferry version 1`,
    );
    expect(error.hint).toContain(hint);
    expect(fake.isClosedByHost).toBe(true);
  });

  it.each([
    ['nothing', [], 'does not answer', 'Flash the dongle'],
    ['Command Complete', [0x04, 0x0e, 0x04, 0x01, 0x03, 0x0c, 0x00], 'an HCI controller', 'hci:serial:/dev/ttyACM1'],
    [
      'Command Status',
      [0x55, 0x04, 0x0f, 0x04, 0x00, 0x01, 0x00, 0x00],
      'an HCI controller',
      'hci:serial:/dev/ttyACM1',
    ],
    ['Hardware Error', [0x04, 0x10, 0x01, 0x42], 'an HCI controller', 'hci:serial:'],
    ['a vendor event', [0x04, 0xff, 0x02, 0x01, 0x02], 'an HCI controller', 'hci:serial:'],
    ['H5', [0xc0, 0x00, 0x2f, 0x00, 0xd0, 0x01, 0x7e, 0xc0], 'three-wire', 'H4'],
    ['BCSP', [0xc0, 0x00, 0x41, 0x00, 0xbe, 0xda, 0xdc, 0xed, 0xed, 0xc0], 'three-wire', 'H4'],
    [
      'a console',
      [...utf8('\r\n*** Booting Zephyr ***\r\nuart:~$ ')],
      'a console answers there ("*** Booting Zephyr ***',
      'next one',
    ],
    ['noise', [0x80, 0x99, 0xf3, 0xc1, 0x80, 0x00, 0x9c], 'no frames of a dongle', 'rate'],
  ])('tells what answers instead: %s', async (_, octets, message, hint) => {
    const { failure, fake } = setUp({
      prepare: (device) => {
        device.toDongle = () => undefined;
        device.write(Uint8Array.from(octets));
      },
    });
    const error = await failure();
    expect([error.code, error.message, error.hint]).toEqual([
      'bearer-failed',
      expect.stringContaining(message),
      expect.stringContaining(hint),
    ]);
    expect(fake.isClosedByHost).toBe(true);
  });

  it('asks a silent device with an HCI Reset whether it is a controller', async () => {
    const prepare = (fake: FakeDongle) => {
      fake.toDongle = (frame) => {
        if (toHex(frame) === '01030c00') fake.write(Uint8Array.of(0x04, 0x0e, 0x04, 0x01, 0x03, 0x0c, 0x00));
        return undefined;
      };
    };
    const { failure } = setUp({ prepare });
    expect((await failure()).message).toContain('this is an HCI controller');
  });

  it('fails when it is pulled out meanwhile', async () => {
    const { failure, fake } = setUp();
    fake.unplug(new MeshError('bearer-lost', 'gone'));
    expect(await failure()).toMatchObject({
      code: 'bearer-failed',
      message: '/dev/ttyACM1 went away while it was opened',
    });
  });

  it('takes a transmit power that the dongle has', async () => {
    await setUp({ power: 8 }).open();
    const error = await setUp({ power: 9 }).failure();
    expect([error.code, error.hint]).toEqual(['bearer-failed', 'Give a power from -40 to 8 dBm.']);
  });
});

describe('sending', () => {
  it('reports when each was on air, in the order of sending', async () => {
    const { open, clock, fake } = setUp();
    const dongle = await open();
    const before = clock.now;
    const { outcomes } = sendAll(dongle, range(30));
    clock.advance(1000);
    expect(fake.events.map((data) => data[2])).toEqual(range(30));
    const times = outcomes as Sent[];
    expect(times[0]!.start).toBeGreaterThanOrEqual(before);
    for (const [i, { start, end }] of times.entries()) {
      expect(end - start).toBeCloseTo(1.428, 2);
      if (i > 0) expect(start).toBeGreaterThan(times[i - 1]!.end);
    }
  });

  it('keeps no more on the dongle than it has room for', async () => {
    const { open, clock, fake } = setUp();
    const dongle = await open();
    sendAll(dongle, range(30));
    clock.advance(1.5);
    expect(fake.said.filter((type) => type === SEND)).toHaveLength(8);
    clock.advance(1000);
    expect(fake.said.filter((type) => type === SEND)).toHaveLength(30);
  });

  it('sends copies at the interval or the least that the dongle has', async () => {
    const { open, clock } = setUp();
    const { outcomes } = sendAll(await open(), [0], { count: 3, intervalMs: 20 });
    clock.advance(1000);
    const [{ start, end }] = outcomes as [Sent];
    expect(end - start).toBeGreaterThan(41);
    expect(end - start).toBeLessThan(62);
  });

  it('cancels what waits here, and what is on the dongle, without a word', async () => {
    const { open, clock, fake } = setUp();
    const dongle = await open();
    const { outcomes, cancels } = sendAll(dongle, range(12), { count: 3, intervalMs: 20 });
    clock.advance(5);
    for (const cancel of cancels) cancel();
    for (const cancel of cancels) cancel();
    clock.advance(1000);
    expect(outcomes).toEqual([]);
    expect(fake.said.filter((type) => type === CANCEL)).toHaveLength(8);
    expect(fake.events.length).toBeLessThan(9);
    const { outcomes: later } = sendAll(dongle, range(8));
    clock.advance(100);
    expect(later.every(isSent)).toBe(true);
  });

  it('refuses what is too long, later, and not at all once it was cancelled', async () => {
    const { open, clock, fake } = setUp();
    const { advertising } = await open();
    const codes: unknown[] = [];
    const note = (outcome: Sent | MeshError) => void codes.push(outcome instanceof MeshError ? outcome.code : 'sent');
    advertising.send(ad(1, 30), once, note);
    advertising.send(ad(1, 30), once, note)();
    advertising.send(ad(1, 29), once, note);
    const service = { service: 0x1859, data: new Uint8Array(20) };
    advertising.send(encodeServiceData(service), once, note);
    advertising.send(encodeServiceData({ ...service, data: new Uint8Array(21) }), once, note);
    expect(codes).toEqual([]);
    clock.advance(100);
    expect(codes).toEqual(['ad-too-long', 'ad-too-long', 'sent', 'sent']);
    expect(fake.events.map((event) => event.length)).toEqual([31, 31]);
    expect(toHex(fake.events[1]!)).toMatch(/^0201060303591817165918/);
  });

  it('ends everything with bearer-closed when it is closed, and takes leave of the dongle', async () => {
    const { open, clock, fake } = setUp();
    const dongle = await open();
    const { outcomes } = sendAll(dongle, range(20));
    dongle.close();
    dongle.close();
    expect(outcomes.map((outcome) => (outcome as MeshError).code)).toEqual(range(20).map(() => 'bearer-closed'));
    const after = sendAll(dongle, [0]);
    let heard = 0;
    dongle.advertising.receive([AD_MESH_MESSAGE], () => heard++);
    clock.advance(100);
    expect((after.outcomes[0] as MeshError).code).toBe('bearer-closed');
    expect([fake.isClosedByHost, fake.said.at(-1), fake.isOpen, clock.nextAt, heard]).toEqual([
      true,
      RESET,
      false,
      undefined,
      0,
    ]);
  });
});

describe('hearing', () => {
  it('delivers structures of the types that each listener asked for, with time, channel and address', async () => {
    const { open, clock, fake } = setUp();
    const { advertising } = await open();
    const heard: Heard[][] = [[], []];
    advertising.receive([AD_MESH_MESSAGE, AD_PB_ADV], (each) => heard[0]!.push(each));
    const stop = advertising.receive([AD_MESH_BEACON], (each) => heard[1]!.push(each));
    clock.advance(10);
    const at = clock.now;
    fake.hear(Uint8Array.of(2, 0x2a, 7, 3, 0x2b, 8, 9, 2, 0x2c, 1), 38);
    clock.advance(10);
    expect(heard).toEqual([
      [expect.objectContaining({ type: 0x2a, data: Uint8Array.of(7), rssi: -40, channel: 38 })],
      [expect.objectContaining({ type: 0x2b, data: Uint8Array.of(8, 9) })],
    ]);
    const [first] = heard[0] as DongleHeard[];
    expect(first!.at).toBeCloseTo(at, 2);
    expect(toHex(first!.address)).toBe('010203040506');
    stop();
    stop();
    fake.hear(Uint8Array.of(3, 0x2b, 8, 9));
    advertising.receive([0x24, AD_PB_ADV], () => {});
    clock.advance(10);
    expect(fake.subscription.types).toEqual([0x16, AD_PB_ADV, AD_MESH_MESSAGE, AD_MESH_BEACON, 0x24]);
    expect(heard[1]).toHaveLength(1);
  });

  it('is open only when the dongle passes on what is heard', async () => {
    let lost = 0;
    const prepare = (fake: FakeDongle) => {
      fake.toDongle = (frame) => (typeOf(frame) === SUBSCRIBE && lost++ === 0 ? undefined : frame);
    };
    const { open, fake } = setUp({ prepare });
    await open(2100);
    expect([lost, fake.subscription.types.length]).toEqual([2, 4]);
  });

  it('subscribes to everything where the types are too many for the dongle', async () => {
    const { open, clock, fake } = setUp();
    const { advertising } = await open();
    advertising.receive(range(17), () => {});
    clock.advance(10);
    expect(fake.subscription).toMatchObject({ all: true, types: [] });
  });

  it('keeps to the clock of the dongle as it drifts', async () => {
    const { open, clock, fake, random } = setUp();
    fake.driftPpm = 80;
    fake.latency = () => 0.5 + random.uniform();
    const { advertising } = await open();
    let late = 0;
    advertising.receive([AD_MESH_MESSAGE], ({ at }) => {
      late = Math.max(late, Math.abs(at - saidAt));
    });
    let saidAt = 0;
    for (let second = 0; second < 300; second++) {
      clock.advance(1000);
      saidAt = clock.now;
      fake.hear(Uint8Array.of(2, 0x2a, 7));
    }
    clock.advance(100);
    expect(late).toBeGreaterThan(0);
    expect(late).toBeLessThan(1);
  });

  it('logs what the dongle had no room for', async () => {
    const { open, clock, fake, logged } = setUp();
    const dongle = await open();
    fake.say(Uint8Array.of(LOST, 3, 0, 0, 0, 0, 0, 0, 0));
    fake.say(Uint8Array.of(LOST, 3, 0, 0, 0, 0, 0, 0, 0));
    clock.advance(10);
    expect([dongle.heardLost, logged.length]).toEqual([3, 1]);
  });
});

describe('a line that loses', () => {
  it.each([
    ['SENDs', SEND],
    ['REPORTs', REPORT],
    ['CANCELs', CANCEL],
    ['SUBSCRIBEs', SUBSCRIBE],
    ['STATEs', STATE],
  ])('every second of the first %s: everything is done all the same', async (_, type) => {
    const { open, clock, fake } = setUp();
    const dongle = await open();
    let seen = 0;
    const lossy = (frame: Uint8Array) => (typeOf(frame) === type && seen++ < 40 && seen % 2 === 1 ? undefined : frame);
    fake.toDongle = lossy;
    fake.toHost = lossy;
    let heard = 0;
    dongle.advertising.receive([AD_URI], () => heard++);
    const { outcomes, cancels } = sendAll(dongle, range(60), { count: 2, intervalMs: 20 });
    clock.advance(3);
    cancels[3]!();
    clock.advance(60_000);
    expect(Array.from(outcomes, isSent)).toEqual(range(60).map((number) => number !== 3));
    fake.hear(Uint8Array.of(2, AD_URI, 7));
    clock.advance(10);
    expect([heard, seen > 0]).toEqual([1, true]);
  });

  it('damages frames: both sides notice, and ask at once', async () => {
    const { open, clock, fake, random } = setUp();
    const dongle = await open();
    const noisy = (frame: Uint8Array) => {
      if (random.uniform() > 0.1) return frame;
      const damaged = frame.slice();
      damaged[random.uint32() % damaged.length]! ^= 1 << (random.uint32() % 8);
      return damaged;
    };
    fake.toDongle = noisy;
    fake.toHost = noisy;
    const { outcomes } = sendAll(dongle, range(200));
    clock.advance(10_000);
    expect(outcomes.filter(isSent)).toHaveLength(200);
  });

  it('gives a SEND up that is lost again and again', async () => {
    const { open, clock, fake } = setUp();
    const dongle = await open();
    fake.toDongle = (frame) => (typeOf(frame) === SEND ? undefined : frame);
    const { outcomes } = sendAll(dongle, [0]);
    clock.advance(60_000);
    expect(outcomes[0]).toMatchObject({ code: 'bearer-failed', message: expect.stringContaining('5 times') });
  });

  it('brings garbage and messages of unknown types: nothing happens', async () => {
    const { open, clock, fake, random, logged } = setUp();
    const dongle = await open();
    for (let i = 0; i < 500; i++) fake.write(random.bytes(50));
    for (const type of [0x00, 0x83, 0xff, HEARD]) fake.say(Uint8Array.of(type, 1));
    fake.say(Uint8Array.of(0x88, 4, 2));
    fake.say(Uint8Array.of(0x82, 0xff, 0xff, 0, 1, ...new Uint8Array(16)));
    clock.advance(100);
    const { outcomes } = sendAll(dongle, range(5));
    clock.advance(100);
    expect(outcomes.every(isSent)).toBe(true);
    expect(logged.filter(([level]) => level === 'warn')).toHaveLength(5);
  });
});

describe('a dongle that goes', () => {
  it('and comes back by itself: a new session, what was under way goes out again, the listener hears', async () => {
    const { open, clock, fake } = setUp();
    const dongle = await open();
    let heard = 0;
    dongle.advertising.receive([AD_MESH_MESSAGE], () => heard++);
    const { outcomes } = sendAll(dongle, range(20), { count: 3, intervalMs: 20 });
    clock.advance(10);
    fake.restart();
    clock.advance(2000);
    expect(outcomes).toHaveLength(20);
    expect(outcomes.every(isSent)).toBe(true);
    fake.hear(Uint8Array.of(2, 0x2a, 7));
    clock.advance(10);
    expect(heard).toBe(1);
  });

  it('also when BOOT is lost: it has no session', async () => {
    const { open, clock, fake } = setUp();
    const dongle = await open();
    fake.toHost = () => undefined;
    fake.restart();
    fake.toHost = (frame) => frame;
    const { outcomes } = sendAll(dongle, range(3));
    clock.advance(1000);
    expect(outcomes.every(isSent)).toBe(true);
  });

  it('and does not come back: lost after eight seconds, and everything ends', async () => {
    const { open, clock, fake } = setUp();
    const dongle = await open();
    const reasons: string[] = [];
    dongle.lost((reason) => void reasons.push(reason.code));
    fake.toDongle = () => undefined;
    const { outcomes } = sendAll(dongle, range(20));
    clock.advance(8000);
    expect(outcomes.map((outcome) => (outcome as MeshError).code)).toEqual(range(20).map(() => 'bearer-lost'));
    expect([reasons, fake.isClosedByHost, clock.nextAt]).toEqual([['bearer-lost'], true, undefined]);
  });

  it('pulled out: lost once, and what is sent later ends so too', async () => {
    const { open, clock, fake } = setUp();
    const dongle = await open();
    const reasons: string[] = [];
    dongle.lost((reason) => void reasons.push(reason.code));
    const { outcomes } = sendAll(dongle, range(20));
    fake.unplug(new MeshError('bearer-lost', 'the dongle is gone'));
    dongle.close();
    const { outcomes: later } = sendAll(dongle, [0]);
    clock.advance(10_000);
    expect(new Set([...outcomes, ...later].map((outcome) => (outcome as MeshError).code))).toEqual(
      new Set(['bearer-lost']),
    );
    expect([reasons, clock.nextAt]).toEqual([['bearer-lost'], undefined]);
  });

  it('comes back with another version: lost, with what to do', async () => {
    const { open, clock, fake } = setUp();
    const dongle = await open();
    const reasons: MeshError[] = [];
    dongle.lost((reason) => void reasons.push(reason));
    fake.major = 2;
    fake.restart();
    clock.advance(1000);
    expect(reasons).toMatchObject([{ code: 'bearer-lost', hint: expect.stringContaining('Update Meshferry') }]);
  });
});

describe('a dongle that keeps to no rule', () => {
  it.each([
    ['says that its queue is full', 2, 'bearer-failed'],
    ['refuses', 3, 'bearer-failed'],
    ['cancels by itself', 1, 'bearer-failed'],
  ])('and %s: a send ends', async (_, outcome, code) => {
    const { open, clock, fake } = setUp();
    const dongle = await open();
    fake.toHost = (frame) => (typeOf(frame) === REPORT ? undefined : frame);
    fake.toDongle = (frame) => {
      if (typeOf(frame) !== SEND) return frame;
      const id = ++sends;
      fake.toHost = (each) => each;
      fake.say(Uint8Array.of(REPORT, id, id >> 8, outcome, 0, ...new Uint8Array(16)));
      fake.toHost = (each) => (typeOf(each) === REPORT ? undefined : each);
      return undefined;
    };
    let sends = 0;
    const { outcomes } = sendAll(dongle, [0]);
    clock.advance(5000);
    expect((outcomes[0] as MeshError | undefined)?.code).toBe(code);
    fake.toHost = (frame) => frame;
    fake.toDongle = (frame) => frame;
    const { outcomes: later } = sendAll(dongle, range(5));
    clock.advance(100);
    expect(later.every(isSent)).toBe(true);
  });

  it('does not know power', async () => {
    const prepare = (fake: FakeDongle) => {
      fake.capabilities = 0;
    };
    expect(await setUp({ power: 4, prepare }).failure()).toMatchObject({ hint: 'Leave power out of the bearer URI.' });
  });
});

describe('frames between the sessions', () => {
  it('of an earlier host are passed over', async () => {
    const { open, fake, clock, ground } = setUp();
    const first = await open();
    sendAll(first, range(5), { count: 5, intervalMs: 20 });
    clock.advance(5);
    const opening = openDongle(fake.stream, ground, { name: 'again' });
    fake.write(encodeFrame(Uint8Array.of(REPORT, 1, 0, 0, 1, ...new Uint8Array(16))));
    clock.advance(100);
    await settle();
    const { outcomes } = sendAll(await opening, range(5));
    clock.advance(100);
    expect(outcomes.every(isSent)).toBe(true);
  });
});
