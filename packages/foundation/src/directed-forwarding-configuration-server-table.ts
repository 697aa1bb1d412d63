import type { UnicastRange } from '@meshferry/access';
import {
  type Address,
  encodeRecord,
  MeshError,
  type NetIndex,
  readRecord,
  type Store,
  type Unicast,
  type Write,
} from '@meshferry/core';
import { recordOf } from './directed-forwarding-configuration-server-states.ts';

/** A fixed path of the Forwarding Table [Mesh Protocol 1.1, 4.2.29]. */
export interface FixedPath {
  readonly pathOrigin: UnicastRange;
  /** The target, when it is a node. */
  readonly pathTarget: UnicastRange | undefined;
  /** Start of the target, or the group or virtual address in its place. */
  readonly destination: Address;
  readonly backwardPathValidated: number;
  /** Bit 0 advertising, bit 1 GATT; 0: none, the path ends here. */
  readonly bearerTowardOrigin: number;
  readonly bearerTowardTarget: number;
  readonly dependentOrigins: readonly UnicastRange[];
  readonly dependentTargets: readonly UnicastRange[];
}

/** Which dependents of a path are meant. */
export type DependentEnd = 'dependentOrigins' | 'dependentTargets';

/** How much a table holds. */
export interface TableLimits {
  /** Fixed paths of a subnet. */
  readonly paths: number;
  /** Dependents at each end of a path, up to 255. */
  readonly dependents: number;
}

interface TableRecord {
  /** Forwarding Table Update Identifier: another one after each change, 16 bits. */
  readonly updateIdentifier: number;
  readonly paths: readonly FixedPath[];
}

const PREFIX = 'table/';
const EMPTY: TableRecord = { updateIdentifier: 0, paths: [] };

/** The fixed paths of a subnet, durable when a change returns. There are no others: nothing here discovers paths. */
export class ForwardingTable {
  readonly #store: Store;
  readonly #key: string;
  readonly #limits: TableLimits;

  constructor(store: Store, netIndex: NetIndex, limits: TableLimits) {
    this.#store = store;
    this.#key = recordOf(PREFIX, netIndex);
    this.#limits = limits;
  }

  get updateIdentifier(): number {
    return this.#record().updateIdentifier;
  }

  /** In the order in which they were added. */
  get paths(): readonly FixedPath[] {
    return this.#record().paths;
  }

  find(pathOrigin: Unicast, destination: Address): FixedPath | undefined {
    return this.paths.find((path) => isBetween(path, pathOrigin, destination));
  }

  /** Adds a path; the one between the same two ends makes way, its dependents stay. Throws `table-full`, `store-failed`. */
  add(path: Omit<FixedPath, DependentEnd>): void {
    const { paths } = this;
    const at = paths.findIndex((each) => isBetween(each, path.pathOrigin.start, path.destination));
    if (at < 0 && paths.length >= this.#limits.paths) throw full(this.#limits.paths, 'paths');
    const { dependentOrigins = [], dependentTargets = [] } = paths[at] ?? {};
    const changed = paths.slice();
    changed[at < 0 ? paths.length : at] = { ...path, dependentOrigins, dependentTargets };
    this.#write(changed);
  }

  /** Harmless when there is no such path. Throws `store-failed`. */
  delete(pathOrigin: Unicast, destination: Address): void {
    const { paths } = this;
    const left = paths.filter((path) => !isBetween(path, pathOrigin, destination));
    if (left.length < paths.length) this.#write(left);
  }

  /** Adds dependents at both ends of a path that is here. Throws `table-full`, `store-failed`; then nothing has changed. */
  addDependents(path: FixedPath, more: Readonly<Record<DependentEnd, readonly UnicastRange[]>>): void {
    const dependentOrigins = joined(path.dependentOrigins, more.dependentOrigins);
    const dependentTargets = joined(path.dependentTargets, more.dependentTargets);
    const most = this.#limits.dependents;
    if (Math.max(dependentOrigins.length, dependentTargets.length) > most) throw full(most, 'dependents of a path');
    this.#replace(path, { ...path, dependentOrigins, dependentTargets });
  }

  /** Removes those with these primary addresses. Throws `store-failed`. */
  deleteDependents(path: FixedPath, gone: Readonly<Record<DependentEnd, readonly Unicast[]>>): void {
    this.#replace(path, {
      ...path,
      dependentOrigins: path.dependentOrigins.filter(({ start }) => !gone.dependentOrigins.includes(start)),
      dependentTargets: path.dependentTargets.filter(({ start }) => !gone.dependentTargets.includes(start)),
    });
  }

  #replace({ pathOrigin, destination }: FixedPath, by: FixedPath): void {
    this.#write(this.paths.map((path) => (isBetween(path, pathOrigin.start, destination) ? by : path)));
  }

  #record(): TableRecord {
    return readRecord<TableRecord>(this.#store, this.#key) ?? EMPTY;
  }

  #write(paths: readonly FixedPath[]): void {
    const updateIdentifier = (this.updateIdentifier + 1) & 0xffff;
    this.#store.batch([[this.#key, encodeRecord({ updateIdentifier, paths })]]);
  }
}

/** The subnets that have a table. */
export function tablesIn(store: Store): readonly NetIndex[] {
  return store.keys(PREFIX).map((key) => Number.parseInt(key.slice(PREFIX.length), 16));
}

/** The change of the store that forgets the table of a subnet. */
export function forgetTable(netIndex: NetIndex): Write {
  return [recordOf(PREFIX, netIndex), null];
}

function isBetween(path: FixedPath, pathOrigin: Unicast, destination: Address): boolean {
  return path.pathOrigin.start === pathOrigin && path.destination === destination;
}

/** Whether two ranges have an address in common. */
export function overlap(a: UnicastRange, b: UnicastRange): boolean {
  return a.start < b.start + (b.length ?? 1) && b.start < a.start + (a.length ?? 1);
}

/** A range that begins as a known one is that node with another number of elements. */
function joined(known: readonly UnicastRange[], more: readonly UnicastRange[]): readonly UnicastRange[] {
  const ranges = new Map(known.map((range) => [range.start, range]));
  for (const range of more) ranges.set(range.start, range);
  return [...ranges.values()];
}

function full(most: number, what: string): MeshError {
  return new MeshError('table-full', `the Forwarding Table holds ${most} ${what}`, {
    hint: 'Delete what is not needed.',
  });
}
