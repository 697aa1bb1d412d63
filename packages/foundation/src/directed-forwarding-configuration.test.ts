import { Feature, Model } from '@meshferry/access';
import { describe, expect, it } from 'vitest';
import { DirectedForwardingConfigurationServer } from './directed-forwarding-configuration-server.ts';
import { ForwardingTableAdd, ForwardingTableEntriesStatus } from './forwarding-table-messages.ts';
import { ConfigurationStatus } from './status-codes.ts';
import { FailingStore } from './testing/failing-store.ts';
import { NET_KEYS, Pair, refusal, SERVER, type ServerOptions, TO } from './testing/mesh-1-1.ts';

const { cannotSet, featureNotSupported, insufficientResources, invalidAddress, invalidBearer } = ConfigurationStatus;
const { invalidModel, invalidNetKeyIndex, invalidPathEntry, storageFailure } = ConfigurationStatus;
const EVERYTHING = { forwarding: true, relay: true, proxy: true, friend: true };
const UNKNOWN = 9;

function setUp(options: ServerOptions = {}) {
  const pair = new Pair({ features: Feature.proxy | Feature.friend, ...options });
  return { pair, run: <T>(promise: Promise<T>) => pair.until(promise), ...pair.clients.directed };
}

const able = (more: ServerOptions = {}): ServerOptions => ({
  directed: { supports: EVERYTHING },
  network: { friend: true, gattProxy: true },
  ...more,
});

describe('a node that forwards nothing', () => {
  it('says that directed forwarding is not supported, and refuses to switch it on', async () => {
    const { run, paths } = setUp();
    const none = {
      forwarding: 'not-supported',
      relay: 'not-supported',
      proxy: 'not-supported',
      proxyUseDefault: 'not-supported',
      friend: 'not-supported',
    };
    expect(await run(paths.controlGet(TO, 0))).toEqual(none);
    expect(await run(paths.controlSet(TO, 0, { forwarding: false, relay: false }))).toEqual(none);
    for (const change of [
      { forwarding: true, relay: false },
      { forwarding: false, relay: true },
      { forwarding: false, relay: false, proxy: true },
      { forwarding: false, relay: false, proxyUseDefault: true },
      { forwarding: false, relay: false, friend: true },
    ]) {
      await expect(run(paths.controlSet(TO, 0, change))).rejects.toMatchObject(refusal(featureNotSupported));
    }
  });

  it('publishes nothing on paths, keeps none, and remembers what it is told all the same', async () => {
    const { run, node, paths } = setUp({ models: () => [new Model({ id: 0x1000, name: 'Lamp' })] });
    const directed = run(node.publishPolicySet(TO, SERVER, 0x1000, 'directed'));
    await expect(directed).rejects.toMatchObject(refusal(featureNotSupported));
    expect(await run(node.publishPolicySet(TO, SERVER, 0x1000, 'flooding'))).toBe('flooding');
    expect(await run(node.pathsGet(TO))).toEqual({ nodePaths: 0, relayPaths: 0, proxyPaths: 0, friendPaths: 0 });
    expect(await run(paths.wantedLanesSet(TO, 1, 3))).toBe(3);
  });
});

describe('Directed Control of a node that forwards', () => {
  const all = { forwarding: true, relay: true, proxy: true, proxyUseDefault: true, friend: true };
  const on = { forwarding: 'on', relay: 'on', proxy: 'on', proxyUseDefault: 'on', friend: 'on' };
  const off = { forwarding: 'off', relay: 'off', proxy: 'off', proxyUseDefault: 'not-supported', friend: 'off' };

  it('is set by subnet and kept; what is left out stays', async () => {
    const { pair, run, paths } = setUp(able());
    expect(await run(paths.controlSet(TO, 1, all))).toEqual(on);
    expect(await run(paths.controlSet(TO, 1, { forwarding: true, relay: false }))).toEqual({ ...on, relay: 'off' });
    pair.restart();
    expect(await run(paths.controlGet(TO, 1))).toEqual({ ...on, relay: 'off' });
    expect(await run(paths.controlGet(TO, 0))).toEqual(off);
  });

  it('goes off with what it depends on: forwarding, Directed Proxy, and the features GATT Proxy and Friend', async () => {
    const { pair, run, paths } = setUp(able());
    await run(paths.controlSet(TO, 1, all));
    const withoutProxy = { ...all, proxy: false };
    expect(await run(paths.controlSet(TO, 1, withoutProxy))).toMatchObject({
      proxy: 'off',
      proxyUseDefault: 'not-supported',
    });
    await run(paths.controlSet(TO, 1, all));
    expect(await run(paths.controlSet(TO, 1, { forwarding: false, relay: true }))).toEqual(off);
    await run(paths.controlSet(TO, 1, all));
    const { network } = pair.server;
    network.proxy.states.gattProxy = false;
    expect(await run(paths.controlGet(TO, 1))).toMatchObject({ proxy: 'off', friend: 'on' });
    network.proxy.states.gattProxy = true;
    expect(await run(paths.controlGet(TO, 1))).toMatchObject({ proxy: 'off', proxyUseDefault: 'not-supported' });
    network.friend!.enabled = false;
    network.friend!.enabled = true;
    expect(await run(paths.controlGet(TO, 1))).toMatchObject({ forwarding: 'on', relay: 'on', friend: 'off' });
    network.friend!.enabled = false;
    expect(await run(paths.controlSet(TO, 1, all))).toMatchObject({ friend: 'off', proxy: 'on' });
  });

  it('tells how many paths there is room for', async () => {
    const { run, node } = setUp({ directed: { supports: { forwarding: true, relay: true }, limits: { paths: 20 } } });
    expect(await run(node.pathsGet(TO))).toEqual({ nodePaths: 20, relayPaths: 20, proxyPaths: 0, friendPaths: 0 });
  });

  it('lets models publish on paths', async () => {
    const models = () => [new Model({ id: 0x1000, name: 'Lamp' })];
    const { pair, run, node } = setUp(able({ models }));
    expect(await run(node.publishPolicySet(TO, SERVER, 0x1000, 'directed'))).toBe('directed');
    pair.restart();
    expect(await run(node.publishPolicyGet(TO, SERVER, 0x1000))).toBe('directed');
    expect(await run(node.publishPolicySet(TO, SERVER, 0x1000, 'flooding'))).toBe('flooding');
    expect(pair.server.store.keys('directed/policy/')).toEqual([]);
    const refused = (promise: Promise<unknown>, status: number) =>
      expect(run(promise)).rejects.toMatchObject(refusal(status));
    await refused(node.publishPolicyGet(TO, SERVER + 9, 0x1000), invalidAddress);
    await refused(node.publishPolicySet(TO, SERVER, 0x1001, 'flooding'), invalidModel);
  });
});

describe('states of a subnet', () => {
  it('have their defaults, are set, and are kept', async () => {
    const { pair, run, paths } = setUp();
    expect(await run(paths.metricGet(TO, 0))).toMatchObject({ pathMetricType: 0, pathLifetime: 2 });
    expect(await run(paths.discoveryTableCapabilitiesGet(TO, 0))).toMatchObject({
      maxConcurrentInit: 2,
      maxEntries: 32,
    });
    expect(await run(paths.wantedLanesGet(TO, 0))).toBe(1);
    expect(await run(paths.twoWayPathGet(TO, 0))).toBe(true);
    expect(await run(paths.echoIntervalGet(TO, 0))).toMatchObject({ unicast: 0, multicast: 0 });
    await run(paths.metricSet(TO, { netKeyIndex: 0, pathMetricType: 1, pathLifetime: 3 }));
    await run(paths.discoveryTableCapabilitiesSet(TO, { netKeyIndex: 0, maxConcurrentInit: 32 }));
    await run(paths.wantedLanesSet(TO, 0, 4));
    await run(paths.twoWayPathSet(TO, 0, false));
    await run(paths.echoIntervalSet(TO, 0, { unicast: 10, multicast: 20 }));
    await run(paths.echoIntervalSet(TO, 0, { multicast: 30 }));
    pair.restart();
    expect(await run(paths.metricGet(TO, 0))).toMatchObject({ pathMetricType: 1, pathLifetime: 3 });
    expect(await run(paths.discoveryTableCapabilitiesGet(TO, 0))).toMatchObject({ maxConcurrentInit: 32 });
    expect(await run(paths.wantedLanesGet(TO, 0))).toBe(4);
    expect(await run(paths.twoWayPathGet(TO, 0))).toBe(false);
    expect(await run(paths.echoIntervalGet(TO, 0))).toMatchObject({ unicast: 10, multicast: 30 });
    expect(await run(paths.wantedLanesGet(TO, 1))).toBe(1);
  });

  it('refuse a NetKey that is not there, values beyond the node, and what cannot be stored', async () => {
    const store = new FailingStore();
    const { run, paths, table } = setUp({ store });
    const refused = (promise: Promise<unknown>, status: number) =>
      expect(run(promise)).rejects.toMatchObject(refusal(status));
    for (const unknown of [
      paths.controlGet(TO, UNKNOWN),
      paths.controlSet(TO, UNKNOWN, { forwarding: false, relay: false }),
      paths.metricGet(TO, UNKNOWN),
      paths.wantedLanesSet(TO, UNKNOWN, 2),
      paths.discoveryTableCapabilitiesGet(TO, UNKNOWN),
      table.entriesCount(TO, UNKNOWN),
      table.entries(TO, UNKNOWN),
    ]) {
      await refused(unknown, invalidNetKeyIndex);
    }
    await refused(paths.discoveryTableCapabilitiesSet(TO, { netKeyIndex: 0, maxConcurrentInit: 33 }), cannotSet);
    store.refuses = (key) => key.startsWith('directed/');
    await refused(paths.wantedLanesSet(TO, 0, 9), storageFailure);
    expect(await run(paths.wantedLanesGet(TO, 0))).toBe(1);
  });

  it('go with the NetKey, also when the power fails before they do', async () => {
    const { pair, run, paths, table } = setUp({ network: { netKeys: NET_KEYS.map((key, index) => ({ index, key })) } });
    const path = { pathOrigin: { start: 1, length: undefined }, target: 0xc001, backwardPathValidated: false };
    const set = async (netKeyIndex: number) => {
      await run(paths.wantedLanesSet(TO, netKeyIndex, 7));
      await run(table.add(TO, { ...path, netKeyIndex, bearerTowardOrigin: 1, bearerTowardTarget: 1 }));
    };
    await set(1);
    await set(2);
    pair.server.network.removeNetKey(1);
    pair.server.network.addNetKey(1, NET_KEYS[1]!);
    expect(await run(paths.wantedLanesGet(TO, 1))).toBe(1);
    expect(await run(table.entries(TO, 1))).toEqual([]);
    expect(await run(paths.wantedLanesGet(TO, 2))).toBe(7);
    const { store } = pair.server;
    store.batch([['network/netkey/002', null]]);
    pair.restart();
    expect(store.keys('directed/').filter((key) => key.endsWith('002'))).toEqual([]);
  });
});

describe('states of the node', () => {
  it('have their defaults, are set, and are kept', async () => {
    const { pair, run, node, paths } = setUp({ directed: { rssiThreshold: -80 } });
    const defaults = [
      ['network-transmit', { count: 2, intervalMs: 100 }],
      ['relay-retransmit', { count: 3, intervalMs: 100 }],
      ['control-network-transmit', { count: 2, intervalMs: 100 }],
      ['control-relay-retransmit', { count: 3, intervalMs: 100 }],
    ] as const;
    for (const [what, transmit] of defaults) expect(await run(node.transmitGet(TO, what))).toEqual(transmit);
    for (const [i, [what]] of defaults.entries()) {
      const transmit = { count: i + 1, intervalMs: 320 };
      expect(await run(node.transmitSet(TO, what, transmit))).toEqual(transmit);
    }
    expect(await run(node.rssiThresholdGet(TO))).toEqual({ default: -80, margin: 20 });
    await run(node.rssiThresholdSet(TO, 50));
    const timing = { monitoringInterval: 60, retryInterval: 61, discoveryInterval: 0, laneGuardInterval: 0 };
    expect(await run(paths.discoveryTimingGet(TO))).toEqual({
      monitoringInterval: 120,
      retryInterval: 300,
      discoveryInterval: 1,
      laneGuardInterval: 1,
    });
    await run(paths.discoveryTimingSet(TO, timing));
    pair.restart();
    expect(await run(node.rssiThresholdGet(TO))).toEqual({ default: -80, margin: 50 });
    expect(await run(paths.discoveryTimingGet(TO))).toEqual(timing);
    expect(await run(node.transmitGet(TO, 'control-relay-retransmit'))).toEqual({ count: 4, intervalMs: 320 });
  });

  it('show what is when the store refuses', async () => {
    const store = new FailingStore();
    const { run, node } = setUp({ store });
    store.refuses = (key) => key.startsWith('directed/');
    expect(await run(node.rssiThresholdSet(TO, 50))).toEqual({ default: -90, margin: 20 });
    await expect(node.transmitSet(TO, 'network-transmit', { count: 9, intervalMs: 10 })).rejects.toMatchObject({
      code: 'bad-field',
    });
  });

  it.each([{ limits: { paths: 0 } }, { limits: { dependents: 256 } }, { discoveryEntries: 1 }, { rssiThreshold: 200 }])(
    'cannot be %o',
    (wrong) => {
      const options = { host: () => new Pair().server, store: new FailingStore(), ...wrong };
      expect(() => new DirectedForwardingConfigurationServer(options)).toThrow('Directed Forwarding: ');
    },
  );
});

describe('fixed paths', () => {
  const TWO = { start: 0x0010, length: 2 };
  const ONE = { start: 0x0020, length: undefined };
  const PATH = {
    netKeyIndex: 1,
    pathOrigin: TWO,
    target: ONE,
    backwardPathValidated: true,
    bearerTowardOrigin: 1,
    bearerTowardTarget: 3,
  };
  const ENDS = { netKeyIndex: 1, pathOrigin: 0x0010, destination: 0x0020 };
  const ENTRY = {
    fixed: 1,
    unicastDestination: 1,
    backwardPathValidated: 1,
    pathOrigin: TWO,
    pathTarget: ONE,
    bearerTowardOrigin: 1,
    bearerTowardTarget: 3,
  };

  it('are added, replaced, read and deleted', async () => {
    const { pair, run, table } = setUp();
    await run(table.add(TO, PATH));
    await run(table.add(TO, { ...PATH, target: 0xc001, backwardPathValidated: false }));
    await run(table.add(TO, { ...PATH, bearerTowardTarget: 2 }));
    pair.restart();
    expect(await run(table.entries(TO, 1))).toMatchObject([
      { ...ENTRY, bearerTowardTarget: 2 },
      { ...ENTRY, unicastDestination: 0, backwardPathValidated: 0, pathTarget: undefined, destination: 0xc001 },
    ]);
    expect(await run(table.entriesCount(TO, 1))).toEqual({ fixed: 2, nonFixed: 0 });
    expect(await run(table.entries(TO, 0))).toEqual([]);
    await run(table.delete(TO, ENDS));
    await run(table.delete(TO, ENDS));
    expect(await run(table.entriesCount(TO, 1))).toEqual({ fixed: 1, nonFixed: 0 });
  });

  it('have dependents at both ends', async () => {
    const { run, table } = setUp();
    await run(table.add(TO, PATH));
    const origins = [
      { start: 0x0030, length: 3 },
      { start: 0x0040, length: undefined },
    ];
    const targets = [{ start: 0x0050, length: undefined }];
    await run(table.dependentsAdd(TO, ENDS, { origins, targets }));
    await run(table.dependentsAdd(TO, ENDS, { origins: [{ start: 0x0040, length: 2 }], targets: [] }));
    expect(await run(table.dependents(TO, ENDS))).toEqual({
      origins: [origins[0], { start: 0x0040, length: 2 }],
      targets,
    });
    expect(await run(table.entries(TO, 1))).toMatchObject([{ dependentOriginsCount: 2, dependentTargetsCount: 1 }]);
    await run(table.add(TO, PATH));
    await run(table.dependentsDelete(TO, ENDS, { origins: [0x0030, 0x0099], targets: [0x0050] }));
    expect(await run(table.dependents(TO, ENDS))).toEqual({ origins: [{ start: 0x0040, length: 2 }], targets: [] });
  });

  it('are read however long the lists are', async () => {
    const limits = { paths: 100, dependents: 255 };
    const { run, table } = setUp({ directed: { limits } });
    await run(table.add(TO, PATH));
    const ranges = (from: number) => Array.from({ length: 200 }, (_, i) => ({ start: from + 4 * i, length: 4 }));
    for (const part of [0, 100]) {
      const origins = ranges(0x1000).slice(part, part + 100);
      await run(table.dependentsAdd(TO, ENDS, { origins, targets: [] }));
      await run(table.dependentsAdd(TO, ENDS, { origins: [], targets: ranges(0x2000).slice(part, part + 100) }));
    }
    expect(await run(table.dependents(TO, ENDS))).toEqual({ origins: ranges(0x1000), targets: ranges(0x2000) });
    for (let i = 1; i < 60; i++) await run(table.add(TO, { ...PATH, target: { start: 0x3000 + 2 * i, length: 2 } }));
    expect(await run(table.entries(TO, 1))).toHaveLength(60);
  });

  it('are read from the beginning when they change meanwhile, up to a point', async () => {
    const { pair, run, table } = setUp({ directed: { limits: { paths: 200 } } });
    let added = 0;
    const add = () => {
      const target = { start: 0x3000 + 2 * added++, length: 2 };
      const fields = {
        ...PATH,
        backwardPathValidated: 0,
        unicastDestination: 1,
        pathTarget: target,
        destination: undefined,
      };
      const payload = ForwardingTableAdd.encode(fields);
      const context = { src: 1, dst: SERVER, key: { kind: 'device', node: SERVER } } as const;
      const more = { netIndex: 0, credentials: 'flooding', ttl: 5, element: SERVER } as const;
      expect(pair.server.access.process(SERVER, payload, { ...context, ...more }, () => true)).toBe('processed');
    };
    while (added < 60) add();
    let changes = 2;
    pair.clients.directed.model.listen(ForwardingTableEntriesStatus, ({ startIndex }) => {
      if (startIndex === 0 && changes-- > 0) add();
    });
    expect(await run(table.entries(TO, 1))).toHaveLength(62);
    changes = 3;
    await expect(run(table.entries(TO, 1))).rejects.toMatchObject({ code: 'table-changing' });
  });

  it('say when there is no room, no such path, or no such bearer', async () => {
    const { run, table } = setUp({ directed: { limits: { paths: 2, dependents: 2 } } });
    const refused = (promise: Promise<unknown>, status: number) =>
      expect(run(promise)).rejects.toMatchObject(refusal(status));
    await refused(table.add(TO, { ...PATH, netKeyIndex: UNKNOWN }), invalidNetKeyIndex);
    await refused(table.delete(TO, { ...ENDS, netKeyIndex: UNKNOWN }), invalidNetKeyIndex);
    await refused(table.dependents(TO, ENDS), invalidPathEntry);
    await refused(table.dependentsAdd(TO, ENDS, { origins: [], targets: [] }), invalidPathEntry);
    await refused(table.dependentsDelete(TO, ENDS, { origins: [], targets: [] }), invalidPathEntry);
    await refused(table.add(TO, { ...PATH, target: { start: 0x0011, length: undefined } }), invalidPathEntry);
    await refused(table.add(TO, { ...PATH, bearerTowardOrigin: 4 }), invalidBearer);
    await refused(table.add(TO, { ...PATH, bearerTowardTarget: 0 }), invalidBearer);
    await run(table.add(TO, { ...PATH, pathOrigin: { start: SERVER, length: undefined }, bearerTowardOrigin: 0 }));
    await run(table.add(TO, { ...PATH, target: 0xc001, bearerTowardTarget: 0 }));
    await refused(table.add(TO, PATH), insufficientResources);
    const ends = { ...ENDS, destination: 0xc001 };
    await refused(table.dependents(TO, ends, false), invalidPathEntry);
    const three = [1, 2, 3].map((start) => ({ start, length: undefined }));
    await refused(table.dependentsAdd(TO, ends, { origins: three, targets: [] }), insufficientResources);
    await run(table.dependentsAdd(TO, ends, { origins: three.slice(0, 2), targets: three.slice(1) }));
    await refused(table.dependentsAdd(TO, ends, { origins: [], targets: three }), insufficientResources);
  });

  it('do not change when they cannot be stored', async () => {
    const store = new FailingStore();
    const { run, table } = setUp({ store });
    await run(table.add(TO, PATH));
    store.refuses = (key) => key.startsWith('directed/');
    const dependents = { origins: [{ start: 5, length: undefined }], targets: [] };
    for (const refused of [
      table.add(TO, { ...PATH, bearerTowardTarget: 1 }),
      table.delete(TO, ENDS),
      table.dependentsAdd(TO, ENDS, dependents),
      table.dependentsDelete(TO, ENDS, { origins: [5], targets: [] }),
    ]) {
      await expect(run(refused)).rejects.toMatchObject(refusal(storageFailure));
    }
    expect(await run(table.entries(TO, 1))).toMatchObject([ENTRY]);
  });
});
