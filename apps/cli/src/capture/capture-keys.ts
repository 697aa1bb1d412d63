import { type AppIndex, fromHex, type NetIndex, type Unicast } from '@meshferry/core';
import type { ObserverKnowledge } from '@meshferry/node';
import { badInput } from '../shell/exit.ts';
import { readInputText } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';

/** The keys of a capture as its `NAME.keys.json` holds them [captures/README.md], in hex. */
export interface CaptureKeys {
  readonly ivIndex: number;
  readonly ivIndexesSeen?: readonly number[];
  readonly netKeys: readonly { readonly index: NetIndex; readonly key: string }[];
  readonly appKeys: readonly { readonly index: AppIndex; readonly key: string; readonly boundNetKey?: NetIndex }[];
  /** `addr` null: the key of every node. */
  readonly devKeys: readonly { readonly addr: Unicast | null; readonly key: string }[];
  readonly labelUUIDs?: readonly string[];
}

/** Where the keys of a capture are, unless said otherwise: `NAME.keys.json` beside `NAME.jsonl.gz`. */
export function keysFileOf(capture: string): string {
  return `${capture.replace(/\.(jsonl|jsonl\.gz|pcap)$/, '')}.keys.json`;
}

/** Reads a `.keys.json`; what it cannot be used for ends the command with exit code 2. */
export function readCaptureKeys(io: Io, path: string): CaptureKeys {
  return captureKeysOf(readInputText(io, path, 'keys'), path);
}

/** The keys in the text of a `.keys.json`; `path` is for messages. */
export function captureKeysOf(text: string, path: string): CaptureKeys {
  const json = parse(text, path);
  const list = (name: string): unknown[] => {
    const value = json[name] ?? [];
    if (Array.isArray(value)) return value;
    throw unusable(path, `"${name}" is not a list`);
  };
  const keys = (name: string): Record<string, unknown>[] =>
    list(name).map((item) => {
      if (typeof item === 'object' && item !== null) return item as Record<string, unknown>;
      throw unusable(path, `"${name}" has an item that is no object`);
    });
  const bound = (value: unknown) => (value == null ? {} : { boundNetKey: number(path, 'appKeys', value, 0xfff) });
  return {
    ivIndex: number(path, 'ivIndex', json.ivIndex ?? 0, 0xffff_ffff),
    ivIndexesSeen: list('ivIndexesSeen').map((value) => number(path, 'ivIndexesSeen', value, 0xffff_ffff)),
    netKeys: keys('netKeys').map(({ index, key }) => ({
      index: number(path, 'netKeys', index, 0xfff),
      key: octets(path, 'netKeys', key),
    })),
    appKeys: keys('appKeys').map(({ index, key, boundNetKey }) => ({
      index: number(path, 'appKeys', index, 0xfff),
      key: octets(path, 'appKeys', key),
      ...bound(boundNetKey),
    })),
    devKeys: keys('devKeys').map(({ addr, key }) => ({
      addr: addr == null ? null : number(path, 'devKeys', addr, 0x7fff, 1),
      key: octets(path, 'devKeys', key),
    })),
    labelUUIDs: list('labelUUIDs').map((label) => octets(path, 'labelUUIDs', label)),
  };
}

/** The same for an observer. */
export function knowledgeOf(keys: CaptureKeys): ObserverKnowledge {
  const { ivIndex, ivIndexesSeen = [], netKeys, appKeys, devKeys, labelUUIDs = [] } = keys;
  return {
    ivIndexes: [ivIndex, ...ivIndexesSeen],
    netKeys: netKeys.map(({ index, key }) => ({ index, key: fromHex(key) })),
    appKeys: appKeys.map(({ index, key, boundNetKey }) => ({ index, key: fromHex(key), netIndex: boundNetKey })),
    deviceKeys: devKeys.map(({ addr, key }) => ({ address: addr ?? undefined, key: fromHex(key) })),
    labels: labelUUIDs.map(fromHex),
  };
}

function parse(text: string, path: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  } catch {
    throw unusable(path, 'it is not JSON');
  }
  throw unusable(path, 'it is not a JSON object');
}

/** The key itself must not appear in a message. */
function octets(path: string, name: string, value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{32}$/i.test(value)) return value;
  throw unusable(path, `"${name}" has one that is not 32 hex digits`);
}

function number(path: string, name: string, value: unknown, max: number, min = 0): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw unusable(path, `${JSON.stringify(value)} in "${name}" is not a number from ${min} to ${max}`);
}

function unusable(path: string, why: string): Error {
  return badInput('bad-keys', `keys file ${path}: ${why}`, 'Give --keys FILE as "meshferry capture" writes it.');
}
