import { requireProvisioner } from './addresses.ts';
import { type Changes, change, refused } from './change.ts';
import { hex4, hexNumber, uuidText } from './forms.ts';
import type { AddressRange, NetworkDocument, ProvisionerEntry, SceneRange } from './model.ts';
import { type Interval, overlaps, roomFor } from './ranges.ts';

/** How many addresses and scenes a provisioner gets for itself; fewer where the network has no more room. */
export interface RangeSizes {
  /** Default 0x1000. */
  readonly unicast?: number;
  /** Default 0x0400. */
  readonly group?: number;
  /** Default 0x0400. */
  readonly scene?: number;
}

/**
 * The entry of a new provisioner, with ranges of its own in the widest places that no provisioner has; a range list is empty
 * where there is no room at all. `uuid`: a new one, as text or 16 octets (see `randomUuid`).
 */
export function newProvisioner(
  others: readonly ProvisionerEntry[],
  {
    name,
    uuid,
    sizes = {},
  }: { readonly name: string; readonly uuid: string | Uint8Array; readonly sizes?: RangeSizes },
): ProvisionerEntry {
  const addresses = (interval: Interval | undefined): AddressRange[] =>
    interval === undefined ? [] : [{ lowAddress: hex4(interval.low), highAddress: hex4(interval.high) }];
  const unicast = roomFor(sizes.unicast ?? 0x1000, { low: 0x0001, high: 0x7fff }, others.flatMap(unicastIntervals));
  const group = roomFor(sizes.group ?? 0x0400, { low: 0xc000, high: 0xfeff }, others.flatMap(groupIntervals));
  const scene = roomFor(sizes.scene ?? 0x0400, { low: 0x0001, high: 0xffff }, others.flatMap(sceneIntervals));
  const scenes: SceneRange[] =
    scene === undefined ? [] : [{ firstScene: hex4(scene.low), lastScene: hex4(scene.high) }];
  return {
    provisionerName: name,
    UUID: uuidText(uuid),
    allocatedUnicastRange: addresses(unicast),
    allocatedGroupRange: addresses(group),
    allocatedSceneRange: scenes,
  };
}

/** The document with one more provisioner; throws `provisioner-exists`, `ranges-overlap`. Its node is added by `addNode`. */
export function addProvisioner(document: NetworkDocument, provisioner: ProvisionerEntry): NetworkDocument {
  const twin = document.provisioners.find(({ UUID }) => UUID === provisioner.UUID);
  if (twin !== undefined) {
    const message = `provisioner "${twin.provisionerName}" has the UUID ${provisioner.UUID}`;
    throw refused('provisioner-exists', message, 'Give a new UUID.');
  }
  requireApart(document.provisioners, provisioner);
  return change(document, { provisioners: [...document.provisioners, provisioner] });
}

/** The document with another name or other ranges of a provisioner; throws `unknown-provisioner`, `ranges-overlap`. */
export function updateProvisioner(
  document: NetworkDocument,
  uuid: string,
  changes: Changes<Omit<ProvisionerEntry, 'UUID'>>,
): NetworkDocument {
  const before = requireProvisioner(document, uuid);
  const after = change(before, changes);
  requireApart(
    document.provisioners.filter((one) => one !== before),
    after,
  );
  return change(document, { provisioners: document.provisioners.map((one) => (one === before ? after : one)) });
}

/** The document without a provisioner; its node stays (see `removeNode`). Throws `last-provisioner`, `unknown-provisioner`. */
export function removeProvisioner(document: NetworkDocument, uuid: string): NetworkDocument {
  const before = requireProvisioner(document, uuid);
  if (document.provisioners.length === 1) {
    const message = `"${before.provisionerName}" is the only provisioner of the network`;
    throw refused('last-provisioner', message, 'Add another provisioner first.');
  }
  return change(document, { provisioners: document.provisioners.filter((one) => one !== before) });
}

/**
 * The document in which a provisioner has given up its uppermost unicast addresses, at most half of its widest range: room for
 * another one. Only with the consent of whoever uses that provisioner, and he must import the document before he provisions
 * again. Throws `unknown-provisioner`.
 */
export function cedeUnicastRange(document: NetworkDocument, uuid: string, count: number): NetworkDocument {
  const provisioner = requireProvisioner(document, uuid);
  const size = ({ low, high }: Interval): number => high - low + 1;
  const widest = unicastIntervals(provisioner).reduce<Interval | undefined>(
    (best, one) => (best === undefined || size(one) > size(best) ? one : best),
    undefined,
  );
  if (widest === undefined || size(widest) < 2) return document;
  const highAddress = hex4(widest.high - Math.min(count, Math.floor(size(widest) / 2)));
  const allocatedUnicastRange = provisioner.allocatedUnicastRange.map((range) =>
    range.lowAddress === hex4(widest.low) && range.highAddress === hex4(widest.high)
      ? change(range, { highAddress })
      : range,
  );
  return updateProvisioner(document, uuid, { allocatedUnicastRange });
}

export function unicastIntervals({ allocatedUnicastRange }: ProvisionerEntry): Interval[] {
  return allocatedUnicastRange.map((range) => ({
    low: hexNumber(range.lowAddress),
    high: hexNumber(range.highAddress),
  }));
}

function groupIntervals({ allocatedGroupRange }: ProvisionerEntry): Interval[] {
  return allocatedGroupRange.map((range) => ({ low: hexNumber(range.lowAddress), high: hexNumber(range.highAddress) }));
}

function sceneIntervals({ allocatedSceneRange }: ProvisionerEntry): Interval[] {
  return allocatedSceneRange.map((range) => ({ low: hexNumber(range.firstScene), high: hexNumber(range.lastScene) }));
}

function requireApart(others: readonly ProvisionerEntry[], provisioner: ProvisionerEntry): void {
  const kinds = [unicastIntervals, groupIntervals, sceneIntervals];
  for (const other of others) {
    if (!kinds.some((intervals) => overlaps(intervals(provisioner), intervals(other)))) continue;
    const message = `ranges of "${provisioner.provisionerName}" overlap those of "${other.provisionerName}"`;
    throw refused('ranges-overlap', message, 'Give each provisioner ranges of its own.');
  }
}
