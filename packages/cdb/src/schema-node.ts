import { isObject } from './json.ts';
import type {
  ElementEntry,
  FeatureName,
  FeatureState,
  HeartbeatPublicationEntry,
  HeartbeatSubscriptionEntry,
  KeyState,
  ModelEntry,
  NodeEntry,
  NodeFeatures,
  Security,
} from './model.ts';
import { publish, transmit } from './schema-publish.ts';
import { LEFT_OUT, list, object, optional, type Read, required } from './shape.ts';
import { flag, hex, hexOrLabel, key, modelId, text, uuid, whole, word } from './values.ts';

const UNASSIGNED = '0000';

/** A unicast address: 0001 to 7FFF. */
export const unicast: Read<string> = hex('a unicast address (0001 to 7FFF)', isUnicast);

/** `secure` or `insecure`; version 1.0.0 said `high` and `low`. */
export const security: Read<Security> = word<Security>(['secure', 'insecure'], { high: 'secure', low: 'insecure' });

/** Of a NetKey or AppKey. */
export const keyIndex: Read<number> = whole(0, 4095);

const feature: Read<FeatureState> = whole(0, 2) as Read<FeatureState>;

const features: Read<NodeFeatures> = object<NodeFeatures>({
  relay: optional(feature),
  proxy: optional(feature),
  friend: optional(feature),
  lowPower: optional(feature),
});

const keyState: Read<KeyState> = object<KeyState>({ index: required(keyIndex), updated: required(flag) });

const model: Read<ModelEntry> = object<ModelEntry>({
  modelId: required(modelId),
  subscribe: required(list(hexOrLabel('a group address (C000 to FFFF)', (address) => address >= 0xc000))),
  publish: optional(publish),
  bind: required(list(keyIndex)),
});

const element: Read<ElementEntry> = object<ElementEntry>({
  name: optional(text),
  index: required(whole(0, 254)),
  location: required(hex('a location')),
  models: required(list(model)),
});

const heartbeatPubObject: Read<HeartbeatPublicationEntry> = object<HeartbeatPublicationEntry>({
  address: required(hex('a unicast or group address', (address) => isUnicast(address) || address >= 0xc000)),
  period: required(heartbeatPeriod),
  ttl: required(whole(0, 127)),
  index: required(keyIndex),
  features: required(list(word<FeatureName>(['relay', 'proxy', 'friend', 'lowPower']))),
});

/** Where heartbeats go to; mesh-cfgclient writes the unassigned address for nowhere. */
const heartbeatPub: Read<HeartbeatPublicationEntry> = (source, pointer, report) => {
  if (!isObject(source) || source.address !== UNASSIGNED) return heartbeatPubObject(source, pointer, report);
  report.repair(pointer, 'no-publication', 'a heartbeat publication to 0000 is none');
  return LEFT_OUT;
};

const heartbeatSubObject: Read<HeartbeatSubscriptionEntry> = object<HeartbeatSubscriptionEntry>({
  source: required(unicast),
  destination: required(hex('a unicast or group address', (address) => isUnicast(address) || address >= 0xc000)),
});

/** Whose heartbeats are counted; mesh-cfgclient writes two unassigned addresses for nobody's. */
const heartbeatSub: Read<HeartbeatSubscriptionEntry> = (source, pointer, report) => {
  if (!isObject(source) || source.source !== UNASSIGNED || source.destination !== UNASSIGNED) {
    return heartbeatSubObject(source, pointer, report);
  }
  report.repair(pointer, 'no-subscription', 'a heartbeat subscription from 0000 to 0000 is none');
  return LEFT_OUT;
};

/** nodes[] (`cdb.md`, section 2). Whether the device key may be missing is seen with the whole document. */
export const node: Read<NodeEntry> = object<NodeEntry>(
  {
    UUID: required(uuid),
    name: optional(text),
    unicastAddress: required(unicast),
    deviceKey: optional(key),
    security: required(security),
    netKeys: required(list(keyState)),
    appKeys: required(list(keyState)),
    configComplete: required(flag),
    excluded: required(flag),
    cid: optional(hex('a Company Identifier')),
    pid: optional(hex('a Product Identifier')),
    vid: optional(hex('a Version Identifier')),
    crpl: optional(hex('a size of the replay protection list')),
    features: optional(features),
    secureNetworkBeacon: optional(flag),
    defaultTTL: optional(whole(0, 127)),
    networkTransmit: optional(transmit),
    relayRetransmit: optional(transmit),
    elements: required(list(element)),
    heartbeatPub: optional(heartbeatPub),
    heartbeatSub: optional(heartbeatSub),
  },
  { former: { blacklisted: 'excluded' } },
);

/** Seconds: 0, a power of two up to 32768, 65535; 65536 of mesh-cfgclient is read as 65535, the largest that iOS reads. */
function heartbeatPeriod(
  source: Parameters<Read<number>>[0],
  pointer: string,
  report: Parameters<Read<number>>[2],
): number | undefined {
  const period = whole(0, 65_536)(source, pointer, report) as number | undefined;
  if (period === undefined || period === 0 || period === 65_535) return period;
  if (period === 65_536) return 65_535;
  if ((period & (period - 1)) === 0) return period;
  return report.error(pointer, 'invalid-value', `must be 0, a power of two up to 32768, or 65535, found ${period}`);
}

function isUnicast(address: number): boolean {
  return address > 0 && address < 0x8000;
}
