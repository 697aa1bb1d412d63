import type { AppKeyEntry, GroupEntry, KeyState, ModelEntry, NetworkDocument, NodeEntry } from './model.ts';
import { corrected } from './origin.ts';
import type { Report } from './report.ts';

/**
 * The document without references to what is not there, each with a warning: hand-edited files have them. What was dropped is
 * still in the file that the document came from, and is written back while its object is not changed.
 */
export function dropDangling(document: NetworkDocument, report: Report): NetworkDocument {
  const netKeys = new Set(document.netKeys.map(({ index }) => index));
  const dropped = (pointer: string, what: string): false => {
    report.warn(pointer, 'dangling-reference', `${what}: left out`);
    return false;
  };
  const appKeys = keep(document.appKeys, ({ index, boundNetKey }: AppKeyEntry, i) =>
    netKeys.has(boundNetKey)
      ? true
      : dropped(`/appKeys/${i}`, `AppKey ${index} is bound to unknown NetKey ${boundNetKey}`),
  );
  const appIndexes = new Set(appKeys.map(({ index }) => index));
  const nodes = document.nodes.map((node, i) => soundNode(node, `/nodes/${i}`, netKeys, appIndexes, dropped));
  const groups = document.groups.map((group: GroupEntry, i) => {
    if (group.parentAddress !== group.address) return group;
    dropped(`/groups/${i}/parentAddress`, `group "${group.name}" is its own parent`);
    return corrected(group, 'parentAddress', '0000');
  });
  let sound = put(document, 'appKeys', appKeys);
  sound = put(sound, 'nodes', nodes.every((node, i) => node === document.nodes[i]) ? document.nodes : nodes);
  return put(sound, 'groups', groups.every((group, i) => group === document.groups[i]) ? document.groups : groups);
}

type Dropped = (pointer: string, what: string) => false;

function soundNode(
  node: NodeEntry,
  pointer: string,
  netKeys: ReadonlySet<number>,
  appKeys: ReadonlySet<number>,
  dropped: Dropped,
): NodeEntry {
  const known = (list: 'netKeys' | 'appKeys', indexes: ReadonlySet<number>): readonly KeyState[] =>
    keep(
      node[list],
      ({ index }, i) => indexes.has(index) || dropped(`${pointer}/${list}/${i}`, `unknown key ${index}`),
    );
  let sound = put(put(node, 'netKeys', known('netKeys', netKeys)), 'appKeys', known('appKeys', appKeys));
  const has = new Set(sound.appKeys.map(({ index }) => index));
  const elements = sound.elements.map((element, e) => {
    const models = element.models.map((model, m) =>
      soundModel(model, `${pointer}/elements/${e}/models/${m}`, has, dropped),
    );
    return models.every((model, m) => model === element.models[m]) ? element : corrected(element, 'models', models);
  });
  if (elements.some((element, e) => element !== node.elements[e])) sound = corrected(sound, 'elements', elements);
  const heartbeat = sound.heartbeatPub;
  if (heartbeat === undefined || sound.netKeys.some(({ index }) => index === heartbeat.index)) return sound;
  dropped(`${pointer}/heartbeatPub`, `heartbeats under NetKey ${heartbeat.index}, which the node does not have`);
  return corrected(sound, 'heartbeatPub', undefined);
}

function soundModel(model: ModelEntry, pointer: string, appKeys: ReadonlySet<number>, dropped: Dropped): ModelEntry {
  const bind = keep(
    model.bind,
    (index, b) =>
      appKeys.has(index) || dropped(`${pointer}/bind/${b}`, `AppKey ${index}, which the node does not have`),
  );
  return put(model, 'bind', bind);
}

/** The list itself if all of it is kept. */
function keep<T>(items: readonly T[], test: (item: T, i: number) => boolean): readonly T[] {
  const kept = items.filter(test);
  return kept.length === items.length ? items : kept;
}

function put<T extends object, K extends keyof T & string>(object: T, name: K, value: T[K]): T {
  return object[name] === value ? object : corrected(object, name, value);
}
