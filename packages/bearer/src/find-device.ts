import { type Cancel, type Clock, MeshError, type Timer } from '@meshferry/core';
import type { GattCentral, GattDevice, GattUuid } from './gatt.ts';
import { printGattUuid, sameGattUuid } from './gatt-uuid.ts';

/** Which device is looked for: all that is given must hold. */
export interface DeviceWanted {
  /** Its address, or the handle of a peer where there are no addresses; upper or lower case. */
  readonly address?: string;
  /** Its name or a part of it; upper or lower case. */
  readonly name?: string;
  /** A service that it advertises; not every device advertises all that it has. */
  readonly service?: GattUuid;
  /** How long it is looked for, ms. */
  readonly timeoutMs: number;
}

/** When one that fits was heard, others that fit as well have this time to be heard, ms. An address has no second. */
const CHOICE_MS = 500;
/** Devices that an error names. */
const MOST_NAMED = 8;

/**
 * Looks for a connectable device; `done` is called once, never before `findDevice` returned and not any more once
 * cancelled, with the one whose name is exactly the one wanted, else with the one heard best. With `device-not-found`, which
 * names what was heard instead, or `scan-not-supported`.
 *
 * ```ts
 * findDevice(central, clock, { name: 'Zephyr', timeoutMs: 10_000 }, (found) => {
 *   if (!(found instanceof MeshError)) central.connect(found.peer, service, connected);
 * });
 * ```
 */
export function findDevice(
  central: GattCentral,
  clock: Clock,
  wanted: DeviceWanted,
  done: (outcome: GattDevice | MeshError) => void,
): Cancel {
  if (central.scan === undefined) {
    const timer = clock.after(0, () => done(notSupported()));
    return () => timer.cancel();
  }
  const heard = new Map<string, GattDevice>();
  const fitting = new Map<string, GattDevice>();
  let settled: Timer | undefined;
  const end = (outcome: () => GattDevice | MeshError) => {
    stop();
    timer.cancel();
    settled?.cancel();
    done(outcome());
  };
  const timer = clock.after(wanted.timeoutMs, () =>
    end(() => best(fitting.values(), wanted) ?? notFound(wanted, [...heard.values()])),
  );
  const stop = central.scan((device) => {
    heard.set(device.peer, device);
    if (!device.connectable || !fits(device, wanted)) return;
    fitting.set(device.peer, device);
    const waitMs = wanted.address === undefined ? CHOICE_MS : 0;
    settled ??= clock.after(waitMs, () => end(() => best(fitting.values(), wanted)!));
  });
  return () => {
    stop();
    timer.cancel();
    settled?.cancel();
  };
}

function fits({ peer, address, name, services }: GattDevice, wanted: DeviceWanted): boolean {
  if (wanted.address !== undefined && !isAddress(wanted.address, address, peer)) return false;
  if (wanted.name !== undefined && !(name ?? '').toLowerCase().includes(wanted.name.toLowerCase())) return false;
  const { service } = wanted;
  return service === undefined || services.some((each) => sameGattUuid(each, service));
}

function isAddress(wanted: string, address: string | null, peer: string): boolean {
  const bare = (text: string) => text.replaceAll(/[:-]/g, '').toLowerCase();
  return bare(wanted) === bare(address ?? peer) || bare(wanted) === bare(peer);
}

/** The one of exactly this name, else the strongest. */
function best(devices: Iterable<GattDevice>, { name }: DeviceWanted): GattDevice | undefined {
  const isExact = (device: GattDevice) => name !== undefined && device.name === name;
  const order = (a: GattDevice, b: GattDevice) => Number(isExact(b)) - Number(isExact(a)) || b.rssi - a.rssi;
  return [...devices].sort(order)[0];
}

function notFound(wanted: DeviceWanted, heard: readonly GattDevice[]): MeshError {
  const { address, name, service, timeoutMs } = wanted;
  const what = [
    address === undefined ? [] : `the address ${address}`,
    name === undefined ? [] : `a name with "${name}"`,
    service === undefined ? [] : `the service ${printGattUuid(service)}`,
  ].flat();
  const kind = what.length === 0 ? 'connectable device' : `connectable device with ${what.join(' and ')}`;
  const others = [...heard].sort((a, b) => Number(b.connectable) - Number(a.connectable) || b.rssi - a.rssi);
  const named = others.slice(0, MOST_NAMED).map(printDevice).join(', ');
  const more = others.length > MOST_NAMED ? ` and ${others.length - MOST_NAMED} more` : '';
  const instead = others.length === 0 ? 'nothing was heard at all' : `heard were ${named}${more}`;
  return new MeshError('device-not-found', `no ${kind} within ${timeoutMs / 1000} s; ${instead}`, {
    hint:
      others.length === 0
        ? 'See that the device is on, near and advertising, and that no phone is connected to it.'
        : 'Name one of these; or see that the device is on, near and advertising, and that no phone is connected to it.',
  });
}

function printDevice({ peer, address, name, rssi, connectable }: GattDevice): string {
  const called = name === null ? '' : ` "${name}"`;
  return `${address ?? peer}${called} (${rssi} dBm${connectable ? '' : ', not connectable'})`;
}

function notSupported(): MeshError {
  return new MeshError('scan-not-supported', 'this bearer cannot look for devices', {
    hint: 'Use another bearer (hci:, noble:), or name the peer as the bearer knows it.',
  });
}
