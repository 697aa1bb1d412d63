import type { Advertising } from '@meshferry/bearer';
import {
  AD_MESH_BEACON,
  AD_MESH_MESSAGE,
  AD_PB_ADV,
  type AdStructure,
  encodeServiceData,
  type Sent,
  type Transmit,
} from '@meshferry/bearer';
import { MeshError, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { OPCODE, STATUS } from './codes.ts';
import { closedError } from './failure.ts';
import type { AdvertisingEvent } from './testing/emulated-air.ts';
import type { ControllerOptions } from './testing/emulated-controller.ts';
import { Rig } from './testing/rig.ts';

const ONCE: Transmit = { count: 1, intervalMs: 20 };
const EXTENDED: ControllerOptions = { sets: 1 };
const LEGACY: ControllerOptions = { version: 9, extended: false };

function mesh(...octets: number[]): AdStructure {
  const data = new Uint8Array(20);
  data.set(octets);
  return { type: AD_MESH_MESSAGE, data };
}

/** Everything on air from now on: PDU kind, the first octet of the message, start. */
function onAir(rig: Rig): { kind: string; first: number; at: number; event: AdvertisingEvent }[] {
  const log: { kind: string; first: number; at: number; event: AdvertisingEvent }[] = [];
  rig.air.heard = (event, at) => log.push({ kind: event.kind, first: event.data[2]!, at, event });
  return log;
}

/** Outcomes of sending, in the order in which they came. */
class Outcomes {
  readonly all: (Sent | MeshError)[] = [];
  readonly push = (outcome: Sent | MeshError): void => {
    this.all.push(outcome);
  };
  get codes(): string[] {
    return this.all.map((outcome) => (outcome instanceof MeshError ? outcome.code : 'sent'));
  }
}

describe('extended advertising', () => {
  it('sends the commands of a PDU octet for octet', () => {
    const rig = new Rig();
    const { advertising, controller } = rig.radio(EXTENDED);
    const from = controller.commands.length;
    const outcomes = new Outcomes();
    advertising.send(mesh(1), { count: 3, intervalMs: 20 }, outcomes.push);
    advertising.send(mesh(2), ONCE, outcomes.push);
    rig.settle();
    const sent = controller.commands
      .slice(from)
      .map(({ opcode, parameters }) => `${opcode.toString(16)} ${toHex(parameters)}`);
    const data = (first: string) => `2037 00030116152a${first}${'00'.repeat(19)}`;
    expect(sent).toEqual([
      '2036 001000200000200000070100000000000000007f0100010000',
      expect.stringMatching(/^2035 00[0-9a-f]{10}[0-3][0-9a-f]$/),
      data('01'),
      '2039 010100000003',
      data('02'),
      '2039 010100000001',
    ]);
    expect(outcomes.codes).toEqual(['sent', 'sent']);
  });

  it('sends exactly as many events as asked, an interval and up to 10 ms apart', () => {
    const rig = new Rig();
    const { advertising } = rig.radio(EXTENDED);
    const log = onAir(rig);
    const outcomes = new Outcomes();
    for (let count = 1; count <= 8; count++) advertising.send(mesh(count), { count, intervalMs: 30 }, outcomes.push);
    rig.clock.advance(5000);
    for (let count = 1; count <= 8; count++) {
      const starts = log.filter(({ first }) => first === count).map(({ at }) => at);
      expect(starts).toHaveLength(count);
      for (let i = 1; i < count; i++) {
        const gap = starts[i]! - starts[i - 1]!;
        expect(gap).toBeGreaterThanOrEqual(30);
        expect(gap).toBeLessThan(40);
      }
      const { start, end } = outcomes.all[count - 1] as Sent;
      expect(start).toBeLessThanOrEqual(starts[0]!);
      expect(start).toBeGreaterThan(starts[0]! - 11);
      expect(end).toBeGreaterThan(starts.at(-1)!);
    }
    expect(new Set(log.map(({ kind }) => kind))).toEqual(new Set(['ADV_NONCONN_IND']));
    expect(new Set(log.map(({ event }) => event.address[5]! >> 6))).toEqual(new Set([0]));
  });

  it('sends single events as fast as the controller reports them done', () => {
    expect(rateOf(EXTENDED)).toBeGreaterThan(100);
  });

  it('sends on four sets four times what an advertiser by interval does, in any order', () => {
    const rate = rateOf({ sets: 4 });
    expect(rate).toBeGreaterThan(4 * (1000 / 25));
    expect(new Rig().radio({ sets: 4 }).advertising.sets).toBe(4);
    expect(new Rig().radio({ sets: 30 }).advertising.sets).toBe(4);
  });

  it('ends by its watchdog when the controller does not say so, and soon waits for that no more', () => {
    const rig = new Rig();
    const { advertising, controller } = rig.radio(EXTENDED);
    controller.faults.lostTerminations = Number.POSITIVE_INFINITY;
    const log = onAir(rig);
    const took: number[] = [];
    for (let i = 0; i < 6; i++)
      advertising.send(mesh(i), ONCE, (sent) => took.push((sent as Sent).end - (sent as Sent).start));
    rig.clock.advance(3000);
    expect(log.map(({ first }) => first)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(took.map((ms) => ms > 200)).toEqual([true, true, false, false, false, false]);
    controller.faults.lostTerminations = 0;
    advertising.send(mesh(9), ONCE, () => {});
    rig.settle();
    const late = new Outcomes();
    advertising.send(mesh(10), ONCE, late.push);
    rig.settle();
    expect((late.all[0] as Sent).end - (late.all[0] as Sent).start).toBeLessThan(13);
  });

  it('counts by time on a controller that takes no number of events', () => {
    const rig = new Rig();
    const { advertising, controller } = rig.radio(EXTENDED);
    const { refuse } = controller.faults;
    controller.faults.answer = (opcode) => {
      if (opcode !== OPCODE.LE_SET_EXTENDED_ADVERTISING_ENABLE) return undefined;
      const { parameters } = controller.commands.at(-1)!;
      if (parameters[5]! > 0) refuse.set(opcode, STATUS.INVALID_PARAMETERS);
      else refuse.delete(opcode);
      return undefined;
    };
    const log = onAir(rig);
    const outcomes = new Outcomes();
    for (let i = 0; i < 4; i++) advertising.send(mesh(i), { count: 2, intervalMs: 20 }, outcomes.push);
    rig.settle();
    expect(outcomes.codes).toEqual(['sent', 'sent', 'sent', 'sent']);
    for (let i = 0; i < 4; i++) {
      const events = log.filter(({ first }) => first === i).length;
      expect(events).toBeGreaterThanOrEqual(2);
      expect(events).toBeLessThanOrEqual(4);
    }
  });

  it('does with fewer sets than the controller said', () => {
    const rig = new Rig();
    const { advertising, controller } = rig.radio({ sets: 4 });
    Object.assign(controller.options, { sets: 2 });
    const outcomes = new Outcomes();
    const log = onAir(rig);
    for (let i = 0; i < 12; i++) advertising.send(mesh(i), ONCE, outcomes.push);
    rig.settle();
    expect(outcomes.codes).toEqual(Array(12).fill('sent'));
    expect(log.map(({ first }) => first).sort((a, b) => a - b)).toEqual([...Array(12).keys()]);
    expect(advertising.sets).toBe(2);
  });

  it('takes 100 ms where the controller takes no less', () => {
    const rig = new Rig();
    const { advertising, controller } = rig.radio(EXTENDED);
    controller.faults.answer = (opcode) => {
      if (opcode === OPCODE.LE_SET_EXTENDED_ADVERTISING_PARAMETERS) {
        const short = controller.commands.at(-1)!.parameters[3]! < 0xa0;
        if (short) controller.faults.refuse.set(opcode, STATUS.INVALID_PARAMETERS);
        else controller.faults.refuse.delete(opcode);
      }
      return undefined;
    };
    const outcomes = new Outcomes();
    advertising.send(mesh(1), ONCE, outcomes.push);
    rig.settle();
    expect([outcomes.codes, advertising.minIntervalMs]).toEqual([['sent'], 100]);
  });

  it('advertises under the public address where no random one can be set', () => {
    const rig = new Rig();
    const { advertising, controller } = rig.radio(EXTENDED);
    controller.faults.refuse.set(OPCODE.LE_SET_ADVERTISING_SET_RANDOM_ADDRESS, STATUS.UNKNOWN_COMMAND);
    const log = onAir(rig);
    const outcomes = new Outcomes();
    advertising.send(mesh(1), ONCE, outcomes.push);
    advertising.send(mesh(2), ONCE, outcomes.push);
    rig.settle();
    expect(outcomes.codes).toEqual(['sent', 'sent']);
    expect(log.map(({ event }) => event.addressType)).toEqual([0, 0]);
  });

  it('begins anew with a set that the controller has forgotten', () => {
    const rig = new Rig();
    const { advertising, controller } = rig.radio(EXTENDED);
    const outcomes = new Outcomes();
    advertising.send(mesh(1), ONCE, outcomes.push);
    rig.settle();
    controller.advertising.reset();
    advertising.send(mesh(2), ONCE, outcomes.push);
    rig.settle();
    expect(outcomes.codes).toEqual(['sent', 'sent']);
  });

  it('changes the address of a set every quarter of an hour', () => {
    const rig = new Rig();
    const { advertising } = rig.radio(EXTENDED);
    const log = onAir(rig);
    for (let i = 0; i < 8; i++) {
      advertising.send(mesh(i), ONCE, () => {});
      rig.clock.advance(6 * 60_000);
    }
    const addresses = log.map(({ event }) => toHex(event.address));
    expect(new Set(addresses).size).toBe(3);
    expect(addresses[0]).toBe(addresses[2]);
  });
});

describe('legacy advertising', () => {
  it('sends the commands of a PDU octet for octet: parameters once, then data, enable, disable', () => {
    const rig = new Rig();
    const { advertising, controller } = rig.radio(LEGACY);
    const from = controller.commands.length;
    advertising.send(mesh(1), ONCE, () => {});
    advertising.send(mesh(2), ONCE, () => {});
    rig.settle();
    const sent = controller.commands
      .slice(from)
      .map(({ opcode, parameters }) => `${opcode.toString(16)} ${toHex(parameters)}`);
    const data = (first: string) => `2008 16152a${first}${'00'.repeat(19 + 9)}`;
    expect(sent).toEqual([
      '2006 200020000301000000000000000700',
      data('01'),
      '200a 01',
      '200a 00',
      data('02'),
      '200a 01',
      '200a 00',
    ]);
  });

  it('sends each PDU at least as often as asked, and once more at most', () => {
    const rig = new Rig();
    const { advertising } = rig.radio(LEGACY);
    const log = onAir(rig);
    for (let count = 1; count <= 6; count++) advertising.send(mesh(count), { count, intervalMs: 20 }, () => {});
    rig.clock.advance(3000);
    for (let count = 1; count <= 6; count++) {
      const events = log.filter(({ first }) => first === count).length;
      expect(events).toBeGreaterThanOrEqual(count);
      expect(events).toBeLessThanOrEqual(2 * count + 1);
    }
  });

  it('sends a PDU each 40 ms', () => {
    expect(rateOf(LEGACY)).toBeGreaterThanOrEqual(25);
  });

  it('takes 100 ms with a controller before 5.0', () => {
    const rig = new Rig();
    const { advertising, controller } = rig.radio({ version: 8 });
    expect([advertising.minIntervalMs, advertising.sets]).toEqual([100, 1]);
    const outcomes = new Outcomes();
    advertising.send(mesh(1), ONCE, outcomes.push);
    rig.settle();
    expect(outcomes.codes).toEqual(['sent']);
    expect(
      controller.commands.filter(({ opcode }) => opcode === 0x2006).map(({ parameters }) => parameters[0]),
    ).toEqual([0xa0]);
  });

  it('changes its address while nothing is on air, with a pause in scanning', () => {
    const rig = new Rig();
    const { advertising, controller } = rig.radio(LEGACY);
    advertising.receive([AD_MESH_MESSAGE], () => {});
    rig.clock.advance(16 * 60_000);
    const opcodes = controller.commands
      .filter(({ opcode }) => opcode !== OPCODE.READ_BD_ADDR)
      .slice(-3)
      .map(({ opcode, parameters }) => [opcode, parameters[0]]);
    expect(opcodes).toEqual([
      [OPCODE.LE_SET_SCAN_ENABLE, 0],
      [OPCODE.LE_SET_RANDOM_ADDRESS, expect.any(Number)],
      [OPCODE.LE_SET_SCAN_ENABLE, 1],
    ]);
    expect(controller.scanning.enabled).toBe(true);
  });
});

describe.each([
  ['extended', EXTENDED],
  ['legacy', LEGACY],
] as const)('%s advertising and the queue', (_, options) => {
  it('sends in the order of asking, beacons last unless they have waited for long', () => {
    const rig = new Rig();
    const { advertising } = rig.radio(options);
    const log = onAir(rig);
    const beacon = { ...mesh(100), type: AD_MESH_BEACON };
    advertising.send(mesh(0), ONCE, () => {});
    advertising.send(beacon, ONCE, () => {});
    for (let i = 1; i < 100; i++)
      advertising.send({ ...mesh(i), type: i % 2 ? AD_PB_ADV : AD_MESH_MESSAGE }, ONCE, () => {});
    rig.clock.advance(8000);
    const order = [...new Set(log.map(({ first }) => first))];
    expect(order.filter((first) => first !== 100)).toEqual([...Array(100).keys()]);
    const beaconAt = log.find(({ first }) => first === 100)!.at - log[0]!.at;
    expect(beaconAt).toBeGreaterThan(450);
    expect(beaconAt).toBeLessThan(620);
  });

  it('does not send what was cancelled in time, and stops what is being sent', () => {
    const rig = new Rig();
    const { advertising } = rig.radio(options);
    const log = onAir(rig);
    const outcomes = new Outcomes();
    const first = advertising.send(mesh(1), { count: 20, intervalMs: 20 }, outcomes.push);
    const second = advertising.send(mesh(2), ONCE, outcomes.push);
    advertising.send(mesh(3), ONCE, outcomes.push);
    second();
    rig.clock.advance(100);
    first();
    rig.settle();
    first();
    expect(outcomes.codes).toEqual(['sent']);
    expect(log.filter(({ first }) => first === 1).length).toBeLessThan(6);
    expect(new Set(log.map(({ first }) => first))).toEqual(new Set([1, 3]));
  });

  it('stops what is cancelled while it is being set up', () => {
    const rig = new Rig();
    const { advertising } = rig.radio(options);
    const log = onAir(rig);
    for (const ms of [0, 1, 2, 3, 4, 5]) {
      const cancel = advertising.send(mesh(1), { count: 50, intervalMs: 20 }, () => expect.unreachable());
      rig.clock.advance(ms);
      cancel();
      rig.settle();
    }
    const outcomes = new Outcomes();
    advertising.send(mesh(2), ONCE, outcomes.push);
    rig.settle();
    expect(outcomes.codes).toEqual(['sent']);
    expect(log.filter(({ first }) => first === 1).length).toBeLessThan(4);
  });

  it('rejects what does not fit, later', () => {
    const rig = new Rig();
    const { advertising } = rig.radio(options);
    const outcomes = new Outcomes();
    advertising.send({ type: AD_MESH_MESSAGE, data: new Uint8Array(30) }, ONCE, outcomes.push);
    advertising.send(encodeServiceData({ service: 0x1859, data: new Uint8Array(21) }), ONCE, outcomes.push);
    expect(outcomes.codes).toEqual([]);
    rig.settle();
    expect(outcomes.codes).toEqual(['ad-too-long', 'ad-too-long']);
    advertising.send({ type: AD_MESH_MESSAGE, data: new Uint8Array(29) }, ONCE, outcomes.push);
    advertising.send(encodeServiceData({ service: 0x1859, data: new Uint8Array(20) }), ONCE, outcomes.push);
    rig.settle();
    expect(outcomes.codes.slice(2)).toEqual(['sent', 'sent']);
  });

  it('says so when the controller refuses for good', () => {
    for (const opcode of [0x2006, 0x2008, 0x200a, 0x2036, 0x2037, 0x2039]) {
      const extended = opcode >= 0x2036;
      if (extended !== (options === EXTENDED)) continue;
      const rig = new Rig();
      const { advertising, controller } = rig.radio(options);
      controller.faults.refuse.set(opcode, STATUS.COMMAND_DISALLOWED);
      const outcomes = new Outcomes();
      advertising.send(mesh(1), ONCE, outcomes.push);
      rig.settle();
      controller.faults.refuse.clear();
      advertising.send(mesh(2), ONCE, outcomes.push);
      rig.settle();
      expect([opcode, outcomes.codes]).toEqual([opcode, ['bearer-failed', 'sent']]);
    }
  });

  it('sends again what was on air when the controller was reset, at any moment', () => {
    for (let ms = 0; ms < 30; ms++) {
      const rig = new Rig(ms);
      const { advertising, controller, host } = rig.radio(options);
      advertising.send(mesh(1), ONCE, () => {});
      rig.settle();
      const outcomes = new Outcomes();
      for (const first of [2, 3, 4]) advertising.send(mesh(first), ONCE, outcomes.push);
      const log = onAir(rig);
      rig.clock.advance(ms);
      controller.hardwareError();
      rig.clock.advance(2000);
      expect(host.capabilities).toBeDefined();
      expect(outcomes.codes).toEqual(['sent', 'sent', 'sent']);
      expect(new Set(log.map(({ first }) => first))).toEqual(new Set([2, 3, 4]));
    }
  });

  it('ends everything once when it is closed, at any moment', () => {
    for (let ms = 0; ms < 30; ms++) {
      const rig = new Rig(ms);
      const { advertising, host } = rig.radio(options);
      const outcomes = new Outcomes();
      for (const first of [1, 2, 3]) advertising.send(mesh(first), ONCE, outcomes.push);
      rig.clock.advance(ms);
      const open = outcomes.all.length;
      advertising.close();
      host.close();
      expect(outcomes.codes.slice(open)).toEqual(Array(3 - open).fill('bearer-closed'));
      advertising.send(mesh(4), ONCE, outcomes.push);
      rig.settle();
      expect(outcomes.codes.slice(3)).toEqual(['bearer-closed']);
      expect(rig.clock.nextAt).toBeUndefined();
    }
    expect(closedError().code).toBe('bearer-closed');
  });

  it('works with answers that come twice, late, and before their credits', () => {
    for (const creditMs of [undefined, 3]) {
      const rig = new Rig();
      const { advertising, controller } = rig.radio({ ...options, ...(creditMs !== undefined && { creditMs }) });
      let n = 0;
      controller.faults.answer = () => (n++ % 3 === 0 ? 'twice' : n % 5 === 0 ? 50 : undefined);
      const outcomes = new Outcomes();
      const log = onAir(rig);
      for (let i = 0; i < 30; i++) advertising.send(mesh(i), ONCE, outcomes.push);
      rig.clock.advance(10_000);
      expect(outcomes.codes).toEqual(Array(30).fill('sent'));
      expect(new Set(log.map(({ first }) => first)).size).toBe(30);
    }
  });
});

describe('connectable advertising', () => {
  const offer = (connected = () => {}) => ({
    data: Uint8Array.of(2, 1, 6),
    scanResponse: Uint8Array.of(3, 9, 0x4d, 0x46),
    intervalMs: 100,
    newAddress: true,
    connected,
  });

  it('has a set of its own where there are several, and lends it to the mesh when it is withdrawn', () => {
    const rig = new Rig();
    const { advertising } = rig.radio({ sets: 2 });
    const log = onAir(rig);
    const withdraw = advertising.offer(offer());
    expect(advertising.sets).toBe(1);
    for (let i = 0; i < 50; i++) advertising.send(mesh(i), ONCE, () => {});
    rig.settle();
    expect(log.filter(({ kind }) => kind === 'ADV_IND').length).toBeGreaterThan(8);
    expect(log.filter(({ kind }) => kind === 'ADV_NONCONN_IND')).toHaveLength(50);
    withdraw();
    rig.settle();
    const then = log.length;
    rig.settle();
    expect([advertising.sets, log.length]).toEqual([2, then]);
  });

  it.each([EXTENDED, LEGACY])('gives way to PDUs where there is one set', (options) => {
    const rig = new Rig();
    const { advertising } = rig.radio(options);
    const log = onAir(rig);
    const withdraw = advertising.offer(offer());
    rig.settle();
    expect(log.length).toBeGreaterThan(8);
    expect(toHex(log[0]!.event.scanResponse)).toBe('03094d46');
    const outcomes = new Outcomes();
    for (let i = 0; i < 10; i++) advertising.send(mesh(i), ONCE, outcomes.push);
    const began = rig.clock.now;
    rig.clock.advance(600);
    expect(outcomes.codes).toEqual(Array(10).fill('sent'));
    const during = log.filter(({ at }) => at > began);
    const lastPdu = during.findLastIndex(({ kind }) => kind === 'ADV_NONCONN_IND');
    expect(during.slice(0, lastPdu).filter(({ kind }) => kind === 'ADV_IND')).toEqual([]);
    expect(during.slice(lastPdu + 1).length).toBeGreaterThan(0);
    withdraw();
    rig.settle();
    const then = log.length;
    rig.settle();
    expect(log.length).toBe(then);
  });

  it.each([{ sets: 2 }, EXTENDED, LEGACY])('ends with a connection', (options) => {
    const rig = new Rig();
    const { advertising } = rig.radio(options);
    const central = rig.radio(options);
    let connected = 0;
    const log = onAir(rig);
    advertising.offer(offer(() => connected++));
    rig.settle();
    const { address } = log[0]!.event;
    const timing = [24, 0, 24, 0, 0, 0, 0x90, 1, 0, 0, 0, 0];
    const extended = central.host.capabilities!.extended;
    central.host.command(
      extended ? OPCODE.LE_EXTENDED_CREATE_CONNECTION : OPCODE.LE_CREATE_CONNECTION,
      extended
        ? Uint8Array.of(0, 1, 1, ...address, 1, 0x60, 0, 0x60, 0, ...timing)
        : Uint8Array.of(0x60, 0, 0x60, 0, 0, 1, ...address, 1, ...timing),
      (status) => expect(status).toBe(STATUS.SUCCESS),
    );
    rig.settle();
    expect(connected).toBe(1);
    const then = log.length;
    const outcomes = new Outcomes();
    advertising.send(mesh(1), ONCE, outcomes.push);
    rig.settle();
    expect(outcomes.codes).toEqual(['sent']);
    expect(log.slice(then).every(({ kind }) => kind === 'ADV_NONCONN_IND')).toBe(true);
  });

  it('that the controller refuses is given up, and the mesh goes on', () => {
    const rig = new Rig();
    const { advertising, controller } = rig.radio(LEGACY);
    controller.faults.refuse.set(OPCODE.LE_SET_SCAN_RESPONSE_DATA, STATUS.UNKNOWN_COMMAND);
    advertising.offer(offer());
    const outcomes = new Outcomes();
    rig.settle();
    advertising.send(mesh(1), ONCE, outcomes.push);
    rig.settle();
    expect(outcomes.codes).toEqual(['sent']);
    expect(rig.logged.at(-1)).toContain('refused to advertise connectably');
  });
});

/** Single events that a radio sends in a second. */
function rateOf(options: ControllerOptions): number {
  const rig = new Rig();
  const { advertising } = rig.radio(options);
  let sent = 0;
  const more = (via: Advertising) =>
    via.send(mesh(1), ONCE, () => {
      sent++;
      more(via);
    });
  for (let i = 0; i < 8; i++) more(advertising);
  rig.clock.advance(10_000);
  return sent / 10;
}
