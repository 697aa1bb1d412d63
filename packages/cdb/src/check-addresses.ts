import { elementCount } from './addresses.ts';
import { hexNumber } from './forms.ts';
import type { NetworkDocument, NodeEntry } from './model.ts';
import type { Report } from './report.ts';

/** Elements within the unicast range, each address once; one UUID twice occurs, and is only told. */
export function checkAddresses({ nodes }: NetworkDocument, report: Report): void {
  const uuids = new Map<string, NodeEntry>();
  const ranges: NodeRange[] = [];
  for (const [i, node] of nodes.entries()) {
    const first = hexNumber(node.unicastAddress);
    const last = first + elementCount(node) - 1;
    if (last > 0x7fff) {
      const message = `the ${elementCount(node)} elements of node ${node.unicastAddress} go beyond 7FFF`;
      report.error(`/nodes/${i}/unicastAddress`, 'invalid-value', message);
    }
    ranges.push({ first, last, i, node });
    checkElements(node, `/nodes/${i}`, report);
    const twin = uuids.get(node.UUID);
    if (twin !== undefined) {
      const message = `nodes ${twin.unicastAddress} and ${node.unicastAddress} have the same UUID`;
      report.warn(`/nodes/${i}/UUID`, 'duplicate', message);
    }
    uuids.set(node.UUID, node);
  }
  checkOverlaps(ranges, report);
}

interface NodeRange {
  readonly first: number;
  readonly last: number;
  readonly i: number;
  readonly node: NodeEntry;
}

/** Reported at the node that comes later in the document. */
function checkOverlaps(ranges: NodeRange[], report: Report): void {
  ranges.sort((a, b) => a.first - b.first || a.i - b.i);
  let widest: NodeRange | undefined;
  for (const range of ranges) {
    if (widest !== undefined && range.first <= widest.last) {
      const [earlier, later] = widest.i < range.i ? [widest, range] : [range, widest];
      report.error(
        `/nodes/${later.i}/unicastAddress`,
        'overlap',
        `the elements of node ${later.node.unicastAddress} overlap those of node ${earlier.node.unicastAddress}`,
        'Each address belongs to one element: remove the node that is no longer there, or give it another address.',
      );
    }
    if (widest === undefined || range.last > widest.last) widest = range;
  }
}

function checkElements({ elements, unicastAddress }: NodeEntry, pointer: string, report: Report): void {
  if (elements.length === 0) {
    report.warn(`${pointer}/elements`, 'no-elements', `node ${unicastAddress} has no elements: taken for one`);
  }
  const indexes = new Set<number>();
  for (const [e, { index }] of elements.entries()) {
    if (indexes.has(index)) {
      report.error(
        `${pointer}/elements/${e}/index`,
        'duplicate',
        `element ${index} of node ${unicastAddress} stands twice`,
      );
    }
    indexes.add(index);
  }
}
