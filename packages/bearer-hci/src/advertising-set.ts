import { concat } from '@meshferry/core';
import { OPCODE } from './codes.ts';
import type { Command } from './procedure.ts';

/** What a set shall send. */
export interface Advertisement {
  /** Whole advertising data, at most 31 octets. */
  readonly data: Uint8Array;
  /** Connectable with this scan response; undefined: neither connectable nor scannable. */
  readonly scanResponse: Uint8Array | undefined;
  /** Advertising events; 0: until it is stopped or somebody connects. */
  readonly count: number;
  readonly intervalMs: number;
  /** A new address first, where that is possible without a pause in scanning. */
  readonly newAddress: boolean;
}

/** When an advertisement was on air, clock times in ms; or why not: the status of a command (`STATUS.NO_ANSWER`: reset). */
export type SetOutcome = { readonly start: number; readonly end: number } | { readonly refused: number };

/** Something that sends one advertisement at a time: a set of extended advertising, or all of legacy advertising. */
export interface AdvertisingSet {
  /** `ended` is called once, not before this returned unless the controller is gone. */
  send(advertisement: Advertisement, ended: (outcome: SetOutcome) => void): void;
  /** Ends what is being sent early; `ended` follows. */
  stop(): void;
  /** The controller has ended it by itself: all sent, or somebody has connected. */
  terminated(): void;
  /** The controller has forgotten everything. `ended` is not called any more. */
  forget(): void;
}

/** What all sets of a controller have learnt about it. */
export interface Manners {
  /** Shortest interval that it takes, ms. */
  minIntervalMs: number;
  /** Whether it takes a number of events to send. */
  takesMaxEvents: boolean;
  /** Advertising Set Terminated events in a row that did not come. */
  missedTerminations: number;
  /** Own_Address_Type. */
  ownType: number;
}

/** Largest random delay added to an interval, ms. */
export const ADV_DELAY_MS = 10;
/** By then an event has begun that was due; one that has begun is finished, ms. */
const BEGUN_MS = 2;

/**
 * By then `count` events have been sent, counted from the answer to Enable: the first comes within 10 ms, or an interval
 * later when it was enabled in quick succession.
 */
export function sentBy(count: number, intervalMs: number): number {
  return count * (intervalMs + ADV_DELAY_MS) + BEGUN_MS;
}

/** Which intervals there are, in units of 0.625 ms. */
const MIN_INTERVAL = 0x20;
const MAX_INTERVAL = 0x4000;

export function intervalUnits(intervalMs: number): number {
  return Math.min(MAX_INTERVAL, Math.max(MIN_INTERVAL, Math.ceil(intervalMs / 0.625)));
}

/** Advertising data as the legacy commands want it: always 32 octets. */
export function legacyData(opcode: number, data: Uint8Array): Command {
  const parameters = new Uint8Array(32);
  parameters[0] = data.length;
  parameters.set(data, 1);
  return [opcode, parameters];
}

/** Advertising data of a set, complete. */
export function setData(opcode: number, handle: number, data: Uint8Array): Command {
  return [opcode, concat(Uint8Array.of(handle, 3, 1, data.length), data)];
}

/** LE Set Extended Advertising Enable of one set. */
export function enableSet(handle: number, enable: boolean, maxEvents: number): Command {
  return [OPCODE.LE_SET_EXTENDED_ADVERTISING_ENABLE, Uint8Array.of(enable ? 1 : 0, 1, handle, 0, 0, maxEvents)];
}
