import type { Timer } from '@meshferry/core';
import { LE_EVENT, OPCODE, STATUS } from '../codes.ts';
import type { AdvertisingEvent, PduKind } from './emulated-air.ts';
import type { EmulatedController, Handler } from './emulated-controller.ts';

/** Largest random delay that the link layer adds to each interval, ms [Bluetooth Core, Vol 6, Part B, 4.4.2.2]. */
const ADV_DELAY_MS = 10;
const LEGACY_TYPES: readonly PduKind[] = ['ADV_IND', 'ADV_IND', 'ADV_SCAN_IND', 'ADV_NONCONN_IND', 'ADV_IND'];
const LEGACY_PROPERTIES = new Map<number, PduKind>([
  [0x0010, 'ADV_NONCONN_IND'],
  [0x0012, 'ADV_SCAN_IND'],
  [0x0013, 'ADV_IND'],
]);

interface AdvertisingSet {
  readonly handle: number;
  kind: PduKind;
  intervalMs: number;
  /** Own address type: 0 public, 1 random. */
  addressType: number;
  address: Uint8Array | undefined;
  data: Uint8Array;
  scanResponse: Uint8Array;
  /** What is on air, counted up by each enabling; undefined: disabled. */
  run: number | undefined;
  timer: Timer | undefined;
}

/** Legacy advertising, which is one set without a handle, and extended advertising. */
export class Advertising {
  readonly #controller: EmulatedController;
  #legacy: AdvertisingSet = newSet(LEGACY);
  readonly #sets = new Map<number, AdvertisingSet>();
  #runs = 0;

  constructor(controller: EmulatedController) {
    this.#controller = controller;
  }

  get legacyEnabled(): boolean {
    return this.#legacy.run !== undefined;
  }

  get handlers(): [number, Handler][] {
    const legacy: [number, Handler][] = [
      [OPCODE.LE_SET_ADVERTISING_PARAMETERS, (p) => this.#legacyParameters(p)],
      [OPCODE.LE_SET_ADVERTISING_DATA, (p) => this.#legacyData(p, 'data')],
      [OPCODE.LE_SET_SCAN_RESPONSE_DATA, (p) => this.#legacyData(p, 'scanResponse')],
      [OPCODE.LE_SET_ADVERTISING_ENABLE, (p) => this.#legacyEnable(p[0]!)],
    ];
    const extended: [number, Handler][] = [
      [OPCODE.LE_READ_NUMBER_OF_ADVERTISING_SETS, () => Uint8Array.of(this.#controller.options.sets)],
      [OPCODE.LE_SET_EXTENDED_ADVERTISING_PARAMETERS, (p) => this.#parameters(p)],
      [OPCODE.LE_SET_ADVERTISING_SET_RANDOM_ADDRESS, (p) => this.#randomAddress(p)],
      [OPCODE.LE_SET_EXTENDED_ADVERTISING_DATA, (p) => this.#data(p, 'data')],
      [OPCODE.LE_SET_EXTENDED_SCAN_RESPONSE_DATA, (p) => this.#data(p, 'scanResponse')],
      [OPCODE.LE_SET_EXTENDED_ADVERTISING_ENABLE, (p) => this.#enable(p)],
      [OPCODE.LE_REMOVE_ADVERTISING_SET, (p) => this.#remove(p[0]!)],
      [OPCODE.LE_CLEAR_ADVERTISING_SETS, () => this.#clear()],
    ];
    return this.#controller.options.extended ? [...legacy, ...extended] : legacy;
  }

  reset(): void {
    for (const set of [this.#legacy, ...this.#sets.values()]) stop(set);
    this.#legacy = newSet(LEGACY);
    this.#sets.clear();
  }

  #legacyParameters(p: Uint8Array): number {
    const set = this.#legacy;
    if (set.run !== undefined) return STATUS.COMMAND_DISALLOWED;
    const type = p[4]!;
    const interval = word(p, 0);
    const shortest = this.#controller.options.version < 9 && (type === 2 || type === 3) ? 0xa0 : 0x20;
    if (p.length !== 15 || type > 4 || interval < shortest || interval > word(p, 2) || word(p, 2) > 0x4000)
      return STATUS.INVALID_PARAMETERS;
    set.kind = LEGACY_TYPES[type]!;
    set.intervalMs = interval * 0.625;
    set.addressType = p[5]!;
    return STATUS.SUCCESS;
  }

  #legacyData(p: Uint8Array, what: 'data' | 'scanResponse'): number {
    if (p.length !== 32 || p[0]! > 31) return STATUS.INVALID_PARAMETERS;
    this.#legacy[what] = p.slice(1, 1 + p[0]!);
    return STATUS.SUCCESS;
  }

  #legacyEnable(enable: number): number {
    const set = this.#legacy;
    if (enable === 0) {
      stop(set);
      return STATUS.SUCCESS;
    }
    set.address = this.#controller.randomAddress;
    if (set.addressType === 1 && set.address === undefined) return STATUS.INVALID_PARAMETERS;
    this.#start(set, 0);
    return STATUS.SUCCESS;
  }

  #parameters(p: Uint8Array): number {
    const handle = p[0]!;
    const set = this.#sets.get(handle) ?? newSet(handle);
    if (set.run !== undefined) return STATUS.COMMAND_DISALLOWED;
    const interval = p[3]! | (p[4]! << 8) | (p[5]! << 16);
    if (p.length !== 25 || interval < 0x20) return STATUS.INVALID_PARAMETERS;
    if (!this.#sets.has(handle) && this.#sets.size >= this.#controller.options.sets) return STATUS.MEMORY_EXCEEDED;
    set.kind = LEGACY_PROPERTIES.get(word(p, 1)) ?? 'ADV_EXT_IND';
    set.intervalMs = interval * 0.625;
    set.addressType = p[10]!;
    this.#sets.set(handle, set);
    return STATUS.SUCCESS;
  }

  #randomAddress(p: Uint8Array): number {
    const set = this.#sets.get(p[0]!);
    if (set === undefined) return STATUS.UNKNOWN_ADVERTISING_SET;
    if (set.run !== undefined) return STATUS.COMMAND_DISALLOWED;
    set.address = p.slice(1, 7);
    return STATUS.SUCCESS;
  }

  #data(p: Uint8Array, what: 'data' | 'scanResponse'): number {
    const set = this.#sets.get(p[0]!);
    if (set === undefined) return STATUS.UNKNOWN_ADVERTISING_SET;
    if (p[1] !== 3 || p[3] !== p.length - 4 || p[3]! > 31) return STATUS.INVALID_PARAMETERS;
    set[what] = p.slice(4);
    return STATUS.SUCCESS;
  }

  #enable(p: Uint8Array): number | Uint8Array {
    const [enable, count = 0] = p;
    if (p.length !== 2 + 4 * count || (enable === 1 && count === 0)) return STATUS.INVALID_PARAMETERS;
    if (enable === 0 && count === 0) for (const set of this.#sets.values()) stop(set);
    for (let at = 2; at < p.length; at += 4) {
      const set = this.#sets.get(p[at]!);
      if (set === undefined) return STATUS.UNKNOWN_ADVERTISING_SET;
      if (enable === 0) stop(set);
      else if (set.addressType === 1 && set.address === undefined) return STATUS.INVALID_PARAMETERS;
      else this.#start(set, p[at + 3]!);
    }
    return STATUS.SUCCESS;
  }

  #remove(handle: number): number {
    const set = this.#sets.get(handle);
    if (set === undefined) return STATUS.UNKNOWN_ADVERTISING_SET;
    if (set.run !== undefined) return STATUS.COMMAND_DISALLOWED;
    this.#sets.delete(handle);
    return STATUS.SUCCESS;
  }

  #clear(): number {
    for (const set of this.#sets.values()) if (set.run !== undefined) return STATUS.COMMAND_DISALLOWED;
    this.#sets.clear();
    return STATUS.SUCCESS;
  }

  #start(set: AdvertisingSet, maxEvents: number): void {
    stop(set);
    const run = ++this.#runs;
    set.run = run;
    const { random } = this.#controller.air;
    this.#next(set, run, random.uniform() * this.#controller.options.firstEventMs, 1, maxEvents);
  }

  /** One advertising event after `ms`, then the next one or the end. */
  #next(set: AdvertisingSet, run: number, ms: number, number: number, maxEvents: number): void {
    const controller = this.#controller;
    const { random } = controller.air;
    set.timer = controller.later(ms, () => {
      const connected = (by: EmulatedController) => {
        if (set.run !== run) return;
        stop(set);
        const handle = controller.connections.accept(by);
        if (set.handle !== LEGACY) this.#terminated(set, STATUS.SUCCESS, handle, number);
      };
      controller.air.transmit(this.#event(set, connected), () => {
        if (set.run !== run || number !== maxEvents) return;
        stop(set);
        this.#terminated(set, STATUS.LIMIT_REACHED, 0, number);
      });
      const interval = set.intervalMs + random.uniform() * ADV_DELAY_MS;
      if (number !== maxEvents) this.#next(set, run, interval, number + 1, maxEvents);
    });
  }

  #event(set: AdvertisingSet, connected: AdvertisingEvent['connected']): AdvertisingEvent {
    const { publicAddress } = this.#controller;
    const address = set.addressType === 1 ? set.address! : publicAddress;
    const { kind, addressType, data, scanResponse } = set;
    return { from: this.#controller, kind, addressType, address, data, scanResponse, connected };
  }

  #terminated({ handle }: AdvertisingSet, status: number, connection: number, events: number): void {
    const { faults } = this.#controller;
    if (faults.lostTerminations > 0) faults.lostTerminations--;
    else {
      const parameters = [status, handle, connection & 0xff, connection >> 8, events];
      this.#controller.leEvent(LE_EVENT.ADVERTISING_SET_TERMINATED, parameters);
    }
  }
}

const LEGACY = -1;

function newSet(handle: number): AdvertisingSet {
  const nothing = new Uint8Array();
  return {
    handle,
    kind: 'ADV_IND',
    intervalMs: 1280,
    addressType: 0,
    address: undefined,
    data: nothing,
    scanResponse: nothing,
    run: undefined,
    timer: undefined,
  };
}

function stop(set: AdvertisingSet): void {
  set.run = undefined;
  set.timer?.cancel();
  set.timer = undefined;
}

function word(octets: Uint8Array, at: number): number {
  return octets[at]! | (octets[at + 1]! << 8);
}
