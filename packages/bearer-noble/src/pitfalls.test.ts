import { MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { describe, expect, it, vi } from 'vitest';
import { BOTH } from './testing/fake-bindings.ts';
import { advance, NobleRig } from './testing/rig.ts';

const ADDRESS = 'c0:ff:ee:00:00:01';
const OTHER = 'c0:ff:ee:00:00:02';

describe.each(BOTH)('%s', (lib) => {
  const open = () => new NobleRig(lib).open();

  describe('powering on', () => {
    it('waits for the adapter before anything is asked of it', async () => {
      const rig = new NobleRig(lib);
      rig.bindings.state = 'unknown';
      rig.clock.after(3000, () => rig.bindings.power('poweredOn'));
      await rig.open();
      rig.discover();
      await rig.advance(10);
      expect(rig.bindings.calls).toEqual(['scan 1828']);
    });

    it.each([
      ['poweredOff', 'bearer-unavailable', /is off/],
      ['unsupported', 'bearer-unavailable', /no Bluetooth Low Energy adapter/],
      ['unauthorized', 'bearer-permission', /no permission/],
      ['unknown', 'bearer-failed', /does not answer/],
    ])('an adapter that is %s gives %s', async (state, code, message) => {
      const rig = new NobleRig(lib);
      rig.bindings.state = state;
      const error = await rig.open().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, message: expect.stringMatching(message), hint: expect.any(String) });
    });

    it('prints nothing on standard output, where results go', async () => {
      const print = vi.spyOn(console, 'log').mockImplementation(() => {});
      const rig = new NobleRig(lib);
      Object.assign(rig.bindings, {
        onStateChange(state: string) {
          console.log(`noble warning: adapter state ${state}`);
        },
        init() {
          this.onStateChange('unauthorized');
          rig.bindings.power('unauthorized');
        },
      });
      await rig.open().catch(() => {});
      expect(print).not.toHaveBeenCalled();
      expect(rig.logged).toContain('warn: noble warning: adapter state unauthorized');
      print.mockRestore();
    });

    it('leaves Ctrl-C to the program', async () => {
      const rig = new NobleRig(lib);
      const exits = () => process.exit(1);
      const init = rig.bindings.init.bind(rig.bindings);
      rig.bindings.init = () => {
        process.on('SIGINT', exits);
        init();
      };
      await rig.open();
      expect(process.listeners('SIGINT')).not.toContain(exits);
    });
  });

  describe('discovering', () => {
    it('gives service data of connectable advertisements, repeats too', async () => {
      const rig = await open();
      const { found, stop } = rig.discover();
      await rig.advance(10);
      const device = rig.bindings.proxy(ADDRESS);
      rig.bindings.advertise(device);
      device.serviceData = [{ uuid: '1828', data: Buffer.from([1, 9]) }];
      rig.bindings.advertise(device);
      rig.bindings.advertise(rig.bindings.proxy(OTHER, { connectable: false }));
      stop();
      rig.bindings.advertise(device);
      await rig.advance(10);
      expect(found.map(({ service, data, peer, rssi }) => [service, [...data], peer, rssi])).toEqual([
        [0x1828, [0, 1, 2, 3, 4, 5, 6, 7, 8], 'c0ffee000001', -50],
        [0x1828, [1, 9], 'c0ffee000001', -50],
      ]);
      expect(found[0]?.data.constructor).toBe(Uint8Array);
      expect(rig.bindings.scanning).toBe(false);
    });

    it('takes an unknown signal strength for the weakest', async () => {
      const rig = await open();
      const { found } = rig.discover();
      await rig.advance(10);
      rig.bindings.advertise(rig.bindings.proxy(ADDRESS, { rssi: 127 }));
      expect(found[0]?.rssi).toBe(-127);
    });

    it('scans for what all searches want, anew when that changes', async () => {
      const rig = await open();
      const first = rig.discover([0x1828]);
      await rig.advance(10);
      const second = rig.discover([0x1827, 0x1828]);
      await rig.advance(10);
      rig.bindings.advertise(rig.bindings.proxy(ADDRESS, { serviceData: [{ uuid: '1827', data: Buffer.from([7]) }] }));
      first.stop();
      second.stop();
      await rig.advance(10);
      expect([first.found.length, second.found.map(({ data }) => data[0])]).toEqual([0, [7]]);
      expect(rig.bindings.calls).toEqual(['scan 1828', 'stop scanning', 'scan 1827,1828', 'stop scanning']);
    });

    it('goes on when another program ends the scan, and when the controller refuses one', async () => {
      const rig = await open();
      rig.discover();
      await rig.advance(10);
      rig.bindings.stopScanning();
      await rig.advance(1000);
      expect(rig.bindings.scanning).toBe(true);
      rig.bindings.emit('scanStop');
      const start = rig.bindings.startScanning.bind(rig.bindings);
      let refused = 0;
      rig.bindings.startScanning = (services) => (refused++ < 2 ? undefined : start(services));
      rig.bindings.scanning = false;
      await rig.advance(10_000);
      expect([refused, rig.bindings.scanning]).toEqual([3, true]);
    });

    it('knows one device alone when the URI names one', async () => {
      const rig = await new NobleRig(lib).open({ only: OTHER });
      const { found } = rig.discover();
      await rig.advance(10);
      rig.bindings.advertise(rig.bindings.proxy(ADDRESS));
      rig.bindings.advertise(rig.bindings.proxy(OTHER));
      expect(found.map(({ peer }) => peer)).toEqual(['c0ffee000002']);
      const observed = rig.connect('c0:ff:ee:00:00:01');
      await rig.advance(100);
      rig.bindings.advertise(rig.bindings.devices.get('c0ffee000001')!);
      await rig.advance(100);
      expect(observed.error?.message).toMatch(/for c0:ff:ee:00:00:02 alone/);
    });

    it('forgets devices that changed their address, in the tables of the library too', async () => {
      const rig = await open();
      rig.discover();
      await rig.advance(10);
      for (let i = 0; i < 3000; i++) {
        const device = rig.bindings.proxy(`c0:00:00:00:${hex(i >> 8)}:${hex(i & 255)}`);
        rig.bindings.advertise(device);
        rig.clock.advance(1000);
      }
      const { _peripherals: table } = rig.library as unknown as { _peripherals: Map<string, unknown> | object };
      expect(table instanceof Map ? table.size : Object.keys(table).length).toBeLessThan(200);
    });
  });

  describe('connecting', () => {
    it('stops scanning for it, and goes on after it', async () => {
      const rig = await open();
      const { peer } = await rig.discovered(ADDRESS);
      rig.discover();
      await rig.advance(10);
      rig.bindings.calls.length = 0;
      rig.connect(peer);
      await rig.advance(100);
      expect(rig.bindings.calls).toEqual(['stop scanning', `connect ${peer}`, 'scan 1828']);
    });

    it('connects to several devices, one after the other', async () => {
      const rig = await open();
      const a = await rig.discovered(ADDRESS);
      const b = await rig.discovered(OTHER);
      rig.bindings.connect = (id) => void rig.bindings.calls.push(`connect ${id}`);
      const [first, second] = [rig.connect(a.peer), rig.connect(b.peer)];
      await rig.advance(100);
      expect(rig.bindings.calls.filter((call) => call.startsWith('connect'))).toEqual([`connect ${a.peer}`]);
      rig.bindings.accept(a.peer);
      await rig.advance(100);
      rig.bindings.accept(b.peer);
      await rig.advance(100);
      expect([first.outcomes, second.outcomes]).toEqual([1, 1]);
      rig.bindings.notify_(a.device, [1]);
      rig.bindings.notify_(b.device, [2]);
      expect([first.received, second.received]).toEqual([[[1]], [[2]]]);
    });

    it('finds a device that was named and never discovered', async () => {
      const rig = await open();
      const device = rig.bindings.proxy(ADDRESS, { serviceData: [] });
      const observed = rig.connect('C0:FF:EE:00:00:01');
      await rig.advance(1000);
      rig.bindings.advertise(device);
      await rig.advance(100);
      expect(observed.link?.mtu).toBe(247);
      const missing = rig.connect('C0:FF:EE:00:00:99');
      await rig.advance(20_000);
      expect(missing.error?.code).toBe('connect-failed');
    });

    it.each([
      ['the controller never reaches it', 'connect'],
      ['it disconnects instead of telling its services', 'discoverServices'],
      ['it disconnects instead of telling its characteristics', 'discoverCharacteristics'],
      ['it disconnects instead of taking the subscription', 'notify'],
    ] as const)('fails once when %s', async (_, method) => {
      const rig = await open();
      const { peer, device } = await rig.discovered(ADDRESS);
      rig.bindings[method] = () => void rig.clock.after(20, () => rig.bindings.drop(device));
      const observed = rig.connect(peer);
      await rig.advance(60_000);
      expect([observed.outcomes, observed.error?.code]).toEqual([1, 'connect-failed']);
      Reflect.deleteProperty(rig.bindings, method);
      const again = rig.connect(peer);
      await rig.advance(100);
      expect(again.link?.mtu).toBe(247);
    });

    it.each(['discoverServices', 'discoverCharacteristics', 'notify'] as const)(
      'gives up and disconnects when %s is never answered: an ATT error, or a queue that is blocked',
      async (method) => {
        const rig = await open();
        const { peer, device } = await rig.discovered(ADDRESS);
        rig.bindings[method] = () => {};
        const observed = rig.connect(peer);
        await rig.advance(30_000);
        expect([observed.outcomes, observed.error?.code, device.connected]).toEqual([1, 'connect-failed', false]);
      },
    );

    it('does not ask again for what a former connection asked for', async () => {
      const rig = await open();
      const { peer } = await rig.discovered(ADDRESS);
      rig.bindings.discoverServices = () => {};
      rig.connect(peer);
      await rig.advance(30_000);
      Reflect.deleteProperty(rig.bindings, 'discoverServices');
      const asked = vi.spyOn(rig.bindings, 'discoverCharacteristics');
      const again = rig.connect(peer);
      await rig.advance(100);
      expect([again.link === undefined, asked.mock.calls.length]).toEqual([false, 1]);
    });

    it.each([
      ['the service', { services: { '1800': {} } }],
      ['a characteristic', { services: { '1828': { '2ade': ['notify'] } } }],
      ['notifications', { services: { '1828': { '2add': ['writeWithoutResponse'], '2ade': ['read'] } } }],
    ])('fails when the device lacks %s, and leaves it', async (_, change) => {
      const rig = await open();
      const { peer, device } = await rig.discovered(ADDRESS, change as never);
      const observed = rig.connect(peer);
      await rig.advance(100);
      expect([observed.error?.code, device.connected]).toEqual(['connect-failed', false]);
    });

    it('leaves a connection alone when another one to the same device is wanted', async () => {
      const rig = await open();
      const { peer, observed } = await rig.connected(ADDRESS);
      const second = rig.connect(peer);
      await rig.advance(5000);
      expect([second.error?.message, observed.disconnected]).toEqual([expect.stringMatching(/one already/), 0]);
      observed.link?.disconnect();
      await rig.advance(5000);
      const third = rig.connect(peer);
      await rig.advance(100);
      expect(third.link?.mtu).toBe(247);
    });

    it('calls back nothing after a cancellation, and undoes a connection that comes about in spite of it', async () => {
      const rig = await open();
      const { peer, device } = await rig.discovered(ADDRESS);
      rig.bindings.connect = () => {};
      rig.bindings.cancelConnect = (id) => rig.bindings.accept(id);
      const observed = rig.connect(peer);
      await rig.advance(100);
      observed.cancel();
      await rig.advance(20_000);
      expect([observed.outcomes, device.connected]).toEqual([0, false]);
    });

    it('cancels only the attempt that the controller works on', async () => {
      const rig = await open();
      const a = await rig.discovered(ADDRESS);
      const b = await rig.discovered(OTHER);
      rig.bindings.connect = (id) => void rig.bindings.calls.push(`connect ${id}`);
      const [first, second] = [rig.connect(a.peer), rig.connect(b.peer)];
      await rig.advance(100);
      second.cancel();
      await rig.advance(100);
      expect(rig.bindings.calls.filter((call) => call.startsWith('cancel'))).toEqual([]);
      rig.bindings.accept(a.peer);
      await rig.advance(100);
      expect([first.outcomes, second.outcomes]).toEqual([1, 0]);
    });

    it('takes both directions over one characteristic, with a UUID of 128 bits', async () => {
      const rig = await open();
      const service = '8d53dc1d1db74cd3868b8a527460aa84';
      const both = 'da2e7828fbce4e01ae9e261174997c48';
      const { peer, device } = await rig.discovered(ADDRESS, {
        services: { [service]: { [both]: ['writeWithoutResponse', 'notify'] } },
      });
      const uuid = '8D53DC1D-1DB7-4CD3-868B-8A527460AA84';
      const pipe = 'DA2E7828-FBCE-4E01-AE9E-261174997C48';
      const observed = rig.connect(peer, { uuid, dataIn: pipe, dataOut: pipe });
      await rig.advance(100);
      observed.link?.send(Uint8Array.of(1), () => {});
      await rig.advance(10);
      rig.bindings.notify_(device, [2], both, service);
      expect([rig.bindings.written.map((octets) => [...octets]), observed.received]).toEqual([[[1]], [[2]]]);
    });
  });

  describe('a link', () => {
    it.each([
      ['has the MTU of the server', 100, 100],
      ['has no more than was asked for', 517, 498],
      ['has no less than ATT allows', 5, 23],
      ['has 23 until the exchange ends', undefined, 23],
    ])('%s', async (_, mtu, expected) => {
      const rig = await open();
      const { link } = await rig.connected(ADDRESS, { mtu });
      expect(link.mtu).toBe(expected);
    });

    it('grows with the MTU, and starts anew with the next connection', async () => {
      const rig = await open();
      const { link, device, peer } = await rig.connected(ADDRESS, { mtu: undefined });
      rig.bindings.emit('onMtu', device.id, 200);
      expect(link.mtu).toBe(200);
      rig.bindings.drop(device);
      const observed = rig.connect(peer);
      await rig.advance(100);
      expect(observed.link?.mtu).toBe(23);
    });

    it('refuses a value that is too long: the libraries would send it', async () => {
      const rig = await open();
      const { link } = await rig.connected(ADDRESS, { mtu: 30 });
      const outcomes: unknown[] = [];
      link.send(new Uint8Array(28), (error) => outcomes.push(error?.code));
      link.send(new Uint8Array(27), (error) => outcomes.push(error?.code));
      await rig.advance(10);
      expect([outcomes, rig.bindings.written.map(({ length }) => length)]).toEqual([
        ['value-too-long', undefined],
        [27],
      ]);
    });

    it('gives the library a Buffer of just the value', async () => {
      const rig = await open();
      const { link } = await rig.connected(ADDRESS);
      link.send(Uint8Array.of(9, 1, 2, 9).subarray(1, 3), () => {});
      await rig.advance(10);
      expect(rig.bindings.written).toEqual([Buffer.from([1, 2])]);
    });

    it('writes one value at a time: the libraries tell all from the first answer', async () => {
      const rig = await open();
      const { link, device } = await rig.connected(ADDRESS);
      const written: number[] = [];
      rig.bindings.write = (_id, _service, _characteristic, data) => void written.push(data[0]!);
      const done: number[] = [];
      for (const n of [1, 2, 3]) link.send(Uint8Array.of(n), () => done.push(n));
      await rig.advance(10);
      expect([written, done]).toEqual([[1], []]);
      rig.bindings.emit('write', device.id, '1828', '2add');
      await rig.advance(10);
      expect([written, done]).toEqual([[1, 2], [1]]);
    });

    it('calls back after send has returned, when there is room, in order', async () => {
      const rig = await open();
      const { link } = await rig.connected(ADDRESS);
      const queue = Array.from({ length: 3 }, () => ({ handle: 1 }));
      rig.bindings._hci = { _aclQueue: queue };
      let called = 0;
      let returned = false;
      for (let i = 0; i < 100; i++) {
        link.send(Uint8Array.of(i), () => {
          expect(returned).toBe(true);
          called++;
        });
      }
      returned = true;
      const write = rig.bindings.write.bind(rig.bindings);
      rig.bindings.write = (...all) => {
        queue.push({ handle: 1 });
        write(...all);
      };
      await rig.advance(50);
      expect([called, queue.length]).toEqual([13, 16]);
      queue.length = 10;
      await rig.advance(50);
      expect([called, queue.length]).toEqual([19, 16]);
      expect(rig.bindings.written.map((octets) => octets[0])).toEqual([...Array(19).keys()]);
    });

    it('goes slowly where the queue of the library cannot be seen', async () => {
      const rig = await open();
      const { link } = await rig.connected(ADDRESS);
      for (let i = 0; i < 100; i++) link.send(Uint8Array.of(i), () => {});
      await rig.advance(75);
      expect(rig.bindings.written.length).toBeGreaterThanOrEqual(18);
      expect(rig.bindings.written.length).toBeLessThanOrEqual(24);
    });

    it('hands over what came before the subscription was answered', async () => {
      const rig = await open();
      const { peer, device } = await rig.discovered(ADDRESS);
      rig.bindings.notify = (id, service, characteristic) => {
        rig.bindings.notify_(device, [1]);
        rig.bindings.emit('notify', id, service, characteristic, true);
        rig.bindings.notify_(device, [2]);
      };
      const observed = rig.connect(peer);
      await rig.advance(100);
      rig.bindings.notify_(device, [3]);
      expect(observed.received).toEqual([[1], [2], [3]]);
    });

    it('tells a disconnection once, and ends what waits', async () => {
      const rig = await open();
      const { link, device, observed } = await rig.connected(ADDRESS);
      rig.bindings.write = () => {};
      const codes: unknown[] = [];
      for (const n of [1, 2]) link.send(Uint8Array.of(n), (error) => codes.push(error?.code));
      await rig.advance(10);
      rig.bindings.drop(device);
      rig.bindings.emit('disconnect', device.id, 8);
      await rig.advance(10);
      link.send(Uint8Array.of(3), (error) => codes.push(error?.code));
      link.disconnect();
      await rig.advance(100_000);
      expect([observed.disconnected, codes]).toEqual([1, ['bearer-closed', 'bearer-closed', 'bearer-closed']]);
      expect(rig.clock.nextAt).toBeUndefined();
    });

    it('disconnects, even if the library never says so', async () => {
      const rig = await open();
      const { link, observed } = await rig.connected(ADDRESS);
      rig.bindings.disconnect = () => {};
      link.disconnect();
      expect(observed.disconnected).toBe(0);
      await rig.advance(5000);
      expect(observed.disconnected).toBe(1);
    });

    it('is asked whether it is there when it has been silent, and goes on when it is', async () => {
      const rig = await open();
      const { observed, device } = await rig.connected(ADDRESS);
      for (let i = 0; i < 4; i++) {
        await rig.advance(50_000);
        rig.bindings.notify_(device, [i]);
      }
      expect(rig.bindings.calls.filter((call) => call.startsWith('ask'))).toEqual([]);
      await rig.advance(3_600_000);
      expect(rig.bindings.calls.filter((call) => call.startsWith('ask')).length).toBeGreaterThan(50);
      expect(observed.disconnected).toBe(0);
    });

    it('is ended when it does not answer to that', async () => {
      const rig = await open();
      const { observed, device } = await rig.connected(ADDRESS);
      rig.bindings.discoverDescriptors = () => {};
      await rig.advance(95_000);
      expect([observed.disconnected, device.connected]).toEqual([1, false]);
    });

    it('is ended when a value is never taken: the queue of the library is blocked', async () => {
      const rig = await open();
      const { link, observed } = await rig.connected(ADDRESS);
      rig.bindings.write = () => {};
      const codes: unknown[] = [];
      link.send(Uint8Array.of(1), (error) => codes.push(error?.code));
      await rig.advance(40_000);
      expect([observed.disconnected, codes]).toEqual([1, ['bearer-closed']]);
    });

    it('is ended when the library throws', async () => {
      const rig = await open();
      const { link, observed } = await rig.connected(ADDRESS);
      rig.bindings.write = () => {
        throw new Error('no such characteristic');
      };
      const codes: unknown[] = [];
      link.send(Uint8Array.of(1), (error) => codes.push(error?.code));
      await rig.advance(5000);
      expect([observed.disconnected, codes]).toEqual([1, ['bearer-closed']]);
    });

    it('connects again after it, as often as it likes', async () => {
      const rig = await open();
      const { peer } = await rig.discovered(ADDRESS);
      for (let i = 0; i < 30; i++) {
        const observed = rig.connect(peer);
        await rig.advance(100);
        observed.link?.disconnect();
        await rig.advance(3000);
        expect([observed.outcomes, observed.disconnected]).toEqual([1, 1]);
      }
      expect(rig.logged).toEqual([]);
    });
  });

  describe('the end', () => {
    it('closing ends scan, attempts, links and timers', async () => {
      const rig = await open();
      const { observed, link } = await rig.connected(ADDRESS);
      const { peer } = await rig.discovered(OTHER);
      rig.discover();
      rig.bindings.connect = () => {};
      const attempt = rig.connect(peer);
      rig.bindings.write = () => {};
      const codes: unknown[] = [];
      link.send(Uint8Array.of(1), (error) => codes.push(error?.code));
      await rig.advance(10);
      rig.bearer.close();
      rig.bearer.close();
      await rig.advance(5000);
      expect([observed.disconnected, codes, attempt.error?.code]).toEqual([1, ['bearer-closed'], 'bearer-closed']);
      expect([rig.bindings.scanning, [...rig.bindings.devices.values()].some(({ connected }) => connected)]).toEqual([
        false,
        false,
      ]);
      const late = rig.connect(peer);
      rig.discover();
      await rig.advance(10);
      expect([late.error?.code, rig.bindings.scanning, rig.clock.nextAt]).toEqual(['bearer-closed', false, undefined]);
      expect(['stateChange', 'discover', 'scanStop'].flatMap((event) => rig.library.listeners(event))).toEqual([]);
    });

    it('is lost when its device is gone, though the library says nothing', async () => {
      let isPresent = true;
      const rig = await new NobleRig(lib).open({ isPresent: () => isPresent });
      const { observed } = await rig.connected(ADDRESS);
      const lost: string[] = [];
      rig.bearer.lost((reason) => lost.push(reason.code));
      await rig.advance(10_000);
      expect(lost).toEqual([]);
      isPresent = false;
      await rig.advance(3000);
      expect([lost, observed.disconnected, rig.clock.nextAt]).toEqual([['bearer-lost'], 1, undefined]);
    });

    it.each(['poweredOff', 'unsupported', 'resetting', 'unauthorized'])(
      'is told when the adapter is %s',
      async (state) => {
        const rig = await open();
        const { observed, peer } = await rig.connected(ADDRESS);
        const lost: string[] = [];
        rig.bearer.lost((reason) => lost.push(reason.code));
        rig.bindings.power(state);
        rig.bindings.power('poweredOn');
        rig.bindings.power(state);
        await rig.advance(5000);
        const late = rig.connect(peer);
        await rig.advance(5000);
        expect([lost, observed.disconnected, late.error?.code]).toEqual([['bearer-lost'], 1, 'bearer-lost']);
        expect(rig.clock.nextAt).toBeUndefined();
      },
    );
  });
});

it('an end during each step of connecting leaves nothing behind', async () => {
  for (let step = 0; step < 60; step++) {
    const rig = await new NobleRig('abandonware').open();
    const { peer, device } = await rig.discovered(ADDRESS);
    let outcomes = 0;
    rig.bearer.central.connect(peer, MESH_PROXY_SERVICE, () => outcomes++);
    for (let i = 0; i < step; i++) await Promise.resolve();
    rig.bearer.close();
    await advance(rig.clock, 60_000);
    expect([step, outcomes, device.connected, rig.clock.nextAt]).toEqual([step, 1, false, undefined]);
  }
});

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}
