import type { NetworkDocument } from './model.ts';
import type { Report } from './report.ts';

/** No group is its own ancestor. A parent that is not there counts as none: partial exports of nRF Mesh have such. */
export function checkGroups({ groups }: NetworkDocument, report: Report): void {
  const parents = new Map<string, string>();
  for (const [i, { name, address, parentAddress }] of groups.entries()) {
    if (parents.has(address))
      report.warn(`/groups/${i}/address`, 'duplicate', `group "${name}" has the address of another`);
    else parents.set(address, parentAddress);
  }
  for (const [i, { name, parentAddress }] of groups.entries()) {
    if (parentAddress !== '0000' && !parents.has(parentAddress)) {
      const message = `group "${name}" has a parent that the document does not have: taken for none`;
      report.warn(`/groups/${i}/parentAddress`, 'dangling-reference', message);
    }
  }
  const inCycle = groupsInCycles(parents);
  for (const [i, { name, address }] of groups.entries()) {
    if (!inCycle.has(address)) continue;
    report.error(`/groups/${i}/parentAddress`, 'cycle', `group "${name}" is its own ancestor`);
  }
}

function groupsInCycles(parents: ReadonlyMap<string, string>): ReadonlySet<string> {
  const done = new Set<string>();
  const inCycle = new Set<string>();
  for (const start of parents.keys()) {
    const path = new Set<string>();
    let at: string | undefined = start;
    while (at !== undefined && !done.has(at) && !path.has(at)) {
      path.add(at);
      at = parents.get(at);
    }
    // Where a walk meets itself is a cycle; what leads to it is none.
    if (at !== undefined && path.has(at))
      for (let on = at; !inCycle.has(on); on = parents.get(on) as string) inCycle.add(on);
    for (const address of path) done.add(address);
  }
  return inCycle;
}
