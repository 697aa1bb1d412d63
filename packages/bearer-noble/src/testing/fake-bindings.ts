import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { NobleLibrary } from '../noble-api.ts';
import { LIBRARIES, type LibraryName } from '../uri.ts';

const require = createRequire(import.meta.url);

/** The libraries that are installed here: both, but where one of them does not know the system. */
export const BOTH: readonly LibraryName[] = (['abandonware', 'stoprocent'] as const).filter((lib) => {
  try {
    require.resolve(LIBRARIES[lib]);
    return true;
  } catch {
    console.warn(`${LIBRARIES[lib]} is not installed: it is not tested`);
    return false;
  }
});

/** A real library over bindings of our own: no native code is loaded. */
export function libraryOver(lib: LibraryName, bindings: EventEmitter): NobleLibrary {
  if (lib === 'abandonware') return require(`${LIBRARIES[lib]}/with-bindings.js`)(bindings);
  const Noble = require(`${LIBRARIES[lib]}/lib/noble.js`);
  return new Noble(bindings);
}

/** A device that {@link FakeBindings} know. */
export interface FakeDevice {
  readonly id: string;
  readonly address: string;
  connectable: boolean;
  serviceData: { uuid: string; data: Buffer }[];
  rssi: number;
  /** Services, their characteristics and the properties of those. */
  services: Record<string, Record<string, string[]>>;
  /** Answer to the exchange of the MTU; undefined: none comes. */
  mtu: number | undefined;
  connected: boolean;
}

/**
 * What stands below both libraries, as an EventEmitter: a controller with devices that behave. Each method of the
 * bindings can be replaced in a test, to behave as the real ones do when things go wrong.
 */
export class FakeBindings extends EventEmitter {
  readonly devices = new Map<string, FakeDevice>();
  /** Calls in order: the method and what it was for. */
  readonly calls: string[] = [];
  readonly written: Buffer[] = [];
  scanning = false;
  state = 'poweredOn';
  /** ACL queue of the host, as the real bindings have it; undefined: as those of macOS. */
  _hci: { _aclQueue: { handle: number }[]; _socket?: EventEmitter } | undefined;

  init(): void {
    this.power(this.state);
  }

  /** The name of {@link init} in the other library. */
  start(): void {
    this.init();
  }

  power(state: string): void {
    this.state = state;
    this.emit('stateChange', state);
  }

  proxy(address: string, change: Partial<FakeDevice> = {}): FakeDevice {
    const id = address.replaceAll(':', '');
    const device: FakeDevice = {
      id,
      address,
      connectable: true,
      serviceData: [{ uuid: '1828', data: Buffer.from([0, 1, 2, 3, 4, 5, 6, 7, 8]) }],
      rssi: -50,
      services: { '1828': { '2add': ['writeWithoutResponse'], '2ade': ['notify'] } },
      mtu: 247,
      connected: false,
      ...change,
    };
    this.devices.set(id, device);
    return device;
  }

  advertise(device: FakeDevice): void {
    const { id, address, connectable, serviceData, rssi } = device;
    if (!this.scanning) return;
    this.emit('discover', id, address, 'random', connectable, { serviceData, serviceUuids: [] }, rssi, false);
  }

  notify_(device: FakeDevice, value: readonly number[], characteristic = '2ade', service = '1828'): void {
    this.emit('read', device.id, service, characteristic, Buffer.from(value), true);
  }

  drop(device: FakeDevice): void {
    if (!device.connected) return;
    device.connected = false;
    this.emit('disconnect', device.id, 8);
  }

  startScanning(services: string[]): void {
    this.calls.push(`scan ${services.join()}`);
    this.scanning = true;
    queueMicrotask(() => this.emit('scanStart', false));
  }

  stopScanning(): void {
    this.calls.push('stop scanning');
    this.scanning = false;
    queueMicrotask(() => this.emit('scanStop'));
  }

  connect(id: string, _parameters?: unknown): void {
    this.calls.push(`connect ${id}`);
    queueMicrotask(() => this.accept(id));
  }

  accept(id: string): void {
    const device = this.devices.get(id);
    if (device === undefined) return;
    device.connected = true;
    this.emit('connect', id, null);
    queueMicrotask(() => device.mtu !== undefined && this.emit('onMtu', id, device.mtu));
  }

  cancelConnect(id: string): void {
    this.calls.push(`cancel ${id}`);
    queueMicrotask(() => this.emit('connect', id, new Error('Unknown Connection Identifier (0x2)')));
  }

  disconnect(id: string): void {
    this.calls.push(`disconnect ${id}`);
    const device = this.devices.get(id);
    if (device !== undefined) queueMicrotask(() => this.drop(device));
  }

  discoverServices(id: string, uuids: string[]): void {
    const device = this.devices.get(id)!;
    const found = Object.keys(device.services).filter((uuid) => uuids.includes(uuid));
    queueMicrotask(() => this.emit('servicesDiscover', id, found));
  }

  discoverCharacteristics(id: string, service: string, uuids: string[]): void {
    const all = Object.entries(this.devices.get(id)!.services[service]!);
    const found = all.filter(([uuid]) => uuids.includes(uuid)).map(([uuid, properties]) => ({ uuid, properties }));
    queueMicrotask(() => this.emit('characteristicsDiscover', id, service, found));
  }

  notify(id: string, service: string, characteristic: string, on: boolean): void {
    queueMicrotask(() => this.emit('notify', id, service, characteristic, on));
  }

  write(id: string, service: string, characteristic: string, data: Buffer, withoutResponse: boolean): void {
    if (!withoutResponse) throw new Error('a write with response');
    data.readUInt8(0); // What the real ones do: a Uint8Array has no such method.
    this.written.push(data);
    this.emit('write', id, service, characteristic);
  }

  discoverDescriptors(id: string, service: string, characteristic: string): void {
    this.calls.push(`ask ${id}`);
    queueMicrotask(() => this.emit('descriptorsDiscover', id, service, characteristic, ['2902']));
  }
}
