import { isAssignableGroup } from './forms.ts';
import type {
  AddressRange,
  AppKeyEntry,
  ExclusionEntry,
  GroupEntry,
  KeyRefreshPhase,
  NetKeyEntry,
  NetworkDocument,
  ProvisionerEntry,
  SceneEntry,
  SceneRange,
} from './model.ts';
import { keyIndex, node, security, unicast } from './schema-node.ts';
import { list, listOrEmpty, object, optional, type Read, required } from './shape.ts';
import { flag, hex, hexOrLabel, key, oneOf, text, timestamp, uuid, whole } from './values.ts';

const group: Read<string> = hex('a group address (C000 to FEFF)', isAssignableGroup);
const scene: Read<string> = hex('a scene number (0001 to FFFF)', (number) => number > 0);

const unicastRange: Read<AddressRange> = ordered(
  object<AddressRange>({ lowAddress: required(unicast), highAddress: required(unicast) }),
  'lowAddress',
  'highAddress',
);
const groupRange: Read<AddressRange> = ordered(
  object<AddressRange>({ lowAddress: required(group), highAddress: required(group) }),
  'lowAddress',
  'highAddress',
);
const sceneRange: Read<SceneRange> = ordered(
  object<SceneRange>({ firstScene: required(scene), lastScene: required(scene) }),
  'firstScene',
  'lastScene',
);

const provisioner: Read<ProvisionerEntry> = object<ProvisionerEntry>({
  provisionerName: required(text),
  UUID: required(uuid),
  allocatedUnicastRange: listOrEmpty(list(unicastRange)),
  allocatedGroupRange: listOrEmpty(list(groupRange)),
  allocatedSceneRange: listOrEmpty(list(sceneRange)),
});

const netKey: Read<NetKeyEntry> = object<NetKeyEntry>({
  name: required(text),
  index: required(keyIndex),
  key: required(key),
  oldKey: optional(key),
  phase: required(oneOf<KeyRefreshPhase>(0, 1, 2)),
  minSecurity: required(security),
  timestamp: required(timestamp),
});

const appKey: Read<AppKeyEntry> = object<AppKeyEntry>({
  name: required(text),
  index: required(keyIndex),
  boundNetKey: required(keyIndex),
  key: required(key),
  oldKey: optional(key),
});

const groupEntry: Read<GroupEntry> = object<GroupEntry>({
  name: required(text),
  address: required(hexOrLabel('a group address (C000 to FEFF)', isAssignableGroup)),
  parentAddress: required(
    hexOrLabel('a group address (C000 to FEFF) or 0000', (address) => address === 0 || isAssignableGroup(address)),
  ),
});

const sceneEntry: Read<SceneEntry> = object<SceneEntry>(
  { number: required(scene), name: required(text), addresses: required(list(unicast)) },
  { former: { scene: 'number' } },
);

const exclusion: Read<ExclusionEntry> = object<ExclusionEntry>({
  ivIndex: required(whole(0, 0xffff_ffff)),
  addresses: required(list(unicast)),
});

/** Each value of a document for itself; what must fit together is the matter of `check`. */
export const networkDocument: Read<NetworkDocument> = object<NetworkDocument>({
  $schema: optional(anyJson),
  id: optional(anyJson),
  version: optional(anyJson),
  meshUUID: required(uuid),
  meshName: required(text),
  partial: optional(flag),
  timestamp: required(timestamp),
  provisioners: required(list(provisioner, { atLeast: 1 })),
  netKeys: required(list(netKey, { atLeast: 1 })),
  appKeys: required(list(appKey)),
  nodes: required(list(node)),
  groups: listOrEmpty(list(groupEntry)),
  scenes: listOrEmpty(list(sceneEntry)),
  networkExclusions: optional(list(exclusion)),
});

/** Readers do not check `$schema`, `id` and `version` (`cdb.md`, section 1). */
function anyJson(source: Parameters<Read<string>>[0]): string {
  return source as string;
}

/** A range whose low end is not above the high one. */
function ordered<T extends object>(range: Read<T>, low: keyof T & string, high: keyof T & string): Read<T> {
  return (source, pointer, report) => {
    const value = range(source, pointer, report);
    if (value === undefined || typeof value === 'symbol') return value;
    const [from, to] = [value[low] as string, value[high] as string];
    if (from <= to) return value;
    return report.error(`${pointer}/${low}`, 'invalid-value', `${low} ${from} is above ${high} ${to}`);
  };
}
