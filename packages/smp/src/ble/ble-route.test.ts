import { type GattCentral, memoryGatt } from '@meshferry/bearer';
import { MeshError, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { SmpOpenOptions, SmpRoute, SmpTransport } from '../transport.ts';
import { bleRoute } from './ble-route.ts';
import { SMP_SERVICE } from './service.ts';

/** A peripheral per name, with SMP, which can take a new address. */
function setUp(...names: string[]) {
  const clock = new VirtualClock();
  const gatt = memoryGatt(clock);
  const devices = names.map((name) => {
    const peripheral = gatt.peripheral({ connections: 2 });
    let links = 0;
    peripheral.serve(SMP_SERVICE, (link) => {
      links++;
      link.listen({ received: () => {}, disconnected: () => {} });
    });
    let stop = () => {};
    const advertise = (privateAddress: boolean) => {
      stop();
      const data = new Uint8Array();
      stop = peripheral.advertise({ service: SMP_SERVICE.uuid, data, name, intervalMs: 100, privateAddress });
    };
    advertise(false);
    return { links: () => links, move: () => advertise(true), show: () => advertise(false), vanish: () => stop() };
  });
  const open = (route: SmpRoute, options?: SmpOpenOptions) => {
    let outcome: SmpTransport | MeshError | undefined;
    route.open((found) => {
      outcome = found;
    }, options);
    for (let i = 0; i < 4000 && outcome === undefined; i++) clock.advance(10);
    if (!(outcome instanceof MeshError)) outcome?.close();
    clock.advance(10);
    return outcome instanceof MeshError ? outcome.code : typeof outcome;
  };
  return { clock, central: gatt.central(), devices, open };
}

describe('the way to a device over Bluetooth', () => {
  it('is found by address, or by name', () => {
    const { clock, central, devices, open } = setUp('Lamp', 'Lock');
    expect(open(bleRoute({ central, clock, address: 'C0:00:00:00:00:01' }))).toBe('object');
    expect(open(bleRoute({ central, clock, name: 'lamp' }))).toBe('object');
    expect(devices.map(({ links }) => links())).toEqual([1, 1]);
  });

  it('says who is there instead of a device that is not', () => {
    const { clock, central, open } = setUp('Lamp');
    expect(open(bleRoute({ central, clock, address: 'c0:00:00:00:00:09' }))).toBe('device-not-found');
  });

  it('follows a device to its new address by its name', () => {
    const { clock, central, devices, open } = setUp('Lamp', 'Lock');
    const route = bleRoute({ central, clock, address: 'c0:00:00:00:00:00' });
    expect(open(route)).toBe('object');
    devices[0]?.move();
    expect(open(route)).toBe('object');
    expect(devices.map(({ links }) => links())).toEqual([2, 0]);
  });

  it('takes no namesake for the device', () => {
    for (const names of [
      ['Lamp', 'Lamp', 'Lamp'],
      ['Lamp', 'Lamp'],
    ]) {
      const { clock, central, devices, open } = setUp(...names);
      const route = bleRoute({ central, clock, address: 'c0:00:00:00:00:00' });
      expect(open(route)).toBe('object');
      devices[0]?.vanish();
      expect(open(route)).toBe('connect-failed');
      expect(devices.slice(1).map(({ links }) => links())).toEqual(names.slice(1).map(() => 0));
    }
  });

  it('takes no namesake that is switched on while the device is away: an address of this kind does not change', () => {
    for (const wanted of [{ address: 'c0:00:00:00:00:00' }, { name: 'Lamp' }]) {
      const { clock, central, devices, open } = setUp('Lamp', 'Lamp');
      devices[1]?.vanish();
      const route = bleRoute({ central, clock, ...wanted });
      expect(open(route)).toBe('object');
      devices[0]?.vanish();
      devices[1]?.show();
      expect(open(route)).toBe('connect-failed');
      expect(devices.map(({ links }) => links())).toEqual([1, 0]);
    }
  });

  it('chooses none of several that are called alike, and says where they are', () => {
    const { clock, central, devices, open } = setUp('Lamp', 'Lamp', 'Lamp 2');
    expect(open(bleRoute({ central, clock, name: 'lam' }))).toBe('several-devices');
    expect(open(bleRoute({ central, clock, name: 'Lamp' }))).toBe('several-devices');
    expect(devices.map(({ links }) => links())).toEqual([0, 0, 0]);
    expect(open(bleRoute({ central, clock, name: 'Lamp 2' }))).toBe('object');
  });

  it('comes back to the one that it had by name, whoever is called alike by then', () => {
    const { clock, central, devices, open } = setUp('Lamp', 'Lamp');
    devices[1]?.vanish();
    const route = bleRoute({ central, clock, name: 'Lamp' });
    expect(open(route)).toBe('object');
    devices[1]?.show();
    expect(open(route)).toBe('object');
    expect(devices.map(({ links }) => links())).toEqual([2, 0]);
  });

  it('hears the name of a device that only its scan response shows', () => {
    const { clock, central, devices, open } = setUp('Lamp');
    const route = bleRoute({ central: namedLater(central), clock, address: 'c0:00:00:00:00:00' });
    expect(open(route)).toBe('object');
    devices[0]?.move();
    expect(open(route)).toBe('object');
  });

  it('looks for nobody any more once it is closed', () => {
    const { clock, central } = setUp('Lamp');
    let [scans, outcomes] = [0, 0];
    const counted: GattCentral = {
      ...namedLater(central),
      scan: (found) => {
        scans++;
        const stop = central.scan!(found);
        return () => {
          scans--;
          stop();
        };
      },
    };
    const route = bleRoute({ central: counted, clock, address: 'c0:00:00:00:00:09' });
    route.open(() => void outcomes++);
    clock.advance(100);
    expect(scans).toBeGreaterThan(0);
    route.close();
    expect(scans).toBe(0);
    clock.advance(60_000);
    expect(outcomes).toBe(0);
  });

  it('says of a device without the service what it needs', () => {
    const clock = new VirtualClock();
    const gatt = memoryGatt(clock);
    const other = { uuid: 0x1828, dataIn: 0x2add, dataOut: 0x2ade };
    const peripheral = gatt.peripheral({ connections: 1 });
    peripheral.serve(other, () => {});
    const [data, intervalMs] = [new Uint8Array(), 100];
    peripheral.advertise({ service: 0x1828, data, name: 'Lamp', intervalMs, privateAddress: false });
    let hint: string | undefined;
    bleRoute({ central: gatt.central(), clock, name: 'Lamp' }).open((outcome) => {
      if (outcome instanceof MeshError) hint = outcome.hint;
    });
    clock.advance(60_000);
    expect(hint).toContain('CONFIG_MCUMGR_TRANSPORT_BT');
  });

  it('looks for the firmware loader by its name, and for the device itself after it', () => {
    const { clock, central, devices, open } = setUp('Lamp', 'FL_17');
    const route = bleRoute({ central, clock, address: 'c0:00:00:00:00:00' });
    expect(open(route, { deviceName: 'FL_17' })).toBe('object');
    expect(open(route)).toBe('object');
    expect(devices.map(({ links }) => links())).toEqual([1, 1]);
  });

  it('is not opened any more once that was cancelled', () => {
    const { clock, central, devices } = setUp('Lamp');
    let outcomes = 0;
    const cancel = bleRoute({ central, clock, name: 'Lamp' }).open(() => void outcomes++);
    clock.advance(50);
    cancel();
    clock.advance(60_000);
    expect([outcomes, devices[0]?.links()]).toEqual([0, 0]);
  });
});

/** The same radio; names come in a report of their own, as scan responses do. */
function namedLater(central: GattCentral): GattCentral {
  return {
    ...central,
    discover: (services, found) => central.discover(services, found),
    connect: (peer, service, done) => central.connect(peer, service, done),
    scan: (found) => {
      const seen = new Set<string>();
      return central.scan!((device) => {
        found(seen.has(device.peer) ? device : { ...device, name: null });
        seen.add(device.peer);
      });
    },
  };
}
