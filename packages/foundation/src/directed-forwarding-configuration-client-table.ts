import type { MessageType, UnicastRange } from '@meshferry/access';
import { type Address, formatAddress, MeshError, type NetIndex, type Unicast } from '@meshferry/core';
import { type ClientRequests, LONGEST_ANSWER, type RequestOptions, type RequestTarget } from './client-request.ts';
import { ConfigurationStatusError, succeeded } from './client-status.ts';
import type { ForwardingEntry } from './forwarding-entry.ts';
import {
  ForwardingTableAdd,
  ForwardingTableDelete,
  ForwardingTableDependentsAdd,
  ForwardingTableDependentsDelete,
  ForwardingTableDependentsGet,
  ForwardingTableDependentsGetStatus,
  ForwardingTableDependentsStatus,
  ForwardingTableEntriesCountGet,
  ForwardingTableEntriesCountStatus,
  ForwardingTableEntriesGet,
  ForwardingTableEntriesStatus,
  ForwardingTableStatus,
} from './forwarding-table-messages.ts';
import { ConfigurationStatus } from './status-codes.ts';

/** The two ends of a path in a subnet: primary address of its origin; that of its target, or a group or virtual address. */
export interface PathEnds {
  readonly netKeyIndex: NetIndex;
  readonly pathOrigin: Unicast;
  readonly destination: Address;
}

/** A fixed path to be added. */
export interface NewPath {
  readonly netKeyIndex: NetIndex;
  readonly pathOrigin: UnicastRange;
  /** A node, or a group or virtual address. */
  readonly target: UnicastRange | Address;
  readonly backwardPathValidated: boolean;
  /** Bit 0 advertising, bit 1 GATT; 0: none, the node is the end itself. */
  readonly bearerTowardOrigin: number;
  readonly bearerTowardTarget: number;
}

/** Nodes that depend on a path, at its two ends. */
export interface Dependents {
  readonly origins: readonly UnicastRange[];
  readonly targets: readonly UnicastRange[];
}

/** How many paths a Forwarding Table holds. */
export interface PathCounts {
  readonly fixed: number;
  readonly nonFixed: number;
}

const BOTH_ENDS = 3;
const ALL_PATHS = 3;
/** A table that changes while it is read is read anew, so often. */
const MOST_BEGINNINGS = 3;
const LAST_INDEX = 0xffff;

type Status = PathEnds & { readonly status: number };

/** Procedures for the Forwarding Table of a subnet; see `DirectedForwardingConfigurationClient`. */
export class DirectedTable {
  readonly #requests: ClientRequests;

  constructor(requests: ClientRequests) {
    this.#requests = requests;
  }

  /** Adds a fixed path, or replaces the one between the same ends. */
  async add(to: RequestTarget, path: NewPath, options?: RequestOptions): Promise<void> {
    const { netKeyIndex, pathOrigin, target, bearerTowardOrigin, bearerTowardTarget } = path;
    const isNode = typeof target !== 'number';
    const value = {
      netKeyIndex,
      unicastDestination: Number(isNode),
      backwardPathValidated: Number(path.backwardPathValidated),
      pathOrigin,
      pathTarget: isNode ? target : undefined,
      destination: isNode ? undefined : target,
      bearerTowardOrigin,
      bearerTowardTarget,
    };
    const ends = { netKeyIndex, pathOrigin: pathOrigin.start, destination: isNode ? target.start : target };
    await this.#change(ForwardingTableAdd, value, ForwardingTableStatus, ends, to, options);
  }

  /** Harmless when there is no such path. */
  async delete(to: RequestTarget, ends: PathEnds, options?: RequestOptions): Promise<void> {
    await this.#change(ForwardingTableDelete, ends, ForwardingTableStatus, ends, to, options);
  }

  async dependentsAdd(to: RequestTarget, ends: PathEnds, more: Dependents, options?: RequestOptions): Promise<void> {
    const value = { ...ends, dependentOrigins: [...more.origins], dependentTargets: [...more.targets] };
    await this.#change(ForwardingTableDependentsAdd, value, ForwardingTableDependentsStatus, ends, to, options);
  }

  /** By primary addresses. */
  async dependentsDelete(
    to: RequestTarget,
    ends: PathEnds,
    gone: { readonly origins: readonly Unicast[]; readonly targets: readonly Unicast[] },
    options?: RequestOptions,
  ): Promise<void> {
    const value = { ...ends, dependentOrigins: [...gone.origins], dependentTargets: [...gone.targets] };
    await this.#change(ForwardingTableDependentsDelete, value, ForwardingTableDependentsStatus, ends, to, options);
  }

  /** All dependents of a path, a fixed one unless said otherwise. Rejects with `table-changing`, too. */
  dependents(to: RequestTarget, ends: PathEnds, fixed = true, options?: RequestOptions): Promise<Dependents> {
    return wholeList(
      to,
      async (startIndex, updateIdentifier, all: { origins: UnicastRange[]; targets: UnicastRange[] }) => {
        const value = {
          ...ends,
          dependentsListMask: BOTH_ENDS,
          fixedPath: Number(fixed),
          startIndex,
          updateIdentifier,
        };
        const matches = (status: Status & { startIndex: number }) =>
          isOf(ends, status) && status.startIndex === startIndex;
        const response = ForwardingTableDependentsGetStatus;
        const exchange = { type: ForwardingTableDependentsGet, value, response, matches, answerOctets: LONGEST_ANSWER };
        const answer = await this.#requests.ask(exchange, to, options);
        const {
          dependentOrigins = [],
          dependentTargets = [],
          ...rest
        } = succeeded(answer, `dependents of ${describe(ends)}`, to);
        all.origins.push(...dependentOrigins);
        all.targets.push(...dependentTargets);
        return { updateIdentifier: rest.updateIdentifier, count: dependentOrigins.length + dependentTargets.length };
      },
      () => ({ origins: [], targets: [] }),
    );
  }

  async entriesCount(to: RequestTarget, netKeyIndex: NetIndex, options?: RequestOptions): Promise<PathCounts> {
    const response = ForwardingTableEntriesCountStatus;
    const matches = (status: { netKeyIndex: NetIndex }) => status.netKeyIndex === netKeyIndex;
    const exchange = { type: ForwardingTableEntriesCountGet, value: { netKeyIndex }, response, matches };
    const answer = succeeded(await this.#requests.ask(exchange, to, options), `paths of NetKey ${netKeyIndex}`, to);
    return { fixed: answer.fixedEntries ?? 0, nonFixed: answer.nonFixedEntries ?? 0 };
  }

  /** All paths of a subnet. Rejects with `table-changing`, too. */
  entries(to: RequestTarget, netKeyIndex: NetIndex, options?: RequestOptions): Promise<ForwardingEntry[]> {
    return wholeList(
      to,
      async (startIndex, updateIdentifier, all: ForwardingEntry[]) => {
        const filter = {
          netKeyIndex,
          filterMask: ALL_PATHS,
          startIndex,
          pathOrigin: undefined,
          destination: undefined,
        };
        const matches = (status: { netKeyIndex: NetIndex; filterMask: number; startIndex: number }) =>
          status.netKeyIndex === netKeyIndex && status.filterMask === ALL_PATHS && status.startIndex === startIndex;
        const value = { ...filter, updateIdentifier };
        const response = ForwardingTableEntriesStatus;
        const exchange = { type: ForwardingTableEntriesGet, value, response, matches, answerOctets: LONGEST_ANSWER };
        const answer = await this.#requests.ask(exchange, to, options);
        const { entries = [], ...rest } = succeeded(answer, `paths of NetKey ${netKeyIndex}`, to);
        all.push(...entries);
        return { updateIdentifier: rest.updateIdentifier, count: entries.length };
      },
      () => [],
    );
  }

  async #change<T, R extends Status>(
    type: MessageType<T>,
    value: T,
    response: MessageType<R>,
    ends: PathEnds,
    to: RequestTarget,
    options: RequestOptions | undefined,
  ): Promise<void> {
    const matches = (status: R) => isOf(ends, status);
    const answer = await this.#requests.ask({ type, value, response, matches }, to, options);
    succeeded(answer, `${type.name} ${describe(ends)}`, to);
  }
}

/** What one answer brought. */
interface Part {
  readonly updateIdentifier: number | undefined;
  readonly count: number;
}

/** Reads a list to its end; from its beginning again when the table has changed meanwhile. */
async function wholeList<L>(
  to: RequestTarget,
  read: (startIndex: number, updateIdentifier: number | undefined, all: L) => Promise<Part>,
  empty: () => L,
): Promise<L> {
  for (let beginning = 0; beginning < MOST_BEGINNINGS; beginning++) {
    const all = empty();
    let updateIdentifier: number | undefined;
    try {
      for (let startIndex = 0; startIndex <= LAST_INDEX; ) {
        const part = await read(startIndex, updateIdentifier, all);
        if (part.count === 0) break;
        updateIdentifier = part.updateIdentifier;
        startIndex += part.count;
      }
      return all;
    } catch (error) {
      const isObsolete =
        error instanceof ConfigurationStatusError && error.status === ConfigurationStatus.obsoleteInformation;
      if (!isObsolete) throw error;
    }
  }
  throw new MeshError(
    'table-changing',
    `the Forwarding Table of ${formatAddress(to.address)} changes while it is read`,
    {
      hint: 'Try again when no other client configures the node.',
    },
  );
}

function isOf(a: PathEnds, b: PathEnds): boolean {
  return a.netKeyIndex === b.netKeyIndex && a.pathOrigin === b.pathOrigin && a.destination === b.destination;
}

function describe({ netKeyIndex, pathOrigin, destination }: PathEnds): string {
  return `the path ${formatAddress(pathOrigin)} to ${formatAddress(destination)} of NetKey ${netKeyIndex}`;
}
