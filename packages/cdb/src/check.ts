import { checkAddresses } from './check-addresses.ts';
import { checkGroups } from './check-groups.ts';
import { checkRanges } from './check-ranges.ts';
import type { AppKeyEntry, NetworkDocument, NodeEntry } from './model.ts';
import type { Report } from './report.ts';

/** Whether what a document says fits together (`cdb.md`, section 3); each value for itself is in order already. */
export function check(document: NetworkDocument, report: Report): void {
  const netKeys = uniqueIndexes(document.netKeys, '/netKeys', 'NetKey', report);
  const appKeys = uniqueIndexes(document.appKeys, '/appKeys', 'AppKey', report);
  for (const [i, { index, boundNetKey }] of document.appKeys.entries()) {
    if (netKeys?.has(boundNetKey) !== false) continue;
    const message = `AppKey ${index} is bound to NetKey ${boundNetKey}, which the document does not have`;
    report.error(`/appKeys/${i}/boundNetKey`, 'dangling-reference', message);
  }
  checkPhases(document, report);
  for (const [i, node] of document.nodes.entries()) checkNode(node, `/nodes/${i}`, document, netKeys, appKeys, report);
  checkRanges(document, report);
  checkAddresses(document, report);
  checkGroups(document, report);
}

/** The indexes, or undefined if they are not unique: what refers to them is not checked then. */
function uniqueIndexes(
  keys: readonly { readonly index: number }[],
  pointer: string,
  what: string,
  report: Report,
): ReadonlySet<number> | undefined {
  const indexes = new Set<number>();
  for (const [i, { index }] of keys.entries()) {
    if (indexes.has(index)) report.error(`${pointer}/${i}/index`, 'duplicate', `${what} index ${index} stands twice`);
    indexes.add(index);
  }
  return indexes.size === keys.length ? indexes : undefined;
}

function checkPhases({ netKeys }: NetworkDocument, report: Report): void {
  for (const [i, { index, phase, oldKey }] of netKeys.entries()) {
    if ((phase === 0) === (oldKey === undefined)) continue;
    const message = `NetKey ${index} is in phase ${phase}, ${phase === 0 ? 'but has an old key' : 'but has no old key'}`;
    report.warn(`/netKeys/${i}/${phase === 0 ? 'oldKey' : 'phase'}`, 'key-refresh', message);
  }
}

function checkNode(
  node: NodeEntry,
  pointer: string,
  document: NetworkDocument,
  netKeys: ReadonlySet<number> | undefined,
  appKeys: ReadonlySet<number> | undefined,
  report: Report,
): void {
  if (node.deviceKey === undefined && document.partial !== true) {
    const message = `node ${node.unicastAddress} has no device key, and the document is not a partial export`;
    report.error(`${pointer}/deviceKey`, 'missing', message);
  }
  const itsNetKeys = referredIndexes(node, 'netKeys', netKeys, pointer, report);
  const itsAppKeys = referredIndexes(node, 'appKeys', appKeys, pointer, report);
  checkModels(node, itsAppKeys, document.appKeys, pointer, report);
  const heartbeat = node.heartbeatPub;
  if (heartbeat !== undefined && itsNetKeys?.has(heartbeat.index) === false) {
    const message = `heartbeats under NetKey ${heartbeat.index}, which node ${node.unicastAddress} does not have`;
    report.error(`${pointer}/heartbeatPub/index`, 'dangling-reference', message);
  }
}

/** The key indexes of a node, or undefined if one of them is unknown to the document. */
function referredIndexes(
  node: NodeEntry,
  list: 'netKeys' | 'appKeys',
  known: ReadonlySet<number> | undefined,
  pointer: string,
  report: Report,
): ReadonlySet<number> | undefined {
  const indexes = new Set<number>();
  let sound = known !== undefined;
  for (const [i, { index }] of node[list].entries()) {
    indexes.add(index);
    if (known?.has(index) !== false) continue;
    sound = false;
    const what = list === 'netKeys' ? 'NetKey' : 'AppKey';
    const message = `node ${node.unicastAddress} has ${what} ${index}, which the document does not have`;
    report.error(`${pointer}/${list}/${i}/index`, 'dangling-reference', message);
  }
  return sound ? indexes : undefined;
}

function checkModels(
  node: NodeEntry,
  appKeys: ReadonlySet<number> | undefined,
  known: readonly AppKeyEntry[],
  pointer: string,
  report: Report,
): void {
  for (const [e, element] of node.elements.entries()) {
    for (const [m, { modelId, bind, publish }] of element.models.entries()) {
      const here = `${pointer}/elements/${e}/models/${m}`;
      for (const [b, index] of bind.entries()) {
        if (appKeys?.has(index) !== false) continue;
        const message = `model ${modelId} is bound to AppKey ${index}, which node ${node.unicastAddress} does not have`;
        report.error(`${here}/bind/${b}`, 'dangling-reference', message);
      }
      if (publish !== undefined && !known.some(({ index }) => index === publish.index)) {
        const message = `model ${modelId} publishes with AppKey ${publish.index}, which the document does not have`;
        report.warn(`${here}/publish/index`, 'dangling-reference', message);
      }
    }
  }
}
