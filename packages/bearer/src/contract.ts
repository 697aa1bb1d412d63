import type { Cancel, MeshError, Unsubscribe } from '@meshferry/core';
import type { GattCentral, GattPeripheral } from './gatt.ts';

/** One AD structure of an advertisement: its type (0x29 PB-ADV, 0x2A Mesh Message, 0x2B Mesh Beacon) and its data. */
export interface AdStructure {
  readonly type: number;
  /** At most 29 octets. The receiver must not change it. */
  readonly data: Uint8Array;
}

export const AD_PB_ADV = 0x29;
export const AD_MESH_MESSAGE = 0x2a;
export const AD_MESH_BEACON = 0x2b;

/** How often one AD structure is sent and how far apart the starts are (the bearer may use a longer interval). */
export interface Transmit {
  /** Advertising events, 1 or more. */
  readonly count: number;
  readonly intervalMs: number;
}

/** One AD structure as it was heard. */
export interface Heard extends AdStructure {
  /** Received signal strength in dBm; 127 where the radio does not tell. */
  readonly rssi: number;
  /** Clock time at the end of its reception, ms. */
  readonly at: number;
}

/** When an AD structure was on air: start of its first event, end of its last, clock times in ms. */
export interface Sent {
  readonly start: number;
  readonly end: number;
}

/**
 * The advertising capability of a bearer. Structures go out in the order of `send`, as many at a time as there are
 * advertising sets; `done` is called exactly once for each, also when the bearer closes (with code `bearer-closed`),
 * but never before `send` returned, and not any more once the returned Cancel was called.
 */
export interface Advertising {
  /** Advertising sets that can be on air in parallel, 1 or more. */
  readonly sets: number;
  /** Shortest advertising interval in ms. */
  readonly minIntervalMs: number;
  /** Rejects (through `done`) data of more than 29 octets with `ad-too-long`. */
  send(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel;
  /** `heard` is called for every received structure of the given types; own ones are not heard. */
  receive(types: readonly number[], heard: (ad: Heard) => void): Unsubscribe;
}

/** What a bearer plugin gives: one capability or more. */
export interface Bearer {
  readonly advertising?: Advertising;
  readonly central?: GattCentral;
  readonly peripheral?: GattPeripheral;
  /**
   * `lost` is called once when the radio goes without being asked to: unplugged, reset for good, taken away. Everything
   * under way has then ended with `bearer-lost`; the bearer is closed, and a new one can be opened. Left out by bearers that
   * cannot be lost.
   */
  lost?(lost: (reason: MeshError) => void): Unsubscribe;
  /** Ends all that is under way with `bearer-closed`; returns when no timer or handle is left, or is about to be gone. */
  close(): void;
}
