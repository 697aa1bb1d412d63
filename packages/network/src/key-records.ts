import type { AppIndex, NetIndex, Store, Write } from '@meshferry/core';
import type { AppKeyMaterial, NetKeyMaterial } from './key-material.ts';

// Keys in the store. `netkey/xxx`: Phase (1) ‖ key (16) [‖ new key (16)]; `appkey/xxx`: NetKey Index (2) ‖ key (16)
// [‖ new key (16)]. xxx is the key index in hex.

/** Key Refresh Phase of a subnet [Mesh Protocol 1.1, 3.11.4]; phase 3 is the step back to 0. */
export type KeyRefreshPhase = 0 | 1 | 2;

/** A subnet of this node. */
export interface NetKeyState {
  readonly phase: KeyRefreshPhase;
  /** The value in use; in a Key Refresh the old one, unless the node joined in its course and has the new one only. */
  readonly current: NetKeyMaterial;
  /** The new value, in a Key Refresh. */
  readonly next?: NetKeyMaterial;
}

/** An AppKey of this node. */
export interface AppKeyState {
  readonly current: AppKeyMaterial;
  /** The new value, in a Key Refresh that renews this key as well. */
  readonly next?: AppKeyMaterial;
}

const NET_PREFIX = 'netkey/';
const APP_PREFIX = 'appkey/';
const KEY_OCTETS = 16;

/** The change of the store for the new state of a NetKey; undefined removes it. */
export function netKeyWrite(index: NetIndex, state: NetKeyState | undefined): Write {
  return [NET_PREFIX + hex3(index), state === undefined ? null : record(Uint8Array.of(state.phase), state)];
}

/** The same for an AppKey. */
export function appKeyWrite(index: AppIndex, state: AppKeyState | undefined): Write {
  if (state === undefined) return [APP_PREFIX + hex3(index), null];
  const { netIndex } = state.current;
  return [APP_PREFIX + hex3(index), record(Uint8Array.of(netIndex >> 8, netIndex), state)];
}

/** A key as the store has it. */
export interface KeyRecord {
  readonly index: number;
  /** Phase of a NetKey, NetKey Index of an AppKey. */
  readonly head: number;
  readonly current: Uint8Array;
  readonly next: Uint8Array | undefined;
}

export function readNetKeys(store: Store): KeyRecord[] {
  return readKeys(store, NET_PREFIX, 1).filter(({ head }) => head <= 2);
}

export function readAppKeys(store: Store): KeyRecord[] {
  return readKeys(store, APP_PREFIX, 2);
}

function readKeys(store: Store, prefix: string, headOctets: number): KeyRecord[] {
  const records: KeyRecord[] = [];
  for (const key of store.keys(prefix)) {
    const octets = store.get(key);
    const values = octets === undefined ? 0 : (octets.length - headOctets) / KEY_OCTETS;
    if (octets === undefined || (values !== 1 && values !== 2)) continue;
    const second = headOctets + KEY_OCTETS;
    records.push({
      index: Number.parseInt(key.slice(prefix.length), 16),
      head: headOctets === 1 ? octets[0]! : (octets[0]! << 8) | octets[1]!,
      current: octets.slice(headOctets, second),
      next: values === 2 ? octets.slice(second) : undefined,
    });
  }
  return records;
}

function record(head: Uint8Array, { current, next }: NetKeyState | AppKeyState): Uint8Array {
  const octets = new Uint8Array(head.length + KEY_OCTETS * (next === undefined ? 1 : 2));
  octets.set(head);
  octets.set(current.key, head.length);
  if (next !== undefined) octets.set(next.key, head.length + KEY_OCTETS);
  return octets;
}

function hex3(index: number): string {
  return index.toString(16).padStart(3, '0');
}
