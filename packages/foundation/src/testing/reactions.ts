import { readFileSync } from 'node:fs';
import type { Model } from '@meshferry/access';
import { opcodeAt } from '@meshferry/access';
import { fromHex, type Store } from '@meshferry/core';
import type { ConfigurationServer } from '../config-server.ts';
import type { FoundationHost } from '../host.ts';
import { type BenchOptions, ReactionBench } from './reaction-bench.ts';

/** A message of the shared vectors and what a server does with it. */
export interface Reaction {
  readonly name: string;
  /** The access message. */
  readonly hex: string;
  readonly precondition?: Precondition;
  readonly expected: { readonly reaction: 'ignore' | 'respond' | 'decoder error'; readonly response?: string };
  readonly note?: string;
}

/** The state of the node before. What the bench itself sets up is named; the rest is for the family of the message. */
export interface Precondition {
  /** By NetKey Index in decimal digits. */
  readonly netKeys?: Readonly<Record<string, string>>;
  /** By AppKey Index: NetKey Index and key. */
  readonly appKeys?: Readonly<Record<string, readonly [netIndex: number, key: string]>>;
  /** Key Refresh Phase of NetKey 0, and its new value. */
  readonly phase?: 0 | 1 | 2;
  readonly newKey?: string;
  /** Addresses of the elements, in hex. */
  readonly elements?: readonly string[];
  /** Models on the primary element, in hex; those that no server has are put there by the bench. */
  readonly models?: readonly string[];
  /** AppKey Indexes by model in hex. */
  readonly bindings?: Readonly<Record<string, readonly number[]>>;
  readonly subscriptionListFull?: boolean;
  readonly lowPower?: boolean;
  readonly relaySupported?: boolean;
  /** Composition Data pages of the term. */
  readonly pages?: Readonly<Record<string, string>>;
  /** TTL with which the message comes. */
  readonly ttl?: number;
  readonly [other: string]: unknown;
}

/** What a family adds to the node under test, which has a Configuration Server in any case. */
export interface FamilyParts {
  /** For the primary element. */
  readonly models: readonly Model[];
  /** Changes of what the node is made with. */
  readonly options?: Partial<BenchOptions>;
  /** Called when the node is composed and the keys, bindings and lists of the precondition are there: to do the rest. */
  readonly prepare?: (bench: ReactionBench) => void;
}

/** Reactions of one family: how its server is set up and brought into the state of a precondition. */
export interface ReactionFamily {
  readonly name: FamilyName;
  /** `app`: the message comes under an AppKey that all models of the family are bound to. Default `device`. */
  readonly security?: 'device' | 'app';
  /** The servers under test; `host`, `store` (a view of its own) and Configuration Server as a node gives them. */
  parts(
    precondition: Precondition,
    host: () => FoundationHost,
    store: Store,
    configuration: ConfigurationServer,
  ): FamilyParts;
}

const FAMILIES = [
  ['configuration', [0x0000, 0x0003], [0x0006], [0x8000, 0x8003], [0x8008, 0x802e], [0x8038, 0x804e]],
  ['health', [0x0004, 0x0005], [0x8004, 0x8007], [0x802f, 0x8037]],
  ['remote-provisioning', [0x804f, 0x805f]],
  ['private-beacon', [0x8060, 0x8068]],
  ['on-demand-private-proxy', [0x8069, 0x806b]],
  ['sar-configuration', [0x806c, 0x8071]],
  ['opcodes-aggregator', [0x8072, 0x8073]],
  ['large-composition-data', [0x8074, 0x8077]],
  ['solicitation-pdu-rpl', [0x8078, 0x807a]],
  ['directed-forwarding', [0x807b, 0x80b0]],
  ['bridge', [0x80b1, 0x80bc]],
  ['generic-onoff', [0x8201, 0x8204]],
] as const satisfies readonly (readonly [string, ...(readonly number[])[]])[];

/** `access`: what no server of foundation models has a part in. */
export type FamilyName = (typeof FAMILIES)[number][0] | 'access';

/** All reactions of the shared vectors. */
export const REACTIONS: readonly Reaction[] = (
  JSON.parse(readFileSync(new URL('../vectors/reactions.json', import.meta.url), 'utf8')) as {
    readonly reactions: readonly Reaction[];
  }
).reactions;

/** The family that the message of a reaction belongs to, by its opcode. */
export function familyOf({ hex }: Reaction): FamilyName {
  const opcode = opcodeAt(fromHex(hex));
  for (const [name, ...ranges] of FAMILIES) {
    for (const [first, last = first] of ranges as readonly (readonly [number, number?])[]) {
      if (opcode >= first && opcode <= last) return name;
    }
  }
  return 'access';
}

/** What the node answers to the message of a reaction, in the order in which it does; octets in hex. */
export function react(reaction: Reaction, family: ReactionFamily): readonly string[] {
  const { precondition = {} } = reaction;
  const bench = new ReactionBench(precondition, family);
  try {
    const before = bench.state();
    const answers = bench.ask(fromHex(reaction.hex));
    if (reaction.expected.reaction === 'ignore' && before !== bench.state()) return ['the node has changed'];
    return answers;
  } finally {
    bench.close();
  }
}
