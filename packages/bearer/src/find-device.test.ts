import { MeshError, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { type DeviceWanted, findDevice } from './find-device.ts';
import type { GattCentral, GattDevice, GattOffer } from './gatt.ts';
import { memoryGatt } from './gatt-memory.ts';
import { type DeviceReport, HeardDevices } from './heard-devices.ts';

const SMP = '8d53dc1d-1db7-4cd3-868b-8a527460aa84';
const REPORT: DeviceReport = {
  peer: 'a',
  address: 'C0:FF:EE:00:00:01',
  name: undefined,
  services: [],
  rssi: -50,
  at: 1,
  connectable: true,
};

function setUp(names: readonly string[]) {
  const clock = new VirtualClock();
  const gatt = memoryGatt(clock);
  const peripherals = names.map((name, i) => {
    const peripheral = gatt.peripheral();
    const offer: GattOffer = {
      service: i % 2 === 0 ? SMP : 0x1828,
      data: new Uint8Array(),
      name,
      intervalMs: 100 + i,
      privateAddress: false,
    };
    peripheral.advertise(offer);
    return { peripheral, offer };
  });
  const look = (wanted: Partial<DeviceWanted>, central: GattCentral = gatt.central(), ms = 10_000) => {
    let outcome: GattDevice | MeshError | undefined;
    const cancel = findDevice(central, clock, { timeoutMs: 5000, ...wanted }, (found) => {
      expect(outcome).toBeUndefined();
      outcome = found;
    });
    expect(outcome).toBeUndefined();
    for (let i = 0; i < ms / 10 && outcome === undefined; i++) clock.advance(10);
    return { outcome, cancel, found: () => outcome };
  };
  const peerOf = (wanted: Partial<DeviceWanted>) => {
    const { outcome } = look(wanted);
    return outcome instanceof MeshError ? outcome.code : outcome?.peer;
  };
  return { clock, gatt, peripherals, look, peerOf };
}

describe('looking for a device', () => {
  it('finds it by its address in any case, by its handle, by its name or a part of it, by its service', () => {
    const { peerOf, clock } = setUp(['Kitchen', 'Hall', 'Hall 2']);
    expect([
      peerOf({ address: 'c0:00:00:00:00:01' }),
      peerOf({ address: 'memory-2' }),
      peerOf({ name: 'kitch' }),
      peerOf({ service: SMP.toUpperCase(), name: '2' }),
      peerOf({ service: 0x1828 }),
      peerOf({ service: 0x1828, name: 'Kitchen' }),
    ]).toEqual(['memory-1', 'memory-2', 'memory-0', 'memory-2', 'memory-1', 'device-not-found']);
    expect(clock.now).toBeLessThan(10_000);
  });

  it('prefers the one whose name is exactly that, then the strongest', () => {
    const { peerOf, look, clock } = setUp(['Hall 2', 'x', 'Hall']);
    expect(peerOf({ name: 'Hall' })).toBe('memory-2');
    const devices = new HeardDevices();
    const strengths: GattCentral = {
      discover: () => () => {},
      connect: () => () => {},
      scan: (found) => {
        const at = clock.now;
        [-80, -40, -60].forEach((rssi, i) => {
          found(devices.hear({ ...REPORT, peer: String(i), rssi, at }));
        });
        return () => {};
      },
    };
    expect(look({}, strengths).outcome).toMatchObject({ peer: '1' });
  });

  it('finds a device again that has changed its address, by its name', () => {
    const { peerOf, peripherals } = setUp(['Kitchen']);
    expect(peerOf({ name: 'Kitchen' })).toBe('memory-0');
    const { peripheral, offer } = peripherals[0]!;
    peripheral.advertise({ ...offer, privateAddress: true });
    expect(peerOf({ name: 'Kitchen' })).toBe('private-1');
    expect(peerOf({ address: 'C0:00:00:00:00:00' })).toBe('device-not-found');
  });

  it('names what was heard instead, the strongest first', () => {
    const { look } = setUp(['Kitchen', 'H\x1b[31mall']);
    expect(look({ name: 'Bath', service: SMP }).outcome).toMatchObject({
      code: 'device-not-found',
      message:
        'no connectable device with a name with "Bath" and the service 8d53dc1d-1db7-4cd3-868b-8a527460aa84 within 5 s; ' +
        'heard were C0:00:00:00:00:00 "Kitchen" (-60 dBm), C0:00:00:00:00:01 "H?[31mall" (-60 dBm)',
    });
    expect(setUp([]).look({ address: 'C0:00:00:00:00:00' }).outcome).toMatchObject({
      message: 'no connectable device with the address C0:00:00:00:00:00 within 5 s; nothing was heard at all',
    });
    expect(setUp([]).look({}).outcome).toMatchObject({
      message: expect.stringMatching(/^no connectable device within/),
    });
    const { outcome } = setUp(Array.from({ length: 10 }, (_, i) => `Lamp ${i}`)).look({ name: 'Bath' });
    expect((outcome as MeshError).message).toMatch(/ and 2 more$/);
  });

  it('says nothing once it is cancelled, before the find and in the middle of the choice', () => {
    const { look, clock } = setUp(['Kitchen']);
    for (const ms of [0, 300]) {
      const { cancel, found } = look({ name: 'Kitchen' }, undefined, ms);
      cancel();
      cancel();
      clock.advance(10_000);
      expect(found()).toBeUndefined();
    }
  });

  it('takes what fits when the time is over before the choice', () => {
    expect(setUp(['Kitchen']).look({ name: 'Kitchen', timeoutMs: 200 }).outcome).toMatchObject({ peer: 'memory-0' });
  });

  it('says so of a central that cannot scan', () => {
    const { look } = setUp([]);
    const central: GattCentral = { discover: () => () => {}, connect: () => () => {} };
    expect(look({}, central).outcome).toMatchObject({ code: 'scan-not-supported' });
    expect(look({}, central, 0).cancel()).toBeUndefined();
  });
});

describe('what was heard of a device', () => {
  it('is put together of all its reports', () => {
    const devices = new HeardDevices();
    devices.hear({ ...REPORT, services: [0x1828, 0x1828] });
    const { services } = devices.hear({ ...REPORT, services: [SMP, 0x1828], connectable: false, name: 'Lamp' });
    expect(services).toEqual([0x1828, SMP]);
    expect(devices.hear({ ...REPORT, rssi: 127, at: 9, name: '' })).toEqual({
      ...{
        peer: 'a',
        address: REPORT.address,
        name: 'Lamp',
        services: [0x1828, SMP],
        rssi: -127,
        at: 9,
        connectable: true,
      },
    });
    expect(devices.hear({ ...REPORT, peer: 'b', connectable: false })).toMatchObject({
      name: null,
      connectable: false,
    });
  });

  it('is forgotten in a crowd', () => {
    const devices = new HeardDevices();
    devices.hear({ ...REPORT, peer: 'first', name: 'Lamp' });
    for (let i = 0; i < 1024; i++) devices.hear({ ...REPORT, peer: String(i) });
    expect(devices.hear({ ...REPORT, peer: 'first' }).name).toBeNull();
  });
});
