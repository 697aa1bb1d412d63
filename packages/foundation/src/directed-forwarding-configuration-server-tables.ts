import type { UnicastRange } from '@meshferry/access';
import { ACCESS_MAX } from '@meshferry/network';
import { statusOf } from './config-server-ground.ts';
import type { DirectedGround } from './directed-forwarding-configuration-server.ts';
import { statusOfSubnet } from './directed-forwarding-configuration-server-control.ts';
import { type FixedPath, overlap } from './directed-forwarding-configuration-server-table.ts';
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

const TABLE_FULL = { 'table-full': ConfigurationStatus.insufficientResources };

/** Octets of Forwarding Table Dependents Get Status and Entries Status before their lists, optional fields included. */
const DEPENDENTS_HEAD_OCTETS = 15;
const ENTRIES_HEAD_OCTETS = 13;

const ADVERTISING = 1;
const GATT = 2;

/** The fixed paths of the Forwarding Table and their dependents [Mesh Protocol 1.1, 4.4.7]. */
export function serveForwardingTable(ground: DirectedGround): void {
  serveChanges(ground);
  serveDependents(ground);
  serveEntries(ground);
}

function serveChanges(ground: DirectedGround): void {
  const { model } = ground;
  model.handle(ForwardingTableAdd, ({ netKeyIndex, unicastDestination: _, ...added }, context) => {
    const path = { ...added, destination: added.pathTarget?.start ?? (added.destination as number) };
    let status = statusOfSubnet(ground, netKeyIndex) || statusOfPath(ground, path);
    if (status === ConfigurationStatus.success) {
      status = statusOf(() => ground.table(netKeyIndex).add(path), TABLE_FULL);
    }
    const { start: pathOrigin } = path.pathOrigin;
    model.reply(context, ForwardingTableStatus, { status, netKeyIndex, pathOrigin, destination: path.destination });
  });
  model.handle(ForwardingTableDelete, ({ netKeyIndex, pathOrigin, destination }, context) => {
    const status =
      statusOfSubnet(ground, netKeyIndex) || statusOf(() => ground.table(netKeyIndex).delete(pathOrigin, destination));
    model.reply(context, ForwardingTableStatus, { status, netKeyIndex, pathOrigin, destination });
  });
}

function serveDependents(ground: DirectedGround): void {
  const { model } = ground;
  model.handle(ForwardingTableDependentsAdd, (message, context) => {
    const { netKeyIndex, pathOrigin, destination, dependentOrigins, dependentTargets } = message;
    const more = { dependentOrigins, dependentTargets };
    const status = withPath(ground, message, (path) =>
      statusOf(() => ground.table(netKeyIndex).addDependents(path, more), TABLE_FULL),
    );
    model.reply(context, ForwardingTableDependentsStatus, { status, netKeyIndex, pathOrigin, destination });
  });
  model.handle(ForwardingTableDependentsDelete, (message, context) => {
    const { netKeyIndex, pathOrigin, destination, dependentOrigins, dependentTargets } = message;
    const gone = { dependentOrigins, dependentTargets };
    const status = withPath(ground, message, (path) =>
      statusOf(() => ground.table(netKeyIndex).deleteDependents(path, gone)),
    );
    model.reply(context, ForwardingTableDependentsStatus, { status, netKeyIndex, pathOrigin, destination });
  });
  model.handle(ForwardingTableDependentsGet, ({ updateIdentifier: asked, ...message }, context) => {
    const { netKeyIndex, startIndex, dependentsListMask } = message;
    const { updateIdentifier } = ground.table(netKeyIndex);
    let lists = NO_LISTS;
    const status = withPath(ground, message, (path) => {
      if (asked !== undefined && asked !== updateIdentifier) return ConfigurationStatus.obsoleteInformation;
      lists = dependentsFrom(path, dependentsListMask, startIndex);
      return ConfigurationStatus.success;
    });
    model.reply(context, ForwardingTableDependentsGetStatus, {
      ...message,
      status,
      updateIdentifier: tellsIdentifier(status) ? updateIdentifier : undefined,
      ...(status === ConfigurationStatus.success ? lists : NO_FIELDS),
    });
  });
}

function serveEntries(ground: DirectedGround): void {
  const { model } = ground;
  model.handle(ForwardingTableEntriesCountGet, ({ netKeyIndex }, context) => {
    const status = statusOfSubnet(ground, netKeyIndex);
    const { updateIdentifier, paths } = ground.table(netKeyIndex);
    const counts = { updateIdentifier, fixedEntries: paths.length, nonFixedEntries: 0 };
    const none = { updateIdentifier: undefined, fixedEntries: undefined, nonFixedEntries: undefined };
    model.reply(context, ForwardingTableEntriesCountStatus, { status, netKeyIndex, ...(status === 0 ? counts : none) });
  });
  model.handle(ForwardingTableEntriesGet, ({ updateIdentifier: asked, ...message }, context) => {
    const { netKeyIndex, filterMask, startIndex, pathOrigin, destination } = message;
    const { updateIdentifier, paths } = ground.table(netKeyIndex);
    let status = statusOfSubnet(ground, netKeyIndex);
    if (status === ConfigurationStatus.success && asked !== undefined && asked !== updateIdentifier) {
      status = ConfigurationStatus.obsoleteInformation;
    }
    const wanted = paths.filter(
      (path) =>
        (filterMask & FIXED) !== 0 &&
        (pathOrigin === undefined || path.pathOrigin.start === pathOrigin) &&
        (destination === undefined || path.destination === destination),
    );
    model.reply(context, ForwardingTableEntriesStatus, {
      ...message,
      status,
      updateIdentifier: tellsIdentifier(status) ? updateIdentifier : undefined,
      entries: status === ConfigurationStatus.success ? entriesFrom(wanted, startIndex) : undefined,
    });
  });
}

const FIXED = 1;
const NO_LISTS: { dependentOrigins: UnicastRange[]; dependentTargets: UnicastRange[] } = {
  dependentOrigins: [],
  dependentTargets: [],
};
const NO_FIELDS = { dependentOrigins: undefined, dependentTargets: undefined };

function tellsIdentifier(status: number): boolean {
  return status === ConfigurationStatus.success || status === ConfigurationStatus.obsoleteInformation;
}

/**
 * A path needs a bearer the node has toward each end, but for the end that it is itself; and its ends are two nodes.
 * The specification's order of these conditions is not known here: the bearers come last.
 */
function statusOfPath(
  { host }: DirectedGround,
  path: Omit<FixedPath, 'dependentOrigins' | 'dependentTargets'>,
): number {
  const { pathOrigin, pathTarget, bearerTowardOrigin, bearerTowardTarget } = path;
  if (pathTarget !== undefined && overlap(pathOrigin, pathTarget)) return ConfigurationStatus.invalidPathEntry;
  const { access } = host();
  const own = { start: access.address, length: access.elementCount };
  const isBearer = (bearer: number, end: UnicastRange | undefined): boolean =>
    (bearer & ~(ADVERTISING | GATT)) === 0 && (bearer !== 0 || (end !== undefined && overlap(own, end)));
  const isValid =
    isBearer(bearerTowardOrigin, pathOrigin) &&
    // A multicast path may end here: the node is one of those that it leads to.
    isBearer(bearerTowardTarget, pathTarget ?? own);
  return isValid ? ConfigurationStatus.success : ConfigurationStatus.invalidBearer;
}

interface PathName {
  readonly netKeyIndex: number;
  readonly pathOrigin: number;
  readonly destination: number;
  readonly fixedPath?: number;
}

/** Does something with a fixed path that is here, or says what is wrong. Paths that are not fixed there are none. */
function withPath(ground: DirectedGround, name: PathName, run: (path: FixedPath) => number): number {
  const status = statusOfSubnet(ground, name.netKeyIndex);
  if (status !== ConfigurationStatus.success) return status;
  const path =
    name.fixedPath === 0 ? undefined : ground.table(name.netKeyIndex).find(name.pathOrigin, name.destination);
  return path === undefined ? ConfigurationStatus.invalidPathEntry : run(path);
}

/** Both lists (of those that the mask asks for) as one, from an index on, as many as fit. */
function dependentsFrom(path: FixedPath, mask: number, startIndex: number): typeof NO_LISTS {
  const origins = (mask & 1) === 0 ? [] : path.dependentOrigins;
  const targets = (mask & 2) === 0 ? [] : path.dependentTargets;
  let room = ACCESS_MAX - DEPENDENTS_HEAD_OCTETS;
  const lists: typeof NO_LISTS = { dependentOrigins: [], dependentTargets: [] };
  for (const [index, range] of [...origins, ...targets].entries()) {
    if (index < startIndex) continue;
    room -= rangeOctets(range);
    if (room < 0) break;
    (index < origins.length ? lists.dependentOrigins : lists.dependentTargets).push(range);
  }
  return lists;
}

function entriesFrom(paths: readonly FixedPath[], startIndex: number): ForwardingEntry[] {
  let room = ACCESS_MAX - ENTRIES_HEAD_OCTETS;
  const entries: ForwardingEntry[] = [];
  for (const path of paths.slice(startIndex)) {
    room -= entryOctets(path);
    if (room < 0) break;
    entries.push(entryOf(path));
  }
  return entries;
}

function entryOf(path: FixedPath): ForwardingEntry {
  const { pathOrigin, pathTarget, destination, dependentOrigins, dependentTargets } = path;
  return {
    fixed: 1,
    unicastDestination: pathTarget === undefined ? 0 : 1,
    backwardPathValidated: path.backwardPathValidated,
    laneCounter: undefined,
    pathRemainingTime: undefined,
    pathOriginForwardingNumber: undefined,
    pathOrigin,
    dependentOriginsCount: dependentOrigins.length || undefined,
    bearerTowardOrigin: path.bearerTowardOrigin || undefined,
    pathTarget,
    destination: pathTarget === undefined ? destination : undefined,
    dependentTargetsCount: dependentTargets.length || undefined,
    bearerTowardTarget: path.bearerTowardTarget || undefined,
  };
}

/** Header, then ranges, counts of dependents (one octet: there are 255 at most) and bearers, those that are there. */
function entryOctets({ pathOrigin, pathTarget, ...path }: FixedPath): number {
  const counts = Number(path.dependentOrigins.length > 0) + Number(path.dependentTargets.length > 0);
  const bearers = 2 * (Number(path.bearerTowardOrigin !== 0) + Number(path.bearerTowardTarget !== 0));
  return 2 + rangeOctets(pathOrigin) + (pathTarget === undefined ? 2 : rangeOctets(pathTarget)) + counts + bearers;
}

function rangeOctets({ length }: UnicastRange): number {
  return length === undefined ? 2 : 3;
}
