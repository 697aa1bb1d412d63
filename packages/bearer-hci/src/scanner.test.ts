import { AD_MESH_MESSAGE } from '@meshferry/bearer';
import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { OPCODE, STATUS } from './codes.ts';
import { nonResolvableAddress, OWN_PUBLIC } from './own-address.ts';
import type { ControllerOptions } from './testing/emulated-controller.ts';
import { Rig } from './testing/rig.ts';

const EXTENDED: ControllerOptions = {};
const LEGACY: ControllerOptions = { extended: false };
const MESSAGE = { type: AD_MESH_MESSAGE, data: new Uint8Array(20) };

describe.each([
  ['extended', EXTENDED, ['2041 0100010030003000', '2042 010000000000'], '2042 000000000000'],
  ['legacy', LEGACY, ['200b 00300030000100', '200c 0100'], '200c 0000'],
] as const)('%s scanning', (_, options, start, stop) => {
  it('sets the random address, then the parameters once, and runs while somebody listens', () => {
    const rig = new Rig();
    const { host, scanner, controller } = rig.radio(options);
    const from = controller.commands.findIndex(({ opcode }) => opcode === OPCODE.LE_SET_RANDOM_ADDRESS);
    expect(from).toBeGreaterThan(0);
    const commands = () =>
      controller.commands
        .slice(from + 1)
        .map(({ opcode, parameters }) => `${opcode.toString(16)} ${toHex(parameters)}`);
    const first = scanner.listen(() => {});
    const second = scanner.listen(() => {});
    rig.settle();
    first();
    first();
    rig.settle();
    expect([controller.scanning.enabled, controller.scanning.duty]).toEqual([true, 1]);
    second();
    rig.settle();
    expect(controller.scanning.enabled).toBe(false);
    scanner.listen(() => {});
    rig.settle();
    expect(commands()).toEqual([...start, stop, start[1]]);
    host.close();
  });

  it('goes on after each reset', () => {
    const rig = new Rig();
    const { scanner, controller } = rig.radio(options);
    let heard = 0;
    scanner.listen(() => heard++);
    rig.settle();
    for (let i = 1; i <= 3; i++) {
      controller.hardwareError();
      rig.settle();
      controller.flood(5, fromHex('022a01'));
      rig.clock.advance(1);
      expect(heard).toBe(5 * i);
    }
  });

  it('pauses for as long as anyone needs it, and tells when it has stopped', () => {
    const rig = new Rig();
    const { scanner, controller } = rig.radio(options);
    scanner.listen(() => {});
    const log: string[] = [];
    // While it is about to begin, too.
    const resume = scanner.pause(() => log.push(`a ${controller.scanning.enabled}`));
    const resumeToo = scanner.pause(() => log.push(`b ${controller.scanning.enabled}`));
    rig.settle();
    expect(log).toEqual(['a false', 'b false']);
    resume();
    resume();
    rig.settle();
    expect(controller.scanning.enabled).toBe(false);
    scanner.pause(() => log.push('c'))();
    expect(log).toHaveLength(3);
    resumeToo();
    rig.settle();
    expect(controller.scanning.enabled).toBe(true);
    const taken = scanner.pause(() => expect.unreachable());
    taken();
    rig.settle();
    expect(controller.scanning.enabled).toBe(true);
  });

  it('tells who waits for a pause also when the controller is gone', () => {
    const rig = new Rig();
    const { host, scanner, controller } = rig.radio(options);
    scanner.listen(() => {});
    rig.settle();
    let paused = 0;
    scanner.pause(() => paused++);
    controller.unplug();
    expect(paused).toBe(1);
    expect(host.capabilities).toBeUndefined();
  });

  it('goes over from passive to active and back, also where the controller refuses to stop or to start', () => {
    const rig = new Rig();
    const { scanner, controller } = rig.radio(options);
    scanner.listen(() => {});
    rig.clock.advance(100);
    const enable = options.extended === false ? OPCODE.LE_SET_SCAN_ENABLE : OPCODE.LE_SET_EXTENDED_SCAN_ENABLE;
    controller.faults.refuse.set(enable, STATUS.COMMAND_DISALLOWED);
    const end = scanner.listen(() => {}, 'active');
    rig.clock.advance(1000);
    expect(controller.scanning.active).toBe(false);
    controller.faults.refuse.clear();
    rig.clock.advance(1000);
    expect([controller.scanning.enabled, controller.scanning.active]).toEqual([true, true]);
    let paused = 0;
    scanner.pause(() => paused++)();
    rig.clock.advance(100);
    expect([paused, controller.scanning.active]).toEqual([0, true]);
    end();
    rig.clock.advance(1000);
    expect([controller.scanning.enabled, controller.scanning.active]).toEqual([true, false]);
  });

  it('tries again when it is refused, and scans at all when its parameters are', () => {
    const rig = new Rig();
    const { scanner, controller } = rig.radio(options);
    const { refuse } = controller.faults;
    for (const opcode of [OPCODE.LE_SET_SCAN_ENABLE, OPCODE.LE_SET_EXTENDED_SCAN_ENABLE])
      refuse.set(opcode, STATUS.COMMAND_DISALLOWED);
    for (const opcode of [OPCODE.LE_SET_SCAN_PARAMETERS, OPCODE.LE_SET_EXTENDED_SCAN_PARAMETERS])
      refuse.set(opcode, STATUS.INVALID_PARAMETERS);
    scanner.listen(() => {});
    rig.settle();
    expect(rig.logged.some((line) => line.includes('refused to start scanning'))).toBe(true);
    refuse.delete(OPCODE.LE_SET_SCAN_ENABLE);
    refuse.delete(OPCODE.LE_SET_EXTENDED_SCAN_ENABLE);
    rig.settle();
    expect(controller.scanning.enabled).toBe(true);
    expect(rig.logged.some((line) => line.includes('scan parameters'))).toBe(true);
  });

  it('works under the public address where no random one can be set', () => {
    const rig = new Rig();
    const { controller, line } = rig.controller(options);
    controller.faults.refuse.set(OPCODE.LE_SET_RANDOM_ADDRESS, STATUS.UNKNOWN_COMMAND);
    const radio = rig.radioOn(line);
    rig.settle();
    radio.scanner.listen(() => {});
    rig.settle();
    expect([radio.ownType, controller.scanning.enabled]).toEqual([OWN_PUBLIC, true]);
  });
});

describe('two radios', () => {
  it.each([
    [EXTENDED, EXTENDED],
    [EXTENDED, LEGACY],
    [LEGACY, EXTENDED],
    [{ version: 6 }, LEGACY],
  ])('hear each other, and not themselves', (first, second) => {
    const rig = new Rig();
    const radios = [rig.radio(first), rig.radio(second)];
    const heard = [0, 0];
    radios.forEach(({ advertising }, i) => {
      advertising.receive([AD_MESH_MESSAGE], () => heard[i]!++);
    });
    rig.settle();
    radios[0]!.advertising.send(MESSAGE, { count: 1, intervalMs: 20 }, () => {});
    rig.settle();
    expect(heard[0]).toBe(0);
    expect(heard[1]).toBeGreaterThanOrEqual(1);
    radios[1]!.advertising.send(MESSAGE, { count: 1, intervalMs: 20 }, () => {});
    rig.settle();
    expect(heard[0]).toBeGreaterThanOrEqual(1);
  });

  it('do not hear mesh messages in extended advertising PDUs', () => {
    const rig = new Rig();
    const [a, b] = [rig.radio(EXTENDED), rig.radio(EXTENDED)];
    b.advertising.receive([AD_MESH_MESSAGE], () => expect.unreachable());
    rig.settle();
    const { host } = a;
    const extendedPdu = fromHex('00 0000 200000 200000 07 01 00 000000000000 00 7f 01 00 01 00 00'.replaceAll(' ', ''));
    host.command(OPCODE.LE_SET_EXTENDED_ADVERTISING_PARAMETERS, extendedPdu, (status) => expect(status).toBe(0));
    host.command(OPCODE.LE_SET_ADVERTISING_SET_RANDOM_ADDRESS, fromHex('00010203040506'), (status) =>
      expect(status).toBe(0),
    );
    host.command(OPCODE.LE_SET_EXTENDED_ADVERTISING_DATA, fromHex('00030104032a0102'), (status) =>
      expect(status).toBe(0),
    );
    host.command(OPCODE.LE_SET_EXTENDED_ADVERTISING_ENABLE, fromHex('010100000001'), (status) =>
      expect(status).toBe(0),
    );
    let reports = 0;
    b.scanner.listen(({ kind }) => {
      expect(kind).toBe('extended');
      reports++;
    });
    rig.settle();
    expect(reports).toBe(1);
  });

  it('lose nothing of a thousand reports a second', () => {
    const rig = new Rig();
    const { advertising, controller } = rig.radio(EXTENDED);
    let heard = 0;
    advertising.receive([AD_MESH_MESSAGE], () => heard++);
    rig.settle();
    for (let i = 0; i < 100; i++) {
      controller.flood(100, fromHex('152a000102030405060708090a0b0c0d0e0f10111213'));
      rig.clock.advance(100);
    }
    expect(heard).toBe(10_000);
  });
});

describe('a non-resolvable private address', () => {
  it('has the bits of one, and is neither all zeros nor all ones', () => {
    const drawn = [new Uint8Array(6), new Uint8Array(6).fill(0xff), Uint8Array.of(1, 2, 3, 4, 5, 0xc6)];
    const random = { bytes: () => drawn.shift()!, uniform: () => 0 };
    expect(toHex(nonResolvableAddress(random))).toBe('010203040506');
  });
});
