import { Feature } from '@meshferry/access';
import { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { ConfigurationStatusError } from './client-status.ts';
import { ConfigurationStatus } from './status-codes.ts';
import { APP_KEY, FoundationPair, LAMP, NET_KEY, SERVER_ADDRESS } from './testing/node.ts';

const to = { address: SERVER_ADDRESS };
const NEW_NET_KEY = new Uint8Array(16).fill(0x33);
const NEW_APP_KEY = new Uint8Array(16).fill(0x44);

/** The error of a refusal, by its status code. */
const refusal = (status: number) => expect.objectContaining({ code: 'config-status', status });

describe('Configuration Client and Server: the node as a whole', () => {
  it('tell and change Default TTL, beacons, transmissions and features', async () => {
    const pair = new FoundationPair();
    const { node } = pair.client.configurationClient;
    const { network } = pair.server;
    const run = <T>(promise: Promise<T>) => pair.until(promise);
    expect(await run(node.defaultTtlGet(to))).toBe(5);
    expect(await run(node.defaultTtlSet(to, 9))).toBe(9);
    expect(network.defaultTtl).toBe(9);
    expect(await run(node.beaconGet(to))).toBe(false);
    expect(await run(node.beaconSet(to, true))).toBe(true);
    expect(network.beacons.secureNetwork).toBe(true);
    expect(await run(node.networkTransmitGet(to))).toEqual({ count: 3, intervalMs: 20 });
    expect(await run(node.networkTransmitSet(to, { count: 8, intervalMs: 320 }))).toEqual({
      count: 8,
      intervalMs: 320,
    });
    expect(network.transmit).toEqual({ count: 8, intervalMs: 320 });
    expect(await run(node.friendGet(to))).toBe('on');
    expect(await run(node.friendSet(to, false))).toBe('off');
    expect(network.friend?.enabled).toBe(false);
    expect(await run(node.gattProxyGet(to))).toBe('off');
    expect(await run(node.gattProxySet(to, true))).toBe('on');
    expect(network.proxy.states.gattProxy).toBe(true);
    pair.close();
  });

  it('keep Relay Retransmit while Relay is off', async () => {
    const pair = new FoundationPair();
    const { node } = pair.client.configurationClient;
    const retransmit = { count: 4, intervalMs: 50 };
    expect(await pair.until(node.relayGet(to))).toEqual({ relay: 'off', retransmit: { count: 3, intervalMs: 20 } });
    expect(await pair.until(node.relaySet(to, false, retransmit))).toEqual({ relay: 'off', retransmit });
    expect(pair.server.network.relay).toBe(false);
    pair.restart();
    expect(await pair.until(node.relayGet(to))).toEqual({ relay: 'off', retransmit });
    expect(await pair.until(node.relaySet(to, true, retransmit))).toEqual({ relay: 'on', retransmit });
    expect(pair.server.network.relay).toEqual(retransmit);
    expect(pair.server.network.features.inUse('relay')).toBe(true);
    pair.close();
  });

  it('say what is not supported, and change nothing then', async () => {
    const pair = new FoundationPair({ features: 0 });
    const { node } = pair.client.configurationClient;
    expect(await pair.until(node.friendSet(to, true))).toBe('not-supported');
    expect(await pair.until(node.gattProxySet(to, true))).toBe('not-supported');
    expect(pair.server.network.proxy.states.gattProxy).toBe(false);
    const relay = await pair.until(node.relaySet(to, true, { count: 1, intervalMs: 30 }));
    expect(relay).toEqual({ relay: 'not-supported', retransmit: { count: 1, intervalMs: 10 } });
    expect(await pair.until(node.nodeIdentitySet(to, 0, true))).toBe('not-supported');
    expect(await pair.until(node.nodeIdentityGet(to, 0))).toBe('not-supported');
    expect(await pair.until(node.lowPowerNodePollTimeoutGet(to, 7))).toBeUndefined();
    pair.close();
  });

  it('tell a transmission that no message can tell as the nearest one', async () => {
    const pair = new FoundationPair({ network: { transmit: { count: 20, intervalMs: 5 } } });
    const { node } = pair.client.configurationClient;
    expect(await pair.until(node.networkTransmitGet(to))).toEqual({ count: 8, intervalMs: 10 });
    await expect(node.networkTransmitSet(to, { count: 1, intervalMs: 15 })).rejects.toMatchObject({
      code: 'bad-field',
    });
    pair.close();
  });

  it('read all pages of composition data', async () => {
    const pair = new FoundationPair();
    const pages = await pair.until(pair.client.configurationClient.node.compositionPages(to));
    expect([...pages.keys()]).toEqual([1, 0]);
    expect(pages.get(0)).toEqual(pair.server.access.compositionPage0());
    pair.close();
  });

  it('run Node Identity for 60 s', async () => {
    const pair = new FoundationPair();
    const { node } = pair.client.configurationClient;
    expect(await pair.until(node.nodeIdentitySet(to, 0, true))).toBe('on');
    expect(await pair.until(node.nodeIdentityGet(to, 0))).toBe('on');
    pair.clock.advance(60_000);
    expect(await pair.until(node.nodeIdentityGet(to, 0))).toBe('off');
    await expect(pair.until(node.nodeIdentityGet(to, 9))).rejects.toEqual(
      refusal(ConfigurationStatus.invalidNetKeyIndex),
    );
    pair.close();
  });

  it('tell the PollTimeout of a Low Power node while the node is its Friend, and end that with the feature', async () => {
    const pair = new FoundationPair();
    const { node } = pair.client.configurationClient;
    const lowPower = { pollTimeoutMs: 20_000 };
    const sleeper = pair.join(0x0300, { features: Feature.lowPower, network: { lowPower } });
    while (sleeper.network.lowPower?.state !== 'established') pair.clock.advance(1000);
    const told = await pair.until(node.lowPowerNodePollTimeoutGet(to, 0x0300));
    expect(told).toBeGreaterThanOrEqual(1000);
    expect(told).toBeLessThanOrEqual(20_000);
    expect(await pair.until(node.lowPowerNodePollTimeoutGet(to, 0x0301))).toBeUndefined();
    await pair.until(node.friendSet(to, false));
    expect(await pair.until(node.lowPowerNodePollTimeoutGet(to, 0x0300))).toBeUndefined();
    sleeper.close();
    pair.close();
  });

  it('work within one node, without a radio', async () => {
    const pair = new FoundationPair();
    const { server } = pair;
    pair.deaf = true;
    expect(await pair.until(server.configurationClient.node.defaultTtlSet(to, 33))).toBe(33);
    expect(server.network.defaultTtl).toBe(33);
    pair.close();
  });

  it('reset the node when its answer has left, once', async () => {
    const pair = new FoundationPair();
    await pair.until(pair.client.configurationClient.node.nodeReset(to));
    pair.clock.advance(1000);
    expect(pair.server.resets).toBe(1);
    pair.close();
  });
});

describe('Configuration Client and Server: keys', () => {
  it('add, list and delete NetKeys and AppKeys', async () => {
    const pair = new FoundationPair();
    const { keys } = pair.client.configurationClient;
    const run = <T>(promise: Promise<T>) => pair.until(promise);
    await run(keys.netKeyAdd(to, 0x123, NEW_NET_KEY));
    await run(keys.netKeyAdd(to, 0x123, NEW_NET_KEY));
    expect(await run(keys.netKeyGet(to))).toEqual([0, 0x123]);
    await run(keys.appKeyAdd(to, 0, 7, APP_KEY));
    await run(keys.appKeyAdd(to, 0x123, 3, NEW_APP_KEY));
    expect(await run(keys.appKeyGet(to, 0))).toEqual([7]);
    expect(await run(keys.appKeyGet(to, 0x123))).toEqual([3]);
    await run(keys.appKeyDelete(to, 0, 7));
    expect(await run(keys.appKeyGet(to, 0))).toEqual([]);
    await expect(run(keys.appKeyGet(to, 5))).rejects.toEqual(refusal(ConfigurationStatus.invalidNetKeyIndex));
    await expect(run(keys.appKeyAdd(to, 0, 3, NEW_APP_KEY))).rejects.toEqual(
      refusal(ConfigurationStatus.invalidNetKeyIndex),
    );
    pair.close();
  });

  it('delete with a NetKey all that hangs on it', async () => {
    const pair = new FoundationPair();
    const { keys, models, heartbeats, node } = pair.client.configurationClient;
    const run = <T>(promise: Promise<T>) => pair.until(promise);
    await run(keys.netKeyAdd(to, 1, NEW_NET_KEY));
    await run(keys.appKeyAdd(to, 1, 4, APP_KEY));
    await run(models.appBind(to, SERVER_ADDRESS, LAMP, 4));
    await run(models.publicationSet(to, SERVER_ADDRESS, LAMP, { to: 0xc000, appIndex: 4 }));
    const heartbeat = { destination: 0xc000, count: 0, periodLog: 0, ttl: 5, features: 1, netIndex: 1 };
    await run(heartbeats.publicationSet(to, heartbeat));
    await run(node.nodeIdentitySet(to, 1, true));
    await run(keys.netKeyDelete(to, 1));
    expect(await run(keys.netKeyGet(to))).toEqual([0]);
    expect(await run(models.appGet(to, SERVER_ADDRESS, LAMP))).toEqual([]);
    expect(await run(models.publicationGet(to, SERVER_ADDRESS, LAMP))).toBeUndefined();
    expect(await run(heartbeats.publicationGet(to))).toMatchObject({ destination: 0, netIndex: 0 });
    expect(pair.server.network.proxy.states.nodeIdentity(1)).toBe(false);
    pair.close();
  });

  it('do not delete the key of the message, nor the last one', async () => {
    const pair = new FoundationPair();
    const { keys } = pair.client.configurationClient;
    await expect(pair.until(keys.netKeyDelete(to, 0))).rejects.toEqual(refusal(ConfigurationStatus.cannotRemove));
    await pair.until(keys.netKeyAdd(to, 1, NEW_NET_KEY));
    pair.client.network.addNetKey(1, NEW_NET_KEY);
    await expect(pair.until(keys.netKeyDelete({ ...to, netIndex: 1 }, 1))).rejects.toEqual(
      refusal(ConfigurationStatus.cannotRemove),
    );
    await pair.until(keys.netKeyDelete({ ...to, netIndex: 1 }, 0));
    expect(pair.server.network.keys.netIndexes).toEqual([1]);
    pair.close();
  });

  it('stop at the room that the node has', async () => {
    const pair = new FoundationPair({ limits: { netKeys: 1, appKeys: 1 } });
    const { keys } = pair.client.configurationClient;
    const full = refusal(ConfigurationStatus.insufficientResources);
    await expect(pair.until(keys.netKeyAdd(to, 1, NEW_NET_KEY))).rejects.toEqual(full);
    await pair.until(keys.netKeyAdd(to, 0, NET_KEY));
    await pair.until(keys.appKeyAdd(to, 0, 1, APP_KEY));
    await pair.until(keys.appKeyAdd(to, 0, 1, APP_KEY));
    await expect(pair.until(keys.appKeyAdd(to, 0, 2, NEW_APP_KEY))).rejects.toEqual(full);
    pair.close();
  });

  it('refresh the keys of a subnet', async () => {
    const pair = new FoundationPair();
    const { keys } = pair.client.configurationClient;
    const own = pair.client.network.keys;
    const run = <T>(promise: Promise<T>) => pair.until(promise);
    own.addAppKey(0, 0, APP_KEY);
    await run(keys.appKeyAdd(to, 0, 0, APP_KEY));
    own.updateNetKey(0, NEW_NET_KEY);
    own.updateAppKey(0, 0, NEW_APP_KEY);
    await expect(run(keys.appKeyUpdate(to, 0, 0, NEW_APP_KEY))).rejects.toEqual(
      refusal(ConfigurationStatus.cannotUpdate),
    );
    await run(keys.netKeyUpdate(to, 0, NEW_NET_KEY));
    await run(keys.netKeyUpdate(to, 0, NEW_NET_KEY));
    await run(keys.appKeyUpdate(to, 0, 0, NEW_APP_KEY));
    expect(await run(keys.keyRefreshPhaseGet(to, 0))).toBe(1);
    pair.restart();
    expect(await run(keys.keyRefreshPhaseSet(to, 0, 2))).toBe(2);
    own.setPhase(0, 2);
    expect(await run(keys.keyRefreshPhaseSet(to, 0, 3))).toBe(0);
    own.setPhase(0, 3);
    expect(await run(keys.keyRefreshPhaseSet(to, 0, 3))).toBe(0);
    // From 0 to 2: prohibited, and not answered.
    const once = { attempts: 1, intervalMs: 1000 };
    await expect(run(keys.keyRefreshPhaseSet(to, 0, 2, once))).rejects.toMatchObject({ code: 'no-response' });
    await expect(run(keys.keyRefreshPhaseSet(to, 3, 2))).rejects.toEqual(
      refusal(ConfigurationStatus.invalidNetKeyIndex),
    );
    pair.close();
  });
});

describe('Configuration Client and Server: heartbeats', () => {
  it('publish them behind the Status, and count them', async () => {
    const pair = new FoundationPair();
    const { heartbeats } = pair.client.configurationClient;
    pair.client.network.heartbeats.subscribe(SERVER_ADDRESS, 1, 8);
    const wanted = { destination: 1, count: 5, periodLog: 2, ttl: 5, features: 0xff0f, netIndex: 0 };
    const told = await pair.until(heartbeats.publicationSet(to, wanted));
    expect(told).toEqual({ ...wanted, count: 8, features: 0x0f });
    expect(pair.client.network.heartbeats.subscription.count).toBe(0);
    pair.clock.advance(30_000);
    expect(pair.client.network.heartbeats.subscription).toMatchObject({ count: 8, minHops: 1, maxHops: 1 });
    expect((await pair.until(heartbeats.publicationGet(to))).count).toBe(0);
    const without = { destination: 1, count: 1, periodLog: 1, ttl: 5, features: 0, netIndex: 5 };
    await expect(pair.until(heartbeats.publicationSet(to, without))).rejects.toEqual(
      refusal(ConfigurationStatus.invalidNetKeyIndex),
    );
    const off = { ...without, destination: 0, netIndex: 0 };
    const nothing = { destination: 0, count: 0, periodLog: 0, ttl: 0, features: 0, netIndex: 0 };
    expect(await pair.until(heartbeats.publicationSet(to, off))).toEqual(nothing);
    pair.close();
  });

  it('tell what was heard, once more when it ends and not after', async () => {
    const pair = new FoundationPair();
    const { heartbeats } = pair.client.configurationClient;
    const begun = await pair.until(heartbeats.subscriptionSet(to, { source: 1, destination: 0xc000, periodLog: 8 }));
    expect(begun).toEqual({ source: 1, destination: 0xc000, period: 128, count: 0, minHops: 0x7f, maxHops: 0 });
    const publication = { destination: 0xc000, count: 0xffff, periodLog: 1, ttl: 5, features: 0, netIndex: 0 };
    pair.client.network.heartbeats.publication = publication;
    pair.clock.advance(4500);
    const heard = { source: 1, destination: 0xc000, period: 64, count: 4, minHops: 1, maxHops: 1 };
    expect(await pair.until(heartbeats.subscriptionGet(to))).toEqual(heard);
    const ended = await pair.until(heartbeats.subscriptionSet(to, { source: 0, destination: 0, periodLog: 0 }));
    expect(ended).toEqual({ ...heard, source: 0, destination: 0, period: 0 });
    const nothing = { source: 0, destination: 0, period: 0, count: 0, minHops: 0, maxHops: 0 };
    expect(await pair.until(heartbeats.subscriptionGet(to))).toEqual(nothing);
    pair.close();
  });
});

describe('an error of a Status', () => {
  it('is one with its code, in words and with a remedy', async () => {
    const pair = new FoundationPair();
    const error = await pair
      .until(pair.client.configurationClient.keys.netKeyDelete(to, 0))
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MeshError);
    expect(error).toBeInstanceOf(ConfigurationStatusError);
    expect(String((error as Error).message)).toBe(
      'Config NetKey Delete 0: 0x0100 answers Cannot Remove (0x0c): it is the key that secured this very message, or the last one',
    );
    expect((error as MeshError).hint).toContain('another NetKey');
    pair.close();
  });
});
