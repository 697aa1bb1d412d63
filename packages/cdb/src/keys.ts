import { type AppIndex, MeshError, type NetIndex } from '@meshferry/core';
import { change, refused, unknown } from './change.ts';
import { keyHex } from './forms.ts';
import type { AppKeyEntry, NetKeyEntry, NetworkDocument, Timestamp } from './model.ts';

/** A NetKey to be added. */
export interface NewNetKey {
  readonly name: string;
  /** 0 to 4095. */
  readonly index: NetIndex;
  /** 16 random octets. */
  readonly key: Uint8Array;
  /** When it was made. */
  readonly timestamp: Timestamp;
}

/** An AppKey to be added. */
export interface NewAppKey {
  readonly name: string;
  readonly index: AppIndex;
  /** 16 random octets. */
  readonly key: Uint8Array;
  readonly boundNetKey: NetIndex;
}

/** The document with one more NetKey; throws `key-index-taken`, `bad-key-index`. */
export function addNetKey(document: NetworkDocument, { name, index, key, timestamp }: NewNetKey): NetworkDocument {
  requireFreeIndex(document.netKeys, index, 'NetKey');
  const entry: NetKeyEntry = { name, index, key: keyHex(key), phase: 0, minSecurity: 'secure', timestamp };
  return change(document, { netKeys: [...document.netKeys, entry] });
}

/** The document with one more AppKey; throws `key-index-taken`, `bad-key-index`, `unknown-netkey`. */
export function addAppKey(document: NetworkDocument, { name, index, key, boundNetKey }: NewAppKey): NetworkDocument {
  requireFreeIndex(document.appKeys, index, 'AppKey');
  requireNetKey(document, boundNetKey);
  const entry: AppKeyEntry = { name, index, boundNetKey, key: keyHex(key) };
  return change(document, { appKeys: [...document.appKeys, entry] });
}

/** The document with other names for keys. Throws `unknown-netkey`. */
export function renameNetKey(document: NetworkDocument, index: NetIndex, name: string): NetworkDocument {
  return withNetKey(document, index, (key) => change(key, { name }));
}

/** Throws `unknown-appkey`. */
export function renameAppKey(document: NetworkDocument, index: AppIndex, name: string): NetworkDocument {
  const before = requireAppKey(document, index);
  return change(document, { appKeys: document.appKeys.map((key) => (key === before ? change(key, { name }) : key)) });
}

/** The document without a NetKey; throws `key-in-use` while a node has it or an AppKey is bound to it, and for the last one. */
export function removeNetKey(document: NetworkDocument, index: NetIndex): NetworkDocument {
  const before = requireNetKey(document, index);
  const node = document.nodes.find(({ netKeys }) => netKeys.some((key) => key.index === index));
  if (node !== undefined) throw inUse('NetKey', index, `node ${node.unicastAddress} has it`);
  const bound = document.appKeys.find(({ boundNetKey }) => boundNetKey === index);
  if (bound !== undefined) throw inUse('NetKey', index, `AppKey ${bound.index} is bound to it`);
  if (document.netKeys.length === 1) throw inUse('NetKey', index, 'it is the only one of the network');
  return change(document, { netKeys: document.netKeys.filter((key) => key !== before) });
}

/** The document without an AppKey; throws `key-in-use` while a node has it. */
export function removeAppKey(document: NetworkDocument, index: AppIndex): NetworkDocument {
  const before = requireAppKey(document, index);
  const node = document.nodes.find(({ appKeys }) => appKeys.some((key) => key.index === index));
  if (node !== undefined) throw inUse('AppKey', index, `node ${node.unicastAddress} has it`);
  return change(document, { appKeys: document.appKeys.filter((key) => key !== before) });
}

/** The smallest index that no key has; throws `key-index-taken` when there is none. */
export function freeKeyIndex(keys: readonly { readonly index: number }[]): number {
  const taken = new Set(keys.map(({ index }) => index));
  for (let index = 0; index <= 4095; index++) if (!taken.has(index)) return index;
  throw new MeshError('key-index-taken', 'all 4096 key indexes are taken', {
    hint: 'Remove a key that is not in use.',
  });
}

/** Throws `unknown-netkey`. */
export function requireNetKey({ netKeys }: NetworkDocument, index: NetIndex): NetKeyEntry {
  const found = netKeys.find((key) => key.index === index);
  if (found !== undefined) return found;
  throw unknown('NetKey', `${index}`, `It has ${netKeys.map((key) => `${key.index} ("${key.name}")`).join(', ')}.`);
}

/** Throws `unknown-appkey`. */
export function requireAppKey({ appKeys }: NetworkDocument, index: AppIndex): AppKeyEntry {
  const found = appKeys.find((key) => key.index === index);
  if (found !== undefined) return found;
  const list = appKeys.map((key) => `${key.index} ("${key.name}")`).join(', ');
  throw unknown('AppKey', `${index}`, list === '' ? 'It has none: add one first.' : `It has ${list}.`);
}

/** The document with what `to` makes of a NetKey. */
export function withNetKey(
  document: NetworkDocument,
  index: NetIndex,
  to: (key: NetKeyEntry) => NetKeyEntry,
): NetworkDocument {
  const before = requireNetKey(document, index);
  return change(document, { netKeys: document.netKeys.map((key) => (key === before ? to(key) : key)) });
}

function requireFreeIndex(keys: readonly { readonly index: number }[], index: number, what: string): void {
  if (!Number.isInteger(index) || index < 0 || index > 4095) {
    throw refused('bad-key-index', `${what} index ${index} is not 0 to 4095`, 'Ask freeKeyIndex for one.');
  }
  if (!keys.some((key) => key.index === index)) return;
  throw refused('key-index-taken', `the network has ${what} ${index} already`, 'Ask freeKeyIndex for another one.');
}

function inUse(what: string, index: number, reason: string): MeshError {
  return refused('key-in-use', `${what} ${index} cannot be removed: ${reason}`, 'Remove what uses it first.');
}
