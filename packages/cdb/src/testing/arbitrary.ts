import fc from 'fast-check';
import type { NetworkDocument } from '../model.ts';

const between = (low: number, high: number): fc.Arbitrary<string> =>
  fc.integer({ min: low, max: high }).map((n) => n.toString(16).toUpperCase().padStart(4, '0'));
/** `n` digits, a multiple of 4. */
const hexDigits = (n: number): fc.Arbitrary<string> =>
  fc.tuple(...Array.from({ length: n / 4 }, () => between(0, 0xffff))).map((parts) => parts.join(''));
const uuid = hexDigits(32).map((t) => t.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));
const timestamp = fc.constantFrom('2026-04-23T12:00:00Z', '2026-04-23T20:09:44+08:00', '2026-04-23T12:00:00.123Z');
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });
const unknown = fc.dictionary(
  fc.constantFrom('vendor:x', 'knownAddresses', '__proto__', 'constructor', ''),
  fc.jsonValue({ maxDepth: 2 }),
  {
    maxKeys: 2,
  },
);

/** An object with properties that nobody knows. */
const withUnknown = <T extends object>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc
    .tuple(arbitrary, fc.option(unknown, { nil: {}, freq: 1 }))
    .map(
      ([known, more]) =>
        Object.fromEntries(Object.entries({ ...more, ...known }).filter(([, value]) => value !== undefined)) as T,
    );

/** A document in order, in the form of version 1.0.1, small, with unknown properties anywhere. */
export const networks: fc.Arbitrary<NetworkDocument> = fc
  .record({ netKeys: fc.integer({ min: 1, max: 3 }), appKeys: fc.integer({ min: 0, max: 3 }), partial: fc.boolean() })
  .chain(({ netKeys, appKeys, partial }) => {
    const net = fc.integer({ min: 0, max: netKeys - 1 });
    const keyStates = (of: fc.Arbitrary<number>): fc.Arbitrary<{ index: number; updated: boolean }[]> =>
      fc.uniqueArray(withUnknown(fc.record({ index: of, updated: fc.boolean() })), {
        selector: (key) => key.index,
        maxLength: 3,
      });
    const apps: fc.Arbitrary<{ index: number }[]> =
      appKeys === 0 ? fc.constant([]) : keyStates(fc.integer({ min: 0, max: appKeys - 1 }));
    const groups = fc.uniqueArray(fc.oneof(between(0xc000, 0xfeff), hexDigits(32)), { maxLength: 4 });
    return withUnknown(
      fc.record({
        version: fc.constant('1.0.1'),
        meshUUID: uuid,
        meshName: fc.string(),
        partial: maybe(fc.constant(partial)).map((p) => (partial ? true : p)),
        timestamp,
        provisioners: fc
          .array(fc.record({ provisionerName: fc.string(), UUID: uuid }), { minLength: 1, maxLength: 3 })
          .map((all) =>
            all.map((one, i) => ({
              ...one,
              allocatedUnicastRange: [{ lowAddress: `${i + 1}000`, highAddress: `${i + 1}7FF` }],
              allocatedGroupRange: [{ lowAddress: `C${i}00`, highAddress: `C${i}FF` }],
              allocatedSceneRange: i === 0 ? [] : [{ firstScene: `0${i}00`, lastScene: `0${i}FF` }],
            })),
          ),
        netKeys: fc.tuple(...Array.from({ length: netKeys }, (_, index) => netKey(index))),
        appKeys: fc.tuple(...Array.from({ length: appKeys }, (_, index) => appKey(index, net))),
        nodes: fc.array(node(partial, keyStates(net), apps), { maxLength: 4 }).map((all) =>
          all.map((one, i) => ({
            ...one,
            unicastAddress: (1 + i * 300).toString(16).toUpperCase().padStart(4, '0'),
          })),
        ),
        groups: groups.chain((addresses) =>
          fc.tuple(
            ...addresses.map((address, i) =>
              withUnknown(
                fc.record({
                  name: fc.string(),
                  address: fc.constant(address),
                  parentAddress: fc.constantFrom('0000', ...addresses.slice(0, i)),
                }),
              ),
            ),
          ),
        ),
        scenes: fc.array(
          withUnknown(
            fc.record({
              number: between(1, 0xffff),
              name: fc.string(),
              addresses: fc.array(between(1, 0x7fff), { maxLength: 3 }),
            }),
          ),
          { maxLength: 2 },
        ),
        networkExclusions: maybe(
          fc.uniqueArray(
            fc.record({
              ivIndex: fc.integer({ min: 0, max: 5 }),
              addresses: fc.array(between(1, 0x7fff), { maxLength: 4 }),
            }),
            { selector: (list) => list.ivIndex, maxLength: 3 },
          ),
        ),
      }),
    ) as fc.Arbitrary<unknown> as fc.Arbitrary<NetworkDocument>;
  });

function netKey(index: number): fc.Arbitrary<object> {
  return fc.constantFrom(0, 1, 2).chain((phase) =>
    withUnknown(
      fc.record({
        name: fc.string(),
        index: fc.constant(index),
        key: hexDigits(32),
        oldKey: phase === 0 ? fc.constant(undefined) : hexDigits(32),
        phase: fc.constant(phase),
        minSecurity: fc.constantFrom('secure', 'insecure'),
        timestamp,
      }),
    ),
  );
}

function appKey(index: number, net: fc.Arbitrary<number>): fc.Arbitrary<object> {
  const names = { name: fc.string(), index: fc.constant(index) };
  return withUnknown(fc.record({ ...names, boundNetKey: net, key: hexDigits(32), oldKey: maybe(hexDigits(32)) }));
}

function node(
  partial: boolean,
  netKeys: fc.Arbitrary<{ index: number }[]>,
  appKeys: fc.Arbitrary<{ index: number }[]>,
): fc.Arbitrary<object> {
  const transmit = maybe(fc.record({ count: fc.integer({ min: 1, max: 8 }), interval: fc.constantFrom(10, 20, 320) }));
  const feature = maybe(fc.constantFrom(0, 1, 2));
  const features = withUnknown(fc.record({ relay: feature, proxy: feature, friend: feature, lowPower: feature }));
  return fc.tuple(netKeys, appKeys).chain(([nets, apps]) =>
    withUnknown(
      fc.record({
        UUID: uuid,
        name: maybe(fc.string()),
        deviceKey: partial ? maybe(hexDigits(32)) : hexDigits(32),
        security: fc.constantFrom('secure', 'insecure'),
        netKeys: fc.constant(nets),
        appKeys: fc.constant(apps),
        configComplete: fc.boolean(),
        excluded: fc.boolean(),
        cid: maybe(hexDigits(4)),
        features: maybe(features),
        secureNetworkBeacon: maybe(fc.boolean()),
        defaultTTL: maybe(fc.integer({ min: 0, max: 127 })),
        networkTransmit: transmit,
        relayRetransmit: transmit,
        elements: fc
          .array(fc.array(model(apps.map(({ index }) => index)), { maxLength: 2 }), { minLength: 1, maxLength: 2 })
          .map((all) => all.map((models, index) => ({ index, location: '0000', models }))),
        heartbeatPub: nets.length === 0 ? fc.constant(undefined) : maybe(heartbeat(nets.map(({ index }) => index))),
        heartbeatSub: maybe(fc.record({ source: between(1, 0x7fff), destination: between(0xc000, 0xffff) })),
      }),
    ),
  );
}

function heartbeat(netKeys: readonly number[]): fc.Arbitrary<object> {
  return fc.record({
    address: fc.oneof(between(1, 0x7fff), between(0xc000, 0xffff)),
    period: fc.constantFrom(0, 1, 64, 32768, 65535),
    ttl: fc.integer({ min: 0, max: 127 }),
    index: fc.constantFrom(...netKeys),
    features: fc.subarray(['relay', 'proxy', 'friend', 'lowPower']),
  });
}

function model(appKeys: readonly number[]): fc.Arbitrary<object> {
  const target = fc.oneof(between(0xc000, 0xffff), hexDigits(32));
  return withUnknown(
    fc.record({
      modelId: fc.oneof(hexDigits(4), hexDigits(8)),
      subscribe: fc.array(target, { maxLength: 3 }),
      bind: fc.subarray([...appKeys]),
      publish:
        appKeys.length === 0
          ? fc.constant(undefined)
          : maybe(
              fc.record({
                address: fc.oneof(target, between(1, 0x7fff)),
                index: fc.constantFrom(...appKeys),
                ttl: fc.oneof(fc.integer({ min: 0, max: 127 }), fc.constant(255)),
                period: fc.record({
                  numberOfSteps: fc.integer({ min: 0, max: 63 }),
                  resolution: fc.constantFrom(100, 1000, 10000, 600000),
                }),
                credentials: fc.constantFrom(0, 1),
                retransmit: fc.record({ count: fc.integer({ min: 0, max: 7 }), interval: fc.constantFrom(50, 1600) }),
              }),
            ),
    }),
  );
}
