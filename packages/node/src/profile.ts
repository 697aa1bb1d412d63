import type { ModelId } from '@meshferry/access';
import type { Transmit } from '@meshferry/bearer';
import type { Address, AppIndex, NetIndex } from '@meshferry/core';
import { fail, type MeshError, ok, type Result } from '@meshferry/core';
import { badProfile, ProfileReader } from './profile-reader.ts';

/**
 * How nodes shall be configured, declared: what a member names is made so, what is left out is not touched. Lists are
 * complete: a binding or subscription that is not in the list of its model is taken away.
 */
export interface NodeProfile {
  readonly defaultTtl?: number;
  /** Network Transmit. */
  readonly networkTransmit?: Transmit;
  /** The Relay feature: Relay Retransmit, or false for off. */
  readonly relay?: Transmit | false;
  /** Secure Network Beacon. */
  readonly beacon?: boolean;
  readonly gattProxy?: boolean;
  readonly friend?: boolean;
  /** NetKeys that the node shall have besides those that its AppKeys need. */
  readonly netKeys?: readonly NetIndex[];
  /** AppKeys that it shall have besides those that its models need. */
  readonly appKeys?: readonly AppIndex[];
  readonly models?: readonly ModelProfile[];
}

/** How one model shall be configured, on one element or on all that have it. */
export interface ModelProfile {
  readonly model: ModelId;
  /** Index of the element, 0 for the primary one. Default: every element with the model. */
  readonly element?: number;
  readonly bind?: readonly AppIndex[];
  /** Group addresses and Label UUIDs (16 octets). */
  readonly subscribe?: readonly (Address | Uint8Array)[];
  /** Null: it shall not publish. */
  readonly publish?: PublishProfile | null;
}

/** How a model shall publish. */
export interface PublishProfile {
  /** Unicast or group address, or a Label UUID (16 octets). */
  readonly to: Address | Uint8Array;
  readonly appKey: AppIndex;
  /** 0 to 127; 255: the Default TTL. */
  readonly ttl: number;
  /** Friendship credentials. */
  readonly friendship: boolean;
  /** ms; 0: on changes alone. */
  readonly periodMs: number;
  readonly retransmit: Transmit;
}

/**
 * Reads a profile from JSON. Members are those of {@link NodeProfile}; numbers may be written as text (`"0x1402"`), a
 * vendor's model as eight digits (`"0x00590001"`), a Label UUID as 32 digits with or without dashes. Transmissions are
 * `{"count": 3, "intervalMs": 20}`, all of them counted.
 *
 * Gives `bad-profile` with the JSON pointer of the member, its value and what is allowed there. Never throws.
 */
export function readProfile(text: string): Result<NodeProfile, MeshError> {
  try {
    return ok(readRoot(new ProfileReader(parse(text))));
  } catch (thrown) {
    return fail(thrown as MeshError);
  }
}

/** All keys that a profile names, ascending. */
export function keysOfProfile({ netKeys = [], appKeys = [], models = [] }: NodeProfile): {
  readonly netKeys: readonly NetIndex[];
  readonly appKeys: readonly AppIndex[];
} {
  const used = models.flatMap(({ bind = [], publish }) => (publish ? [...bind, publish.appKey] : bind));
  return { netKeys: ascending(netKeys), appKeys: ascending([...appKeys, ...used]) };
}

function ascending(indexes: readonly number[]): number[] {
  return [...new Set(indexes)].sort((a, b) => a - b);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw badProfile('', `is not JSON: ${(thrown as Error).message}`);
  }
}

function readRoot(root: ProfileReader): NodeProfile {
  root.members(['defaultTtl', 'networkTransmit', 'relay', 'beacon', 'gattProxy', 'friend', ...LISTS]);
  return {
    ...root.optional('defaultTtl', (ttl) => ttl.integer(0, 127, (value) => value !== 1, '0 or 2 to 127')),
    ...root.optional('networkTransmit', (transmit) => readTransmit(transmit, 8, 10, 320)),
    ...root.optional('relay', (relay) => (relay.value === false ? false : readTransmit(relay, 8, 10, 320))),
    ...root.optional('beacon', (beacon) => beacon.boolean()),
    ...root.optional('gattProxy', (proxy) => proxy.boolean()),
    ...root.optional('friend', (friend) => friend.boolean()),
    ...root.optional('netKeys', (list) => list.items().map(readIndex)),
    ...root.optional('appKeys', (list) => list.items().map(readIndex)),
    ...root.optional('models', (list) => readModels(list)),
  };
}

const LISTS = ['netKeys', 'appKeys', 'models'];

function readModels(list: ProfileReader): ModelProfile[] {
  const models = list.items().map(readModel);
  for (const [i, { model, element }] of models.entries()) {
    const same = models.findIndex((other) => other.model === model && other.element === element);
    if (same < i) throw badProfile(`${list.pointer}/${i}`, `is the same model as ${list.pointer}/${same}`);
  }
  return models;
}

function readModel(entry: ProfileReader): ModelProfile {
  entry.members(['model', 'element', 'bind', 'subscribe', 'publish']);
  return {
    model: entry.member('model').modelId(),
    ...entry.optional('element', (element) => element.integer(0, 254)),
    ...entry.optional('bind', (list) => list.items().map(readIndex)),
    ...entry.optional('subscribe', (list) => list.items().map((item) => item.destination(isGroup, 'a group'))),
    ...entry.optional('publish', (publish) => (publish.value === null ? null : readPublish(publish))),
  };
}

function readPublish(entry: ProfileReader): PublishProfile {
  entry.members(['to', 'appKey', 'ttl', 'friendship', 'periodMs', 'retransmit']);
  const ttl = (value: number): boolean => value <= 127 || value === 255;
  return {
    to: entry.member('to').destination(isUnicastOrGroup, 'a unicast or group'),
    appKey: readIndex(entry.member('appKey')),
    ...entry.withDefault('ttl', 255, (member) => member.integer(0, 255, ttl, '0 to 127, or 255')),
    ...entry.withDefault('friendship', false, (member) => member.boolean()),
    ...entry.withDefault('periodMs', 0, (member) => member.integer(0, 37_800_000)),
    ...entry.withDefault('retransmit', ONCE, (member) => readTransmit(member, 8, 50, 1600)),
  };
}

/** `step` ms is both the shortest interval and the unit. */
function readTransmit(entry: ProfileReader, most: number, step: number, longest: number): Transmit {
  entry.members(['count', 'intervalMs']);
  const whole = (value: number): boolean => value % step === 0;
  return {
    count: entry.member('count').integer(1, most),
    intervalMs: entry.member('intervalMs').integer(step, longest, whole, `${step} to ${longest} in steps of ${step}`),
  };
}

const ONCE: Transmit = { count: 1, intervalMs: 50 };

function readIndex(entry: ProfileReader): number {
  return entry.integer(0, 0xfff);
}

/** All-nodes cannot be subscribed to: everybody belongs to it. */
function isGroup(address: Address): boolean {
  return address >= 0xc000 && address < 0xffff;
}

function isUnicastOrGroup(address: Address): boolean {
  return (address > 0 && address < 0x8000) || address >= 0xc000;
}
