import { type GattDevice, type GattLink, type GattService, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { OPCODE } from '../codes.ts';
import type { ControllerOptions } from '../testing/emulated-controller.ts';
import { type GattEnd, GattRig, type Watched, watch } from '../testing/gatt-rig.ts';

const SMP: GattService = {
  uuid: '8d53dc1d-1db7-4cd3-868b-8a527460aa84',
  dataIn: 'da2e7828-fbce-4e01-ae9e-261174997c48',
  dataOut: 'da2e7828-fbce-4e01-ae9e-261174997c48',
};
const CONTROLLERS: readonly (readonly [string, ControllerOptions])[] = [
  ['an extended controller', {}],
  ['a legacy controller', { extended: false }],
  ['a controller of version 4.0', { version: 6 }],
];

/** A peripheral with both services, which shows the long one, and the device as it was found. */
function setUp(options: ControllerOptions = {}) {
  const rig = new GattRig();
  const [central, peripheral] = [rig.end(options), rig.end(options)];
  const served: Record<string, Watched[]> = { smp: [], proxy: [] };
  const unserve = peripheral.peripheral.serve(SMP, (link) => served.smp!.push(watch(link)));
  peripheral.peripheral.serve(MESH_PROXY_SERVICE, (link) => served.proxy!.push(watch(link)));
  const offer = { service: SMP.uuid, name: 'Lamp', data: new Uint8Array(), intervalMs: 100, privateAddress: false };
  peripheral.peripheral.advertise(offer);
  const { peer } = scan(rig, central, ({ name }) => name === 'Lamp');
  return { rig, central, peripheral, served, peer, unserve };
}

function scan(rig: GattRig, { central }: GattEnd, isWanted: (device: GattDevice) => boolean): GattDevice {
  let found: GattDevice | undefined;
  const stop = central.scan((device) => {
    if (isWanted(device)) found = device;
  });
  for (let i = 0; i < 50 && found === undefined; i++) rig.clock.advance(100);
  stop();
  if (found === undefined) throw new Error('it was not found');
  return found;
}

function open({ rig, central, peer }: ReturnType<typeof setUp>, service: GattService): Watched {
  const outcome = rig.connect(central, peer, service);
  if (outcome instanceof MeshError) throw outcome;
  return watch(outcome);
}

describe.each(CONTROLLERS)('on %s', (_name, options) => {
  it('a scan puts advertisement and scan response together, and is active only as long as somebody wants it', () => {
    const { rig, central, peer } = setUp(options);
    const device = scan(rig, central, ({ name }) => name !== null);
    expect(device).toMatchObject({ peer, name: 'Lamp', services: [SMP.uuid], rssi: -60, connectable: true });
    expect(device.address).toBe(peer.slice(0, 17));
    const types = () =>
      central.controller.commands.flatMap(({ opcode, parameters }) => {
        if (opcode === OPCODE.LE_SET_SCAN_PARAMETERS) return parameters[0]!;
        return opcode === OPCODE.LE_SET_EXTENDED_SCAN_PARAMETERS ? parameters[3]! : [];
      });
    const before = types().length;
    const stopMesh = central.central.discover([0x1828], () => {});
    rig.clock.advance(100);
    let responses = 0;
    const stop = central.central.scan(() => responses++);
    const stopOther = central.central.scan(() => {});
    rig.clock.advance(100);
    stop();
    rig.clock.advance(100);
    stopOther();
    rig.clock.advance(100);
    expect(types().slice(before)).toEqual([0, 1, 0]);
    expect([responses > 0, central.controller.scanning.enabled]).toEqual([true, true]);
    stopMesh();
    rig.clock.advance(100);
    expect(central.controller.scanning.enabled).toBe(false);
  });

  it('two services share one connection: each link ends alone, the connection with the last', () => {
    const set = setUp(options);
    const { rig, central, served } = set;
    const smp = open(set, SMP);
    const proxy = open(set, MESH_PROXY_SERVICE);
    expect([central.connections.size, smp.link.mtu, proxy.link.mtu]).toEqual([1, 498, 498]);
    smp.link.send(new Uint8Array(495).fill(1), () => {});
    proxy.link.send(Uint8Array.of(2), () => {});
    served.smp![0]!.link.send(new Uint8Array(495).fill(3), () => {});
    served.proxy![0]!.link.send(Uint8Array.of(4), () => {});
    rig.clock.advance(3000);
    expect([served.smp![0]!.values, served.proxy![0]!.values]).toEqual([['01'.repeat(495)], ['02']]);
    expect([smp.values, proxy.values]).toEqual([['03'.repeat(495)], ['04']]);

    smp.link.disconnect();
    expect(smp.ended).toBe(0);
    rig.clock.advance(500);
    expect([smp.ended, served.smp![0]!.ended, proxy.ended, served.proxy![0]!.ended]).toEqual([1, 1, 0, 0]);
    const anew = open(set, SMP);
    served.smp![1]!.link.send(Uint8Array.of(5), () => {});
    proxy.link.disconnect();
    rig.clock.advance(500);
    expect([anew.values, anew.ended, proxy.ended, central.connections.size]).toEqual([['05'], 0, 1, 1]);
    anew.link.disconnect();
    rig.clock.advance(500);
    expect([anew.ended, served.smp![1]!.ended, central.connections.size]).toEqual([1, 1, 0]);
  });
});

describe('a connection of several services', () => {
  it('is asked for by both at once, and made once', () => {
    const { rig, central, peer, served } = setUp();
    const links: GattLink[] = [];
    const errors: string[] = [];
    for (const service of [SMP, MESH_PROXY_SERVICE, SMP])
      central.central.connect(peer, service, (outcome) => {
        if (outcome instanceof MeshError) errors.push(outcome.message);
        else links.push(outcome);
      });
    rig.clock.advance(5000);
    expect([links.length, central.connections.size, served.smp!.length, served.proxy!.length]).toEqual([2, 1, 1, 1]);
    expect(errors).toEqual([expect.stringMatching(/this service of it is in use/)]);
  });

  it('goes on for one when the other is cancelled, at whatever moment, and can be had again', () => {
    for (let after = 0; after < 400; after += 11) {
      const set = setUp();
      const { rig, central, peer, served } = set;
      const proxy = open(set, MESH_PROXY_SERVICE);
      let outcome: GattLink | MeshError | undefined;
      const cancel = central.central.connect(peer, SMP, (result) => {
        outcome = result;
      });
      rig.clock.advance(after);
      cancel();
      const isLinked = outcome !== undefined;
      if (isLinked) (outcome as GattLink).disconnect();
      // At once, while what was begun is undone.
      const smp = open(set, SMP);
      served.smp!.at(-1)!.link.send(Uint8Array.of(7), () => {});
      rig.clock.advance(1000);
      expect([smp.values, smp.ended, proxy.ended, served.smp!.at(-1)!.ended]).toEqual([['07'], 0, 0, 0]);
      expect(served.smp!.slice(0, -1).every(({ ended }) => ended === 1)).toBe(true);
    }
  });

  it('goes on when a service that is asked for beside is not there, or the other end refuses it', () => {
    const set = setUp();
    const { rig, central, peer, unserve } = set;
    const proxy = open(set, MESH_PROXY_SERVICE);
    unserve();
    expect(rig.connect(central, peer, SMP)).toMatchObject({ code: 'connect-failed' });
    rig.clock.advance(1000);
    expect([proxy.ended, central.connections.size]).toEqual([0, 1]);
  });

  it('ends whole when the server disconnects, and is made anew by who asks while it ends', () => {
    const set = setUp();
    const { rig, central, peer, served } = set;
    const [smp, proxy] = [open(set, SMP), open(set, MESH_PROXY_SERVICE)];
    served.smp![0]!.link.disconnect();
    rig.clock.advance(1000);
    expect([smp.ended, proxy.ended, central.connections.size]).toEqual([1, 1, 0]);
    const first = open(set, SMP);
    first.link.disconnect();
    const second = rig.connect(central, peer, SMP);
    expect([second instanceof MeshError, first.ended, served.smp!.length]).toEqual([false, 1, 3]);
  });
});

describe('a central that closes', () => {
  const closed = new MeshError('bearer-closed', 'the bearer was closed');

  it('ends looking for an address', () => {
    const { rig, central } = setUp();
    const codes: string[] = [];
    central.central.connect('11:22:33:44:55:66', SMP, (outcome) => codes.push((outcome as MeshError).code));
    rig.clock.advance(100);
    central.central.close(closed);
    rig.clock.advance(1000);
    expect([codes, central.controller.scanning.enabled]).toEqual([['bearer-closed'], false]);
  });

  it('makes no new connection for who waits for the end of the last one', () => {
    const set = setUp();
    const { rig, central, peer, served } = set;
    const codes: string[] = [];
    open(set, SMP).link.disconnect();
    central.central.connect(peer, SMP, (outcome) => codes.push((outcome as MeshError).code));
    central.central.close(closed);
    rig.clock.advance(20_000);
    expect([codes, served.smp!.length, central.connections.size]).toEqual([['bearer-closed'], 1, 0]);
    expect(rig.connect(central, peer, SMP)).toMatchObject({ code: 'bearer-closed' });
    central.central.scan(() => expect.unreachable())();
  });
});

describe('values without response', () => {
  it('fill the buffers of the controller: as many go in a connection event as it takes', () => {
    const set = setUp({ aclLength: 251, aclPackets: 10, packetsPerEvent: 10 });
    const { rig, served } = set;
    const smp = open(set, SMP);
    const start = rig.clock.now;
    let sent = 0;
    const next = (): void => {
      if (sent++ < 200) smp.link.send(new Uint8Array(495).fill(sent), next);
    };
    next();
    while (served.smp![0]!.values.length < 200) rig.clock.advance(5);
    // Ten packets in each event of 15 ms, two for a value of 495 octets: 5 values.
    expect(rig.clock.now - start).toBeLessThan(1.1 * 40 * 15);
  });
});
