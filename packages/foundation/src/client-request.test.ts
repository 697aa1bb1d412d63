import { describe, expect, it } from 'vitest';
import { answerTimeMs, ClientRequests, LONGEST_ANSWER } from './client-request.ts';
import { ConfigurationStatusError, succeeded } from './client-status.ts';
import { ConfigDefaultTtlGet, ConfigDefaultTtlSet, ConfigDefaultTtlStatus } from './config-node-messages.ts';
import { ConfigurationServer } from './config-server.ts';
import { ConfigurationStatus } from './status-codes.ts';
import { FoundationPair, SERVER_ADDRESS } from './testing/node.ts';

const to = { address: SERVER_ADDRESS };

describe('requests of a client', () => {
  it('are repeated until they are answered', async () => {
    const pair = new FoundationPair();
    pair.deaf = true;
    const asked = pair.client.configurationClient.node.defaultTtlGet(to);
    pair.clock.advance(7000);
    pair.deaf = false;
    expect(await pair.until(asked)).toBe(5);
    pair.close();
  });

  it('end after 30 s and more without an answer', async () => {
    const pair = new FoundationPair();
    pair.deaf = true;
    const begun = pair.clock.now;
    const error = await pair.until(pair.client.configurationClient.node.defaultTtlGet(to)).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'no-response' });
    expect(pair.clock.now - begun).toBeGreaterThanOrEqual(30_000);
    expect(pair.clock.now - begun).toBeLessThan(40_000);
    pair.close();
  });

  it('take the attempts, intervals and TTL that they are given', async () => {
    const pair = new FoundationPair();
    const ttls: number[] = [];
    pair.server.configuration.model.listen(ConfigDefaultTtlGet, (_, { ttl }) => ttls.push(ttl));
    const { node } = pair.client.configurationClient;
    await pair.until(node.defaultTtlGet(to, { ttl: 9 }));
    expect(ttls).toEqual([9]);
    pair.deaf = true;
    const begun = pair.clock.now;
    const asked = node.defaultTtlGet(to, { attempts: 2, intervalMs: 500 });
    await expect(pair.until(asked)).rejects.toMatchObject({ code: 'no-response' });
    expect(pair.clock.now - begun).toBeLessThan(1500);
    pair.close();
  });

  it('to one node follow each other, those to others do not wait', async () => {
    const pair = new FoundationPair();
    const order: string[] = [];
    const { node } = pair.client.configurationClient;
    const silent = node.defaultTtlGet({ address: 0x0200 }, { attempts: 1, intervalMs: 20_000 });
    const all = [
      silent.catch(() => order.push('silent')),
      node.defaultTtlSet(to, 7).then(() => order.push('set')),
      node.defaultTtlGet(to).then((ttl) => order.push(`get ${ttl}`)),
      node.beaconGet(to).then(() => order.push('beacon')),
    ];
    await pair.until(Promise.all(all));
    expect(order).toEqual(['set', 'get 7', 'beacon', 'silent']);
    pair.close();
  });

  it('end when they are aborted: under way, waiting, or before', async () => {
    const pair = new FoundationPair();
    pair.deaf = true;
    const { node } = pair.client.configurationClient;
    const cancelled = expect.objectContaining({ code: 'cancelled' });
    const [first, second] = [new AbortController(), new AbortController()];
    const asked = node.defaultTtlGet(to, { signal: first.signal });
    const waiting = node.defaultTtlGet(to, { signal: second.signal });
    const last = node.defaultTtlGet(to);
    second.abort();
    await expect(waiting).rejects.toEqual(cancelled);
    pair.clock.advance(100);
    first.abort();
    await expect(asked).rejects.toEqual(cancelled);
    await expect(node.defaultTtlGet({ address: 5 }, { signal: AbortSignal.abort() })).rejects.toEqual(cancelled);
    pair.deaf = false;
    expect(await pair.until(last)).toBe(5);
    pair.close();
  });

  it('that cannot be sent are rejected, and those behind them go on', async () => {
    const pair = new FoundationPair();
    const { node } = pair.client.configurationClient;
    const wrong = node.defaultTtlSet(to, 1);
    const right = node.defaultTtlSet(to, 2);
    await expect(pair.until(wrong)).rejects.toMatchObject({ code: 'bad-field' });
    expect(await pair.until(right)).toBe(2);
    await expect(pair.until(node.defaultTtlGet({ ...to, netIndex: 4 }))).rejects.toMatchObject({ code: 'no-key' });
    pair.close();
  });

  it('do not take late answers to an earlier one, but believe the fourth', async () => {
    const pair = new FoundationPair();
    const { model } = pair.client.configurationClient;
    const requests = new ClientRequests(model);
    const exchange = {
      type: ConfigDefaultTtlSet,
      value: { ttl: 9 },
      response: ConfigDefaultTtlStatus,
      matches: () => true,
      isDone: () => false,
    };
    const statuses: number[] = [];
    model.listen(ConfigDefaultTtlStatus, ({ ttl }) => statuses.push(ttl));
    expect(await pair.until(requests.ask(exchange, to))).toEqual({ ttl: 9 });
    expect(statuses).toEqual([9, 9, 9, 9]);
    pair.close();
  });

  it('without an answer tell when they have left, or why they cannot', async () => {
    const pair = new FoundationPair();
    const { model } = pair.client.configurationClient;
    const requests = new ClientRequests(model);
    await pair.until(requests.tell(ConfigDefaultTtlSet, { ttl: 11 }, to));
    pair.clock.advance(1000);
    expect(pair.server.network.defaultTtl).toBe(11);
    await expect(pair.until(requests.tell(ConfigDefaultTtlSet, { ttl: 1 }, to))).rejects.toMatchObject({
      code: 'bad-field',
    });
    const { healthClient } = pair.client;
    await expect(pair.until(healthClient.attentionSetUnacknowledged(to, 1))).rejects.toMatchObject({
      code: 'key-not-bound',
    });
    await expect(pair.until(healthClient.attentionSet({ ...to, appIndex: 3 }, 1))).rejects.toMatchObject({
      code: 'key-not-bound',
    });
    pair.close();
  });

  it('wait longer for more hops and more segments', () => {
    expect(answerTimeMs(11)).toBe(2000);
    expect(answerTimeMs(11, 0)).toBe(1200);
    expect(answerTimeMs(11, 127)).toBe(5000);
    expect(answerTimeMs(12, 5)).toBe(4600);
    expect(answerTimeMs(LONGEST_ANSWER, 5)).toBe(7600);
  });
});

describe('a status other than Success', () => {
  it.each(Object.entries(ConfigurationStatus).filter(([, status]) => status !== 0))('%s has words', (_, status) => {
    const error = refused(status);
    expect(error.status).toBe(status);
    expect(error.code).toBe('config-status');
    expect(error.message).toMatch(/^Wish: 0x0100 answers [A-Z][A-Za-z ]+ \(0x[01][0-9a-f]\): [a-z].+/);
    expect(error.hint).toMatch(/\.$/);
  });

  it('that is not known is told by its number', () => {
    expect(refused(0xfe).message).toContain('(0xfe)');
    expect(succeeded({ status: 0 }, 'Wish', to)).toEqual({ status: 0 });
  });

  function refused(status: number): ConfigurationStatusError {
    try {
      succeeded({ status }, 'Wish', to);
    } catch (error) {
      if (error instanceof ConfigurationStatusError) return error;
    }
    throw new Error('not refused');
  }
});

describe('a Configuration Server', () => {
  it('has room for keys that fit into a list', () => {
    const host = () => {
      throw new Error('nobody asked');
    };
    for (const limits of [{ netKeys: 0 }, { appKeys: 241 }, { netKeys: 1.5 }]) {
      expect(() => new ConfigurationServer({ host, limits })).toThrow(expect.objectContaining({ code: 'bad-field' }));
    }
  });
});
