import { toHex } from '@meshferry/core';
import { LE_EVENT, OPCODE, STATUS } from '../codes.ts';
import type { AdvertisingEvent, PduKind } from './emulated-air.ts';
import type { EmulatedController, Handler } from './emulated-controller.ts';

type Reported = PduKind | 'SCAN_RSP';

const LEGACY_EVENT: Readonly<Record<Exclude<Reported, 'ADV_EXT_IND'>, number>> = {
  ADV_IND: 0,
  ADV_SCAN_IND: 2,
  ADV_NONCONN_IND: 3,
  SCAN_RSP: 4,
};
const EXTENDED_EVENT: Readonly<Record<Reported, number>> = {
  ADV_IND: 0x13,
  ADV_SCAN_IND: 0x12,
  ADV_NONCONN_IND: 0x10,
  SCAN_RSP: 0x1b,
  ADV_EXT_IND: 0x00,
};

/** Legacy and extended scanning: a report for each PDU, in the form that belongs to the commands used. */
export class Scanning {
  readonly #controller: EmulatedController;
  enabled = false;
  #extended = false;
  #active = false;
  #ownType = 0;
  #filter = false;
  #duty = 0;
  readonly #seen = new Set<string>();

  constructor(controller: EmulatedController) {
    this.#controller = controller;
  }

  /** Scan window by scan interval. */
  get duty(): number {
    return this.#duty;
  }

  /** Whether it asks for scan responses. */
  get active(): boolean {
    return this.#active;
  }

  get handlers(): [number, Handler][] {
    const legacy: [number, Handler][] = [
      [OPCODE.LE_SET_SCAN_PARAMETERS, (p) => this.#parameters(p, 7, p[0]!, p[5]!, word(p, 1), word(p, 3))],
      [OPCODE.LE_SET_SCAN_ENABLE, (p) => this.#enable(p, 2, false)],
    ];
    const extended: [number, Handler][] = [
      [OPCODE.LE_SET_EXTENDED_SCAN_PARAMETERS, (p) => this.#parameters(p, 8, p[3]!, p[0]!, word(p, 4), word(p, 6))],
      [OPCODE.LE_SET_EXTENDED_SCAN_ENABLE, (p) => this.#enable(p, 6, true)],
    ];
    return this.#controller.options.extended ? [...legacy, ...extended] : legacy;
  }

  reset(): void {
    this.enabled = false;
    this.#active = false;
    this.#seen.clear();
  }

  hear({ kind, addressType, address, data, scanResponse }: AdvertisingEvent, rssi: number): void {
    if (!this.enabled) return;
    this.report(kind, addressType, address, data, rssi);
    if (this.#active && (kind === 'ADV_IND' || kind === 'ADV_SCAN_IND'))
      this.report('SCAN_RSP', addressType, address, scanResponse, rssi);
  }

  report(kind: Reported, addressType: number, address: Uint8Array, data: Uint8Array, rssi: number): void {
    if (!this.enabled || (kind === 'ADV_EXT_IND' && !this.#extended)) return;
    if (this.#filter) {
      // As many controllers do: by the address alone, so that mesh traffic is lost.
      const key = `${kind} ${toHex(address)}`;
      if (this.#seen.has(key)) return;
      this.#seen.add(key);
    }
    if (!this.#extended && kind !== 'ADV_EXT_IND') {
      const report = [1, LEGACY_EVENT[kind], addressType, ...address, data.length, ...data, rssi & 0xff];
      this.#controller.leEvent(LE_EVENT.ADVERTISING_REPORT, report);
      return;
    }
    const event = EXTENDED_EVENT[kind];
    const radio = [1, 0, 0xff, 0x7f, rssi & 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const report = [1, event, 0, addressType, ...address, ...radio, data.length, ...data];
    this.#controller.leEvent(LE_EVENT.EXTENDED_ADVERTISING_REPORT, report);
  }

  #parameters(p: Uint8Array, length: number, type: number, ownType: number, interval: number, window: number): number {
    if (this.enabled) return STATUS.COMMAND_DISALLOWED;
    if (p.length !== length || type > 1 || interval < 4 || window > interval || window < 4)
      return STATUS.INVALID_PARAMETERS;
    this.#active = type === 1;
    this.#ownType = ownType;
    this.#duty = window / interval;
    return STATUS.SUCCESS;
  }

  #enable(p: Uint8Array, length: number, extended: boolean): number {
    if (p.length !== length || p[0]! > 1) return STATUS.INVALID_PARAMETERS;
    const enable = p[0] === 1;
    if (enable && this.#ownType === 1 && this.#controller.randomAddress === undefined) return STATUS.INVALID_PARAMETERS;
    this.enabled = enable;
    this.#extended = extended;
    this.#filter = p[1] === 1;
    this.#seen.clear();
    return STATUS.SUCCESS;
  }
}

function word(octets: Uint8Array, at: number): number {
  return octets[at]! | (octets[at + 1]! << 8);
}
