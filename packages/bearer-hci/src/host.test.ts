import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { EVENT, LE_EVENT, OPCODE, STATUS } from './codes.ts';
import { HciHost } from './host.ts';
import { duplex } from './testing/duplex.ts';
import { Rig } from './testing/rig.ts';

const NOTHING = new Uint8Array();

/** What a host told, in order. */
function events(host: HciHost): string[] {
  const told: string[] = [];
  host.onUp(() => told.push('up'));
  host.onDown(() => told.push('down'));
  host.onLost(({ code, message }) => told.push(`${code}: ${message}`));
  return told;
}

describe('the host starting', () => {
  it('sends the commands of the start in their order, octet for octet', () => {
    const rig = new Rig();
    const { controller } = rig.host();
    rig.settle();
    const sent = controller.commands.map(({ opcode, parameters }) => `${opcode.toString(16)} ${toHex(parameters)}`);
    expect(sent).toEqual([
      'c03 ',
      '1001 ',
      '1002 ',
      '1003 ',
      '1009 ',
      'c01 9088000200800020',
      '2001 4f1a020000000000',
      '2002 ',
      '2003 ',
      '203b ',
    ]);
  });

  it('learns what the controller can do', () => {
    const rig = new Rig();
    const modern = rig.host({ sets: 3, aclLength: 251, aclPackets: 5 }).host;
    const old = rig.host({ version: 6 }).host;
    rig.settle();
    expect(modern.capabilities).toMatchObject({
      version: 9,
      manufacturer: 0x05f1,
      publicAddress: '00:AA:01:00:00:42',
      extended: true,
      sets: 3,
      minIntervalMs: 20,
      acl: { length: 251, packets: 5 },
    });
    expect(old.capabilities).toMatchObject({ version: 6, extended: false, sets: 1, minIntervalMs: 100 });
  });

  it('waits for silence first, and overlooks what an earlier session left in the line', () => {
    const rig = new Rig();
    const [near, far] = duplex(rig.clock);
    far.write(fromHex('2a2a2a20426f6f74696e67205a6570687972'));
    const host = new HciHost(near, rig.ground);
    rig.clock.advance(50);
    far.write(fromHex('043e2102010301'));
    const controller = rig.air.attach(far);
    rig.clock.advance(99);
    expect(controller.commands).toEqual([]);
    rig.settle();
    expect(host.capabilities).toBeDefined();
  });

  it('takes the legacy commands when a part of the extended ones is missing', () => {
    for (const opcode of [
      OPCODE.LE_SET_EXTENDED_ADVERTISING_ENABLE,
      OPCODE.LE_SET_EXTENDED_SCAN_PARAMETERS,
      OPCODE.LE_EXTENDED_CREATE_CONNECTION,
    ]) {
      const rig = new Rig();
      const { host, controller } = rig.host();
      controller.faults.refuse.set(opcode, STATUS.UNKNOWN_COMMAND);
      rig.settle();
      expect(host.capabilities).toMatchObject({ extended: false, sets: 1 });
    }
  });

  it('goes on without the answers that it can do without', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    for (const opcode of [0x1001, 0x1002, 0x1003, 0x1009, 0x0c01, 0x2002, 0x2003, 0x203b])
      controller.faults.refuse.set(opcode, STATUS.UNKNOWN_COMMAND);
    rig.settle();
    expect(host.capabilities).toMatchObject({
      version: 0,
      publicAddress: undefined,
      extended: false,
      sets: 1,
      minIntervalMs: 100,
      acl: { length: 27, packets: 4 },
    });
  });

  it('tries a shorter event mask where the usual one is refused', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    let refusals = 1;
    controller.faults.answer = (opcode) => {
      if (opcode === OPCODE.LE_SET_EVENT_MASK && refusals-- > 0) {
        controller.faults.refuse.set(opcode, STATUS.INVALID_PARAMETERS);
        rig.clock.after(2, () => controller.faults.refuse.clear());
      }
      return undefined;
    };
    rig.settle();
    expect(host.capabilities).toBeDefined();
    expect(controller.leEventMask).toBe(0x0f);
  });

  it('says what is wrong with the line when nobody answers', () => {
    const cases: [octets: string, message: RegExp, hint: RegExp][] = [
      ['', /^no Bluetooth controller: no answer to command 0x0C03$/, /the rate/],
      ['75617274 3a7e2420 75617274 3a7e2420', /text comes instead/, /console/],
      ['c0002f00d0017ec0', /H5 or BCSP/, /H4/],
      ['8000ff8000ff', /other octets/, /rate/],
    ];
    for (const [octets, message, hint] of cases) {
      const rig = new Rig();
      const [near, far] = duplex(rig.clock);
      const host = new HciHost(near, rig.ground);
      const told = events(host);
      const lost: string[] = [];
      host.onLost((error) => lost.push(error.hint ?? ''));
      far.listen({ data: () => far.write(fromHex(octets.replaceAll(' ', ''))), drained: () => {}, ended: () => {} });
      rig.clock.advance(20_000);
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch(/^bearer-failed: /);
      expect(told[0]!.slice('bearer-failed: '.length)).toMatch(message);
      expect(lost[0]).toMatch(hint);
      expect(rig.clock.nextAt).toBeUndefined();
    }
  });

  it('gives up a controller that answers Reset and nothing else', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    const told = events(host);
    controller.faults.answer = (opcode) => (opcode === OPCODE.RESET ? undefined : 'never');
    rig.clock.advance(20_000);
    expect(told).toEqual(['bearer-failed: no Bluetooth controller: no answer to command 0x1001']);
  });

  it('wants Low Energy', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    const told = events(host);
    controller.faults.refuse.set(OPCODE.LE_SET_EVENT_MASK, STATUS.UNKNOWN_COMMAND);
    rig.settle();
    expect(told).toEqual([
      'bearer-failed: no Bluetooth controller: the controller does not know the commands of Low Energy',
    ]);
  });
});

describe('commands', () => {
  it('go out one at a time, in their order, each with the credit of the one before', () => {
    const rig = new Rig();
    const { host, controller } = rig.host({ answerMs: 3, creditMs: 4 });
    rig.settle();
    const from = controller.commands.length;
    const answers: number[] = [];
    const began = rig.clock.now;
    for (const opcode of [0x1001, 0x1009, 0x2002])
      host.command(opcode, NOTHING, (status) => answers.push(opcode, status, rig.clock.now - began));
    rig.settle();
    expect(controller.commands.slice(from).map(({ at }) => at - began)).toEqual([0, 7, 14]);
    expect(answers).toEqual([0x1001, 0, 3, 0x1009, 0, 10, 0x2002, 0, 17]);
  });

  it('take no second answer for the answer to another command', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    controller.faults.answer = () => 'twice';
    rig.settle();
    const answers: string[] = [];
    for (const opcode of [0x1001, 0x1009]) host.command(opcode, NOTHING, (_, p) => answers.push(toHex(p)));
    rig.settle();
    expect(answers).toEqual(['090000 09f1050000'.replace(' ', ''), '42000001aa00']);
  });

  it('may be answered by Command Status, which ends only those that an event follows', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    rig.settle();
    const answers: number[] = [];
    host.command(0x1234, NOTHING, (status) => answers.push(status));
    rig.settle();
    host.command(OPCODE.DISCONNECT, Uint8Array.of(9, 0, 0x13), (status) => answers.push(status));
    rig.settle();
    controller.faults.answer = () => 'never';
    host.command(OPCODE.READ_BD_ADDR, NOTHING, (status) => answers.push(status));
    rig.clock.advance(10);
    controller.event(EVENT.COMMAND_STATUS, [0, 1, 0x09, 0x10]);
    rig.clock.advance(10);
    expect(answers).toEqual([STATUS.UNKNOWN_COMMAND, STATUS.UNKNOWN_CONNECTION]);
    controller.event(EVENT.COMMAND_COMPLETE, [1, 0x09, 0x10, 0, 1, 2, 3, 4, 5, 6]);
    rig.clock.advance(10);
    expect(answers).toEqual([STATUS.UNKNOWN_COMMAND, STATUS.UNKNOWN_CONNECTION, STATUS.SUCCESS]);
  });

  it('without an answer in 2 s end so, and the controller is set up again', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    rig.settle();
    const told = events(host);
    controller.faults.answer = (opcode) => (opcode === OPCODE.READ_BD_ADDR ? 3000 : undefined);
    const answers: number[] = [];
    const began = rig.clock.now;
    host.command(OPCODE.READ_BD_ADDR, NOTHING, (status) => answers.push(status, rig.clock.now - began));
    rig.clock.advance(2500);
    controller.faults.answer = () => undefined;
    rig.settle();
    expect(answers).toEqual([STATUS.NO_ANSWER, 2000]);
    expect(told).toEqual(['up', 'down', 'up']);
    expect(rig.logged).toEqual(['warn: no answer to command 0x1009; the controller is reset']);
  });

  it('wait for the answer a turn longer when the process was busy: what has come is read after the timers', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    rig.settle();
    const told = events(host);
    controller.faults.answer = () => 'never';
    const answers: number[] = [];
    host.command(OPCODE.READ_BD_ADDR, NOTHING, (status) => answers.push(status));
    // As after a pause of the process: the timer is due, and the octets are there.
    rig.clock.advance(1950);
    controller.event(EVENT.COMMAND_COMPLETE, [1, 0x09, 0x10, 0, 1, 2, 3, 4, 5, 6]);
    rig.clock.advance(1000);
    expect([answers, told]).toEqual([[STATUS.SUCCESS], ['up']]);
  });

  it('that nothing depends on may stay without an answer: they are not sent again, and all else goes on', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    rig.settle();
    const told = events(host);
    controller.faults.answer = (opcode) => (opcode === OPCODE.LE_SET_PHY ? 'never' : undefined);
    const answers: number[][] = [];
    const ask = (opcode: number) => host.command(opcode, NOTHING, (status) => answers.push([opcode, status]));
    for (const opcode of [OPCODE.LE_SET_PHY, OPCODE.READ_BD_ADDR]) ask(opcode);
    rig.clock.advance(2500);
    for (const opcode of [OPCODE.LE_SET_PHY, OPCODE.READ_BD_ADDR]) ask(opcode);
    rig.clock.advance(10);
    const expected = [
      [OPCODE.LE_SET_PHY, STATUS.UNKNOWN_COMMAND],
      [OPCODE.READ_BD_ADDR, STATUS.SUCCESS],
    ];
    expect(answers).toEqual([...expected, ...expected]);
    expect(controller.commands.filter(({ opcode }) => opcode === OPCODE.LE_SET_PHY)).toHaveLength(1);
    expect(told).toEqual(['up']);
    expect(rig.logged).toEqual(['warn: the controller does not answer command 0x2032, which is left out from now on']);
  });

  it('that never get a credit end so too', () => {
    const rig = new Rig();
    const { host, controller } = rig.host({ creditMs: 1 });
    rig.settle();
    const told = events(host);
    controller.event(EVENT.COMMAND_COMPLETE, [0, 0, 0]);
    rig.clock.advance(1);
    const answers: number[] = [];
    host.command(OPCODE.READ_BD_ADDR, NOTHING, (status) => answers.push(status));
    rig.clock.advance(3000);
    expect([answers, told]).toEqual([[STATUS.NO_ANSWER], ['up', 'down', 'up']]);
  });

  it('end at once while the controller is not up', () => {
    const rig = new Rig();
    const { host } = rig.host();
    const answers: number[] = [];
    host.command(OPCODE.READ_BD_ADDR, NOTHING, (status) => answers.push(status));
    expect(answers).toEqual([STATUS.NO_ANSWER]);
  });
});

describe('data of connections', () => {
  it('may come in longer packets than the controller takes', () => {
    const rig = new Rig();
    const [near, far] = duplex(rig.clock);
    const host = new HciHost(near, rig.ground);
    rig.air.attach(far, { aclLength: 27 });
    rig.settle();
    const told = events(host);
    const lengths: number[] = [];
    host.acl.open(1, (_, data) => lengths.push(data.length));
    for (const length of [27, 73, 251, 521])
      far.write(Uint8Array.of(0x02, 0x01, 0x20, length & 0xff, length >> 8, ...new Uint8Array(length)));
    rig.settle();
    expect(lengths).toEqual([27, 73, 251, 521]);
    expect(told).toEqual(['up']);
  });
});

describe('events', () => {
  it('go to all who asked, until they ask no more; unknown ones to nobody', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    rig.settle();
    const heard: string[] = [];
    host.onEvent(0x08, (p) => heard.push(`a ${toHex(p)}`));
    const stop = host.onEvent(0x08, (p) => heard.push(`b ${toHex(p)}`));
    host.onLeEvent(LE_EVENT.DATA_LENGTH_CHANGE, (p) => heard.push(`le ${toHex(p)}`));
    controller.event(0x08, [1, 2]);
    controller.event(0xff, new Uint8Array(255));
    controller.event(0xe7, []);
    controller.leEvent(LE_EVENT.DATA_LENGTH_CHANGE, [3]);
    controller.event(EVENT.LE_META, [0xee, 1, 2, 3]);
    rig.clock.advance(1);
    stop();
    controller.event(0x08, [4]);
    rig.clock.advance(1);
    expect(heard).toEqual(['a 0102', 'b 0102', 'le 03', 'a 04']);
  });
});

describe('recovery', () => {
  it('follows a hardware error, octets that cannot be and a packet without an end', () => {
    const faults: [fault: string, ms: number, reason: string][] = [
      ['04100122', 0, 'hardware error 0x22'],
      ['ff', 0, 'the stream is out of step: packet type 0xff'],
      ['0240000100ff0240000020', 0, 'the stream is out of step: data packet of'],
      ['043e40', 1000, 'the stream stopped within a packet'],
    ];
    for (const [octets, ms, reason] of faults) {
      const rig = new Rig();
      const { host, controller } = rig.host();
      rig.settle();
      const told = events(host);
      controller.inject(fromHex(octets));
      rig.clock.advance(ms + 99);
      expect(told).toEqual(['up', 'down']);
      expect(host.capabilities).toBeUndefined();
      rig.settle();
      expect(told).toEqual(['up', 'down', 'up']);
      expect(rig.logged[0]).toContain(reason);
    }
  });

  it('does not wait for ever for silence', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    rig.settle();
    const told = events(host);
    const chatter = () => {
      if (controller.commands.filter(({ opcode }) => opcode === OPCODE.RESET).length > 1) return;
      controller.inject(fromHex('ff2a'));
      rig.clock.after(20, chatter);
    };
    chatter();
    rig.clock.advance(1500);
    expect(told).toEqual(['up', 'down', 'up']);
  });

  it('gives the controller up when three resets have no answer', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    rig.settle();
    const told = events(host);
    controller.faults.answer = () => 'never';
    controller.hardwareError();
    rig.clock.advance(16_000);
    expect(told).toEqual(['up', 'down', 'bearer-lost: no Bluetooth controller: no answer to command 0x0C03']);
    expect(controller.commands.filter(({ opcode }) => opcode === OPCODE.RESET)).toHaveLength(4);
    expect(rig.clock.nextAt).toBeUndefined();
  });

  it('finds out that a quiet controller has died', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    rig.settle();
    const told = events(host);
    rig.clock.advance(60_000);
    expect(told).toEqual(['up']);
    controller.faults.answer = () => 'never';
    rig.clock.advance(30_000);
    expect(told).toHaveLength(3);
    expect(told[2]).toMatch(/^bearer-lost/);
  });
});

describe('the end', () => {
  it('of the stream ends everything once, and no timer stays', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    rig.settle();
    const told = events(host);
    const answers: number[] = [];
    host.command(OPCODE.READ_BD_ADDR, NOTHING, (status) => answers.push(status));
    controller.unplug();
    expect(answers).toEqual([STATUS.NO_ANSWER]);
    expect(told).toEqual(['up', 'down', 'bearer-lost: the port is gone']);
    rig.clock.advance(1);
    expect(rig.clock.nextAt).toBeUndefined();
    host.close();
    host.recover('nothing');
    expect(told).toHaveLength(3);
  });

  it('by closing leaves a controller that was reset', () => {
    const rig = new Rig();
    const { host, controller } = rig.host();
    rig.settle();
    const told = events(host);
    host.close();
    host.close();
    rig.settle();
    expect(controller.commands.at(-1)?.opcode).toBe(OPCODE.RESET);
    expect(told).toEqual(['up', 'down']);
    expect(rig.clock.nextAt).toBeUndefined();
    expect(rig.air.controllers).toEqual([]);
  });
});
