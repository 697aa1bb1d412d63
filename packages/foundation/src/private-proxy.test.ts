import { decodeRelations } from '@meshferry/access';
import { describe, expect, it } from 'vitest';
import { FoundationModelId } from './model-ids.ts';
import { SolicitationPduRplItemClear } from './solicitation-pdu-rpl-messages.ts';
import { ConfigurationStatus } from './status-codes.ts';
import { FailingStore } from './testing/failing-store.ts';
import { APP_KEY, Pair, refusal, SERVER, TO } from './testing/mesh-1-1.ts';

const { invalidNetKeyIndex, temporarilyUnableToChangeState } = ConfigurationStatus;

describe('Mesh Private Beacon models', () => {
  it('switch private beacons, and keep that and their interval', async () => {
    const pair = new Pair();
    const { beacon } = pair.clients;
    const run = <T>(promise: Promise<T>) => pair.until(promise);
    expect(await run(beacon.beaconGet(TO))).toEqual({ on: false, randomUpdateIntervalSteps: 60 });
    expect(await run(beacon.beaconSet(TO, true))).toEqual({ on: true, randomUpdateIntervalSteps: 60 });
    expect(await run(beacon.beaconSet(TO, true, 0))).toEqual({ on: true, randomUpdateIntervalSteps: 0 });
    expect(pair.server.network.beacons).toMatchObject({ meshPrivate: true, secureNetwork: false });
    pair.restart();
    expect(await run(beacon.beaconGet(TO))).toEqual({ on: true, randomUpdateIntervalSteps: 0 });
  });

  it('switch Private GATT Proxy, which gives way to GATT Proxy', async () => {
    const pair = new Pair();
    const { beacon } = pair.clients;
    const { states } = pair.server.network.proxy;
    expect(await pair.until(beacon.gattProxyGet(TO))).toBe('off');
    expect(await pair.until(beacon.gattProxySet(TO, true))).toBe('on');
    states.gattProxy = true;
    expect(await pair.until(beacon.gattProxyGet(TO))).toBe('off');
    expect(await pair.until(beacon.gattProxySet(TO, true))).toBe('off');
    states.gattProxy = false;
    expect(await pair.until(beacon.gattProxySet(TO, true))).toBe('on');
    expect(await pair.until(beacon.gattProxySet(TO, false))).toBe('off');
  });

  it('run Private Node Identity for a minute in a subnet, and not while Node Identity runs in any', async () => {
    const pair = new Pair();
    const { beacon } = pair.clients;
    const { states } = pair.server.network.proxy;
    expect(await pair.until(beacon.nodeIdentitySet(TO, 1, true))).toBe('on');
    expect(await pair.until(beacon.nodeIdentityGet(TO, 0))).toBe('off');
    expect(await pair.until(beacon.nodeIdentityGet(TO, 1))).toBe('on');
    pair.clock.advance(60_000);
    expect(await pair.until(beacon.nodeIdentityGet(TO, 1))).toBe('off');
    states.setNodeIdentity(2, true);
    const refused = pair.until(beacon.nodeIdentitySet(TO, 1, true));
    await expect(refused).rejects.toMatchObject(refusal(temporarilyUnableToChangeState));
    expect(await pair.until(beacon.nodeIdentitySet(TO, 1, false))).toBe('off');
    states.setNodeIdentity(2, false);
    expect(await pair.until(beacon.nodeIdentitySet(TO, 1, true))).toBe('on');
    states.setNodeIdentity(0, true);
    expect(await pair.until(beacon.nodeIdentityGet(TO, 1))).toBe('off');
    for (const unknown of [beacon.nodeIdentityGet(TO, 9), beacon.nodeIdentitySet(TO, 9, true)]) {
      await expect(pair.until(unknown)).rejects.toMatchObject(refusal(invalidNetKeyIndex));
    }
  });

  it('say that a node without the Proxy feature supports none of it', async () => {
    const pair = new Pair({ features: 0 });
    const { beacon, onDemand } = pair.clients;
    expect(await pair.until(beacon.gattProxySet(TO, true))).toBe('not-supported');
    expect(await pair.until(beacon.nodeIdentityGet(TO, 0))).toBe('not-supported');
    expect(await pair.until(beacon.nodeIdentitySet(TO, 0, true))).toBe('not-supported');
    expect(await pair.until(onDemand.set(TO, 30))).toBe(0);
    expect(pair.server.network.proxy.states).toMatchObject({ enabled: false, reachable: false });
    await expect(pair.until(beacon.nodeIdentitySet(TO, 9, true))).rejects.toMatchObject(refusal(invalidNetKeyIndex));
  });

  it('show what is when the store refuses', async () => {
    const store = new FailingStore();
    const pair = new Pair({ store });
    const { beacon, onDemand } = pair.clients;
    store.refuses = (key) => key === 'network/states';
    expect(await pair.until(beacon.beaconSet(TO, true, 3))).toEqual({ on: false, randomUpdateIntervalSteps: 60 });
    expect(await pair.until(beacon.gattProxySet(TO, true))).toBe('off');
    expect(await pair.until(onDemand.set(TO, 30))).toBe(0);
  });
});

describe('On-Demand Private Proxy models', () => {
  it('show in Composition Data Page 1 what the server extends and corresponds with', () => {
    const { server } = new Pair();
    const ids = server.access.composition.elements[0]!.sigModels;
    const decoded = decodeRelations(server.access.compositionPage(1).data);
    const models = decoded.ok ? decoded.value[0]!.sigModels : [];
    const of = (id: number) => models[ids.indexOf(id)]!;
    const { onDemandPrivateProxyServer, meshPrivateBeaconServer, solicitationPduRplConfigurationServer } =
      FoundationModelId;
    expect(of(onDemandPrivateProxyServer).extends).toEqual([
      { elementOffset: 0, modelIndex: ids.indexOf(meshPrivateBeaconServer) },
    ]);
    expect(of(onDemandPrivateProxyServer).correspondingGroup).toBe(0);
    expect(of(solicitationPduRplConfigurationServer).correspondingGroup).toBe(0);
    for (const id of [FoundationModelId.bridgeConfigurationServer, FoundationModelId.largeCompositionDataServer]) {
      expect(of(id).extends).toEqual([
        { elementOffset: 0, modelIndex: ids.indexOf(FoundationModelId.configurationServer) },
      ]);
    }
  });

  it('say for how long a solicited node is a proxy, and keep it', async () => {
    const pair = new Pair();
    const { onDemand } = pair.clients;
    expect(await pair.until(onDemand.get(TO))).toBe(0);
    expect(await pair.until(onDemand.set(TO, 255))).toBe(255);
    expect(pair.server.network.features.inUse('proxy')).toBe(true);
    pair.restart();
    expect(await pair.until(onDemand.get(TO))).toBe(255);
  });
});

describe('Solicitation PDU RPL Configuration models', () => {
  /** Whether a solicitation of the client is taken: its sequence number is written to the list then. */
  const solicited = (pair: Pair) => {
    pair.network.proxy.solicit(0);
    pair.clock.advance(2000);
    return pair.server.store.keys('network/srpl/');
  };

  it('forget the solicitations of a range of clients, under an AppKey, acknowledged or not', async () => {
    const pair = new Pair({
      network: { onDemandPrivateGattProxy: 10, appKeys: [{ index: 0, netIndex: 0, key: APP_KEY }] },
    });
    pair.server.rpl.model.bind(0);
    const { rpl } = pair.clients;
    expect(solicited(pair)).toEqual(['network/srpl/0001']);
    await pair.until(rpl.itemClear(TO, { start: 2, length: 255 }));
    expect(pair.server.store.keys('network/srpl/')).toHaveLength(1);
    await pair.until(rpl.itemClear(TO, { start: 1, length: 1 }));
    expect(pair.server.store.keys('network/srpl/')).toHaveLength(0);
    solicited(pair);
    await pair.until(rpl.itemClearUnacknowledged(TO, { start: 1, length: 2 }));
    pair.clock.advance(1000);
    expect(pair.server.store.keys('network/srpl/')).toHaveLength(0);
  });

  it('reach all proxies of a group', async () => {
    const pair = new Pair({ network: { onDemandPrivateGattProxy: 10 } });
    pair.server.rpl.model.bind(0);
    pair.server.rpl.model.subscribe(0xc001);
    solicited(pair);
    await pair.until(pair.clients.rpl.itemClear({ address: 0xc001 }, { start: 1, length: 1 }));
    expect(pair.server.store.keys('network/srpl/')).toHaveLength(0);
  });

  it('do not acknowledge what could not be forgotten, and take no device key', async () => {
    const store = new FailingStore();
    const pair = new Pair({ store, network: { onDemandPrivateGattProxy: 10 } });
    pair.server.rpl.model.bind(0);
    solicited(pair);
    store.refuses = (key) => key.startsWith('network/srpl/');
    const unanswered = pair.until(pair.clients.rpl.itemClear(TO, { start: 1, length: 1 }, { attempts: 1 }));
    await expect(unanswered).rejects.toMatchObject({ code: 'no-response' });
    expect(store.keys('network/srpl/')).toHaveLength(1);
    store.refuses = () => false;
    const payload = SolicitationPduRplItemClear.encode({ rangeStart: 1, rangeLength: undefined });
    pair.network.send({ src: 1, dst: SERVER, key: { kind: 'device', node: SERVER }, payload });
    pair.clock.advance(2000);
    expect(store.keys('network/srpl/')).toHaveLength(1);
  });
});
