import { nodeRange } from './addresses.ts';
import { change, kept, mapped, refused } from './change.ts';
import { hex4, hexNumber, isLabel } from './forms.ts';
import { ancestors } from './groups.ts';
import type { GroupEntry, ModelEntry, NetworkDocument, NodeEntry } from './model.ts';
import { withoutOrigin } from './origin.ts';

/** What a partial export keeps. */
export interface ExportChoice {
  /** Indexes of NetKeys, one at least. */
  readonly netKeys: readonly number[];
  /** Indexes of AppKeys, of those bound to the chosen NetKeys; default all of those. */
  readonly appKeys?: readonly number[];
  /** UUIDs; default all. The node of a provisioner that is left out is left out too. */
  readonly provisioners?: readonly string[];
  /** Primary addresses of nodes; default all that know a chosen NetKey. */
  readonly nodes?: readonly number[];
  /** Whose device keys are kept; default none. */
  readonly deviceKeys?: 'all' | 'none' | ((node: NodeEntry) => boolean);
  /** Default `related`: those that an exported model subscribes or publishes to. Parents come along always. */
  readonly groups?: 'related' | 'all' | readonly string[];
  /** Default `related`: those stored on an exported element. */
  readonly scenes?: 'related' | 'all' | readonly number[];
}

/**
 * The part of a network that a guest is to see (`cdb.md`, section 4), as a document of its own with `partial`: of what is left
 * out no reference remains. Throws `empty-export` when no provisioner or no NetKey would be left.
 */
export function partialExport(document: NetworkDocument, choice: ExportChoice): NetworkDocument {
  const plain = withoutOrigin(document);
  const netKeys = plain.netKeys.filter(({ index }) => choice.netKeys.includes(index));
  const netIndexes = new Set(netKeys.map(({ index }) => index));
  const appKeys = plain.appKeys.filter(
    ({ index, boundNetKey }) => netIndexes.has(boundNetKey) && choice.appKeys?.includes(index) !== false,
  );
  const provisioners = plain.provisioners.filter(({ UUID }) => choice.provisioners?.includes(UUID) !== false);
  requireSome(netKeys, 'NetKey');
  requireSome(provisioners, 'provisioner');
  const chosen = chosenNodes(plain, choice, netIndexes, new Set(provisioners.map(({ UUID }) => UUID)));
  const appIndexes = new Set(appKeys.map(({ index }) => index));
  const keyed = chosen.map((node) => withKnownKeys(node, netIndexes, appIndexes, choice));
  const groups = chosenGroups(plain, keyed, choice.groups ?? 'related');
  const known = new Known(keyed, groups);
  const nodes = keyed.map((node) => withKnownPeers(node, known));
  return {
    ...plain,
    partial: true,
    provisioners,
    netKeys,
    appKeys,
    nodes,
    groups,
    scenes: scenesOf(plain, known, choice),
  };
}

/** Which addresses have a meaning in the export. */
class Known {
  readonly #elements: ReadonlySet<string>;
  readonly #groups: ReadonlySet<string>;

  constructor(nodes: readonly NodeEntry[], groups: readonly GroupEntry[]) {
    this.#elements = new Set(nodes.map(nodeRange).flatMap(({ address, count }) => hexRun(address, count)));
    this.#groups = new Set(groups.map(({ address }) => address));
  }

  element(address: string): boolean {
    return this.#elements.has(address);
  }

  /** Exported groups, and the fixed ones, which every network has. */
  group(address: string): boolean {
    return this.#groups.has(address) || (!isLabel(address) && hexNumber(address) >= 0xff00);
  }

  any(address: string): boolean {
    return this.element(address) || this.group(address);
  }
}

function chosenNodes(
  { nodes, provisioners }: NetworkDocument,
  choice: ExportChoice,
  netKeys: ReadonlySet<number>,
  exported: ReadonlySet<string>,
): readonly NodeEntry[] {
  const leftOut = new Set(provisioners.map(({ UUID }) => UUID).filter((uuid) => !exported.has(uuid)));
  return nodes.filter(
    (node) =>
      !leftOut.has(node.UUID) &&
      node.netKeys.some(({ index }) => netKeys.has(index)) &&
      choice.nodes?.includes(hexNumber(node.unicastAddress)) !== false,
  );
}

function withKnownKeys(
  node: NodeEntry,
  netKeys: ReadonlySet<number>,
  appKeys: ReadonlySet<number>,
  { deviceKeys = 'none' }: ExportChoice,
): NodeEntry {
  const model = (one: ModelEntry): ModelEntry =>
    change(one, {
      bind: kept(one.bind, (index) => appKeys.has(index)),
      publish: one.publish !== undefined && appKeys.has(one.publish.index) ? one.publish : undefined,
    });
  const keepsKey = typeof deviceKeys === 'function' ? deviceKeys(node) : deviceKeys === 'all';
  return change(node, {
    deviceKey: keepsKey ? node.deviceKey : undefined,
    netKeys: kept(node.netKeys, ({ index }) => netKeys.has(index)),
    appKeys: kept(node.appKeys, ({ index }) => appKeys.has(index)),
    elements: mapped(node.elements, (element) => change(element, { models: mapped(element.models, model) })),
    heartbeatPub:
      node.heartbeatPub !== undefined && netKeys.has(node.heartbeatPub.index) ? node.heartbeatPub : undefined,
  });
}

function withKnownPeers(node: NodeEntry, known: Known): NodeEntry {
  const model = (one: ModelEntry): ModelEntry =>
    change(one, {
      subscribe: kept(one.subscribe, (address) => known.group(address)),
      publish: one.publish !== undefined && known.any(one.publish.address) ? one.publish : undefined,
    });
  const { heartbeatPub: out, heartbeatSub: into } = node;
  return change(node, {
    elements: mapped(node.elements, (element) => change(element, { models: mapped(element.models, model) })),
    heartbeatPub: out !== undefined && known.any(out.address) ? out : undefined,
    heartbeatSub: into !== undefined && known.element(into.source) && known.any(into.destination) ? into : undefined,
  });
}

function chosenGroups(
  document: NetworkDocument,
  nodes: readonly NodeEntry[],
  choice: 'related' | 'all' | readonly string[],
): readonly GroupEntry[] {
  if (choice === 'all') return document.groups;
  const wanted = choice === 'related' ? usedAddresses(nodes) : new Set(choice);
  const withParents = new Set<string>();
  for (const { address } of document.groups) {
    if (!wanted.has(address)) continue;
    for (const one of ancestors(document, address)) withParents.add(one);
  }
  return document.groups.filter(({ address }) => withParents.has(address));
}

function usedAddresses(nodes: readonly NodeEntry[]): ReadonlySet<string> {
  const used = new Set<string>();
  for (const { elements } of nodes) {
    for (const { models } of elements) {
      for (const { subscribe, publish } of models) {
        for (const address of subscribe) used.add(address);
        if (publish !== undefined) used.add(publish.address);
      }
    }
  }
  return used;
}

function scenesOf({ scenes }: NetworkDocument, known: Known, choice: ExportChoice): NetworkDocument['scenes'] {
  const { scenes: which = 'related' } = choice;
  const filtered = scenes.map((scene) =>
    change(scene, { addresses: kept(scene.addresses, (address) => known.element(address)) }),
  );
  if (which === 'all') return filtered;
  if (which === 'related') return filtered.filter(({ addresses }) => addresses.length > 0);
  return filtered.filter(({ number }) => which.includes(hexNumber(number)));
}

function hexRun(address: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => hex4(address + i));
}

function requireSome(left: readonly unknown[], what: string): void {
  if (left.length > 0) return;
  throw refused('empty-export', `the export would have no ${what}`, `Choose one ${what} of the network at least.`);
}
