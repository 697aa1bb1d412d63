import type { Hex4, NetworkDocument } from './model.ts';
import type { Report } from './report.ts';

/** Ranges of different provisioners do not overlap; reported at the provisioner that comes later in the document. */
export function checkRanges({ provisioners, nodes }: NetworkDocument, report: Report): void {
  const ranges: Record<'unicast' | 'group' | 'scene', OwnedRange[]> = { unicast: [], group: [], scene: [] };
  const nodeUuids = new Set(nodes.map(({ UUID }) => UUID));
  const uuids = new Set<string>();
  for (const [owner, provisioner] of provisioners.entries()) {
    const { provisionerName: name, UUID } = provisioner;
    const here = `/provisioners/${owner}`;
    if (uuids.has(UUID)) report.warn(`${here}/UUID`, 'duplicate', `provisioner "${name}" has the UUID of another one`);
    if (!nodeUuids.has(UUID)) {
      report.warn(`${here}/UUID`, 'no-node', `provisioner "${name}" has no node: it cannot configure`);
    }
    uuids.add(UUID);
    for (const [i, { lowAddress: low, highAddress: high }] of provisioner.allocatedUnicastRange.entries()) {
      ranges.unicast.push({ owner, name, low, high, pointer: `${here}/allocatedUnicastRange/${i}/lowAddress` });
    }
    for (const [i, { lowAddress: low, highAddress: high }] of provisioner.allocatedGroupRange.entries()) {
      ranges.group.push({ owner, name, low, high, pointer: `${here}/allocatedGroupRange/${i}/lowAddress` });
    }
    for (const [i, { firstScene: low, lastScene: high }] of provisioner.allocatedSceneRange.entries()) {
      ranges.scene.push({ owner, name, low, high, pointer: `${here}/allocatedSceneRange/${i}/firstScene` });
    }
  }
  for (const owned of Object.values(ranges)) checkOverlaps(owned, report);
}

interface OwnedRange {
  /** Place of the provisioner in the document. */
  readonly owner: number;
  readonly name: string;
  readonly low: Hex4;
  readonly high: Hex4;
  readonly pointer: string;
}

function checkOverlaps(ranges: OwnedRange[], report: Report): void {
  // Hex digits of one length and case sort as the numbers do.
  ranges.sort((a, b) => (a.low === b.low ? a.owner - b.owner : a.low < b.low ? -1 : 1));
  let widest: OwnedRange | undefined;
  for (const range of ranges) {
    if (widest !== undefined && range.low <= widest.high) {
      const [earlier, later] = widest.owner <= range.owner ? [widest, range] : [range, widest];
      const message = `${later.low} to ${later.high} of "${later.name}" overlaps ${earlier.low} to ${earlier.high} of "${earlier.name}"`;
      if (earlier.owner === later.owner) report.warn(later.pointer, 'overlap', message);
      else {
        const hint = 'Two provisioners would assign the same addresses: give each of them a range of its own.';
        report.error(later.pointer, 'overlap', message, hint);
      }
    }
    if (widest === undefined || range.high > widest.high) widest = range;
  }
}
