import { MeshError, type Unicast } from '@meshferry/core';
import { change } from './change.ts';
import { hex4 } from './forms.ts';
import type { ExclusionEntry, NetworkDocument } from './model.ts';

/**
 * The document in which these addresses are not assigned again while the IV Index is `ivIndex` or one more: other nodes may have
 * their sequence numbers in replay lists (`cdb.md`, section 2). For all element addresses of a node that was removed, was reset
 * or got another address.
 */
export function excludeAddresses(
  document: NetworkDocument,
  ivIndex: number,
  addresses: Iterable<Unicast>,
): NetworkDocument {
  const lists = document.networkExclusions ?? [];
  const before = lists.find((list) => list.ivIndex === ivIndex);
  const known = new Set(before?.addresses);
  const added = [...new Set([...addresses].map(hex4))].filter((address) => !known.has(address));
  if (added.length === 0) return document;
  requireIvIndex(ivIndex);
  const list: ExclusionEntry = { ...before, ivIndex, addresses: [...(before?.addresses ?? []), ...added].sort() };
  const networkExclusions = before === undefined ? [...lists, list] : lists.map((one) => (one === before ? list : one));
  return change(document, { networkExclusions });
}

/** The document without the exclusions that have run out by `ivIndex`: those of two and more IV Indexes ago. */
export function pruneExclusions(document: NetworkDocument, ivIndex: number): NetworkDocument {
  requireIvIndex(ivIndex);
  const lists = document.networkExclusions;
  const current = lists?.filter((list) => list.ivIndex + 2 > ivIndex);
  return current?.length === lists?.length ? document : change(document, { networkExclusions: current });
}

function requireIvIndex(ivIndex: number): void {
  if (Number.isInteger(ivIndex) && ivIndex >= 0 && ivIndex <= 0xffff_ffff) return;
  throw new MeshError('bad-iv-index', `not an IV Index: ${ivIndex}`, { hint: 'Give 0 to 0xFFFFFFFF.' });
}
