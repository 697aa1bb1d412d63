import { publishPeriodOf } from '@meshferry/access';
import { MemoryStore, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { CurrentFaults } from './health-client.ts';
import { HealthServer, type HealthServerOptions, type HealthTest } from './health-server.ts';
import { FailingStore } from './testing/failing-store.ts';
import {
  APP_KEY,
  COMPANY,
  FoundationNode,
  type FoundationNodeOptions,
  FoundationPair,
  SERVER_ADDRESS,
} from './testing/node.ts';

const to = { address: SERVER_ADDRESS };
const ONCE = { attempts: 1, intervalMs: 1000 };

/** A pair whose Health models are bound to AppKey 0; the server publishes to the client. */
function healthPair(health: Partial<HealthServerOptions> = {}, period = 0): FoundationPair {
  const pair = new FoundationPair({ health });
  bind(pair, period);
  return pair;
}

function bind(pair: FoundationPair, period: number): void {
  for (const node of [pair.client, pair.server]) {
    node.network.addAppKey(0, 0, APP_KEY);
    node.health.model.bind(0);
    node.healthClient.model.bind(0);
  }
  pair.server.health.model.setPublication({ to: 1, appIndex: 0, period });
}

function heardBy({ client }: FoundationPair): CurrentFaults[] {
  const heard: CurrentFaults[] = [];
  client.healthClient.current.subscribe((status) => heard.push(status));
  return heard;
}

describe('faults', () => {
  it('are published when they come and go, and stay registered until they are cleared', async () => {
    const pair = healthPair();
    const heard = heardBy(pair);
    const { health } = pair.server;
    const { healthClient } = pair.client;
    health.raise(0x01);
    health.raise(0x01);
    pair.clock.advance(1000);
    health.raise(0x07);
    pair.clock.advance(1000);
    health.resolve(0x01);
    health.resolve(0x02);
    pair.clock.advance(1000);
    expect(heard.map(({ faults }) => faults)).toEqual([[1], [1, 7], [7]]);
    expect(heard[0]).toEqual({ source: SERVER_ADDRESS, companyId: COMPANY, testId: 0, faults: [1] });
    const registered = await pair.until(healthClient.faultGet(to, COMPANY));
    expect(registered).toEqual({ testId: 0, companyId: COMPANY, faults: [1, 7] });
    expect(health.registeredFaults()).toEqual([1, 7]);
    expect((await pair.until(healthClient.faultClear(to, COMPANY))).faults).toEqual([]);
    expect(health.currentFaults()).toEqual([7]);
    health.raise(0x09);
    await pair.until(healthClient.faultClearUnacknowledged(to, COMPANY));
    pair.clock.advance(1000);
    expect(health.registeredFaults(COMPANY)).toEqual([]);
    pair.close();
  });

  it('that are registered survive a restart, with the most recent test', async () => {
    const pair = healthPair({ test: (_, done) => done([5, 0, 256]) });
    await pair.until(pair.client.healthClient.faultTest(to, COMPANY, 3));
    pair.restart();
    expect(pair.server.health.currentFaults()).toEqual([]);
    const { healthClient } = pair.client;
    expect(await pair.until(healthClient.faultGet(to, COMPANY))).toEqual({
      testId: 3,
      companyId: COMPANY,
      faults: [5],
    });
    pair.close();
  });

  it('of companies that the server does not know are not answered', async () => {
    const pair = healthPair();
    const { healthClient } = pair.client;
    const silence = expect.objectContaining({ code: 'no-response' });
    await expect(pair.until(healthClient.faultGet(to, 1, ONCE))).rejects.toEqual(silence);
    await expect(pair.until(healthClient.faultClear(to, 1, ONCE))).rejects.toEqual(silence);
    await expect(pair.until(healthClient.faultTest(to, 1, 0, ONCE))).rejects.toEqual(silence);
    await pair.until(healthClient.faultClearUnacknowledged(to, 1));
    await pair.until(healthClient.faultTestUnacknowledged(to, 1, 0));
    expect(() => pair.server.health.raise(1, 7)).toThrow(expect.objectContaining({ code: 'unknown-company' }));
    expect(() => pair.server.health.raise(0)).toThrow(expect.objectContaining({ code: 'bad-field' }));
    pair.close();
  });

  it('of several companies are published each; without any the first company says so', () => {
    const pair = healthPair({ companies: [1, 2, 3] }, publishPeriodOf(10_000));
    const { health } = pair.server;
    health.raise(0x80, 2);
    health.raise(0x81, 3);
    pair.clock.advance(5000);
    const heard = heardBy(pair);
    pair.clock.advance(10_000);
    expect(heard.map(({ companyId, faults }) => [companyId, faults])).toEqual([
      [2, [0x80]],
      [3, [0x81]],
    ]);
    health.resolve(0x80, 2);
    health.resolve(0x81, 3);
    pair.clock.advance(5000);
    heard.length = 0;
    pair.clock.advance(10_000);
    expect(heard.map(({ companyId, faults }) => [companyId, faults])).toEqual([[1, []]]);
    pair.close();
  });

  it('make the publication fast by the divisor, while there are some', async () => {
    const pair = healthPair({}, publishPeriodOf(10_000));
    const { healthClient } = pair.client;
    expect(await pair.until(healthClient.periodSet(to, 4))).toBe(4);
    expect(await pair.until(healthClient.periodGet(to))).toBe(4);
    const heard = heardBy(pair);
    pair.clock.advance(20_500);
    expect(heard.length).toBeLessThanOrEqual(2);
    pair.server.health.raise(1);
    pair.clock.advance(1000);
    heard.length = 0;
    pair.clock.advance(6250);
    expect(heard).toHaveLength(10); // every 625 ms
    await pair.until(healthClient.periodSetUnacknowledged(to, 0));
    pair.clock.advance(2000);
    heard.length = 0;
    pair.clock.advance(10_000);
    expect(heard).toHaveLength(1);
    pair.close();
  });

  it('are not cleared when the store refuses: the answer says so', async () => {
    const store = new FailingStore();
    const pair = healthPair({ store, test: (_, done) => done([9]) });
    pair.server.health.raise(3);
    store.left = 0;
    const { healthClient } = pair.client;
    expect((await pair.until(healthClient.faultClear(to, COMPANY))).faults).toEqual([3]);
    await expect(pair.until(healthClient.faultTest(to, COMPANY, 1, ONCE))).rejects.toMatchObject({
      code: 'no-response',
    });
    expect(() => pair.server.health.raise(4)).toThrow(expect.objectContaining({ code: 'store-failed' }));
    expect(pair.server.health.currentFaults()).toEqual([3]);
    pair.close();
  });
});

describe('a self-test', () => {
  it('is answered when it is over, to all who asked meanwhile, and run once', async () => {
    const tests: { test: HealthTest; done: (faults: readonly number[]) => void }[] = [];
    const pair = healthPair({ test: (test, done) => tests.push({ test, done }) });
    const heard = heardBy(pair);
    const { healthClient } = pair.client;
    const asked = healthClient.faultTest(to, COMPANY, 2, { intervalMs: 2000 });
    pair.clock.advance(9000);
    expect(tests.map(({ test }) => test)).toEqual([{ testId: 2, companyId: COMPANY }]);
    tests[0]?.done([0x11]);
    tests[0]?.done([0x13]);
    expect(await pair.until(asked)).toEqual({ testId: 2, companyId: COMPANY, faults: [0x11] });
    expect(heard.map(({ testId, faults }) => [testId, faults])).toEqual([[2, [0x11]]]);
    pair.close();
  });

  it('that follows another one replaces it', async () => {
    const tests: ((faults: readonly number[]) => void)[] = [];
    const pair = healthPair({ test: (_, done) => tests.push(done) });
    const { healthClient } = pair.client;
    await pair.until(healthClient.faultTestUnacknowledged(to, COMPANY, 1));
    pair.clock.advance(500);
    await pair.until(healthClient.faultTestUnacknowledged(to, COMPANY, 2));
    pair.clock.advance(500);
    tests[0]?.([1]);
    expect(pair.server.health.registeredFaults()).toEqual([]);
    tests[1]?.([]);
    expect(pair.server.health.registeredFaults()).toEqual([]);
    pair.close();
  });

  it('finds nothing new when there is none', async () => {
    const pair = healthPair();
    pair.server.health.raise(0x0d);
    const answer = await pair.until(pair.client.healthClient.faultTest(to, COMPANY, 0));
    expect(answer).toEqual({ testId: 0, companyId: COMPANY, faults: [0x0d] });
    pair.close();
  });
});

describe('attention', () => {
  it('is drawn for the seconds asked for, and can be ended', async () => {
    const told: [number, number][] = [];
    const clockOf = (): number => Math.round((pair.clock.now - 1000) / 1000);
    const pair: FoundationPair = healthPair({ attention: (seconds) => told.push([clockOf(), seconds]) });
    const { healthClient } = pair.client;
    expect(await pair.until(healthClient.attentionGet(to))).toBe(0);
    expect(await pair.until(healthClient.attentionSet(to, 10))).toBe(10);
    pair.clock.advance(4000);
    expect(await pair.until(healthClient.attentionGet(to))).toBe(6);
    await pair.until(healthClient.attentionSetUnacknowledged(to, 2));
    pair.clock.advance(3000);
    expect(pair.server.health.attention).toBe(0);
    pair.server.health.setAttention(100);
    expect(await pair.until(healthClient.attentionSet(to, 0))).toBe(0);
    pair.server.health.setAttention(0);
    expect(told.map(([, seconds]) => seconds)).toEqual([10, 2, 0, 100, 0]);
    expect(() => pair.server.health.setAttention(256)).toThrow(expect.objectContaining({ code: 'bad-field' }));
    pair.close();
  });

  it('leaves no timer behind', () => {
    const clock = new VirtualClock();
    const options: FoundationNodeOptions = { store: new MemoryStore() };
    const node = new FoundationNode(clock, 1, options);
    node.health.setAttention(255);
    node.close();
    clock.advance(300_000);
    expect(clock.nextAt).toBeUndefined();
  });
});

describe('a Health Server', () => {
  it('needs a company', () => {
    for (const companies of [[], [0x10000], [1, -1]]) {
      expect(() => new HealthServer({ companies })).toThrow(expect.objectContaining({ code: 'bad-field' }));
    }
  });
});
