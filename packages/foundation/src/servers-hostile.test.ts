import { type MessageType, type Model, opcodeAt } from '@meshferry/access';
import { SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryOctets, arbitraryOf } from '../../access/src/testing/index.ts';
import { ConfigAppKeyDelete, ConfigNetKeyDelete } from './config-key-messages.ts';
import { CONFIGURATION_MESSAGES } from './families.ts';
import { HEALTH_MESSAGES } from './health-messages.ts';
import { ConfigurationStatus } from './status-codes.ts';
import { FailingStore } from './testing/failing-store.ts';
import { APP_KEY, COMPANY, FoundationNode, LAMP, MUTE, NET_KEY, SERVER_ADDRESS, VENDOR } from './testing/node.ts';

/** Each run makes nodes of the whole stack and sends them tens of messages: fewer runs than of a codec. */
const RUNS = 150;
const MESSAGES = 40;

const few = (...values: readonly unknown[]) => fc.constantFrom(...values);
const keys = few(NET_KEY, APP_KEY, new Uint8Array(16).fill(0x33));

/** Values that meet each other: with numbers at random nearly all would be of keys and models that are not there. */
const NEAR = {
  elementAddress: few(SERVER_ADDRESS, SERVER_ADDRESS, SERVER_ADDRESS, SERVER_ADDRESS + 1),
  modelId: few(LAMP, LAMP, VENDOR, MUTE, 0x0000, 0x0002, 0x4444),
  netKeyIndex: few(0, 1, 2),
  appKeyIndex: few(0, 1, 2, 3),
  netKey: keys,
  appKey: keys,
  destination: few(0, 0xc000, SERVER_ADDRESS, 1),
  source: few(0, 1),
  companyId: few(COMPANY, COMPANY, 1),
  address: few(0xc000, 0xc001, 0xffff, 0x8001, 5, 0),
  publishAddress: few(0, 0xc000, 1),
};

/** SIG and vendor lists take models of their kind alone. */
function near(type: MessageType<unknown>): Record<string, fc.Arbitrary<unknown>> {
  if (type.name.includes('Vendor Model')) return { ...NEAR, modelId: few(VENDOR, 0x0059_0009) };
  if (type.name.includes('SIG Model')) return { ...NEAR, modelId: few(LAMP, MUTE, 0) };
  return NEAR;
}

interface Step {
  readonly octets: Uint8Array;
  /** Writes that succeed before the store refuses. */
  readonly writes: number;
  readonly under: number;
}

const steps = (
  types: readonly MessageType<unknown>[],
  octets: (type: MessageType<unknown>) => fc.Arbitrary<Uint8Array>,
) =>
  fc.array(
    fc.record({
      octets: fc.oneof(...types.map(octets)),
      writes: fc.oneof(
        { weight: 3, arbitrary: fc.constant(Number.POSITIVE_INFINITY) },
        { weight: 1, arbitrary: fc.nat({ max: 2 }) },
      ),
      under: fc.nat({ max: 2 }),
    }),
    { minLength: 1, maxLength: MESSAGES, size: 'max' },
  );

const requests = (messages: readonly MessageType<unknown>[]) =>
  messages.filter(({ response, name }) => response !== undefined || name.endsWith('Unacknowledged'));

const sensible = (type: MessageType<unknown>) => arbitraryOf(type, near(type)).map((value) => type.encode(value));
const anything = (type: MessageType<unknown>) => arbitraryOctets(type, arbitraryOf(type, near(type)));

describe('servers under any messages, with a store that refuses now and then', () => {
  for (const [kind, octets] of [
    ['well-formed', sensible],
    ['hostile', anything],
  ] as const) {
    it(`Configuration Server, ${kind}: one answer at most, no half a state, all of it durable`, () => {
      fc.assert(
        fc.property(steps(requests(CONFIGURATION_MESSAGES), octets), (messages) => {
          const bench = new HostileBench();
          for (const message of messages) {
            bench.configure(message);
            checkWhole(bench.node);
          }
          const state = stateOf(bench.node);
          bench.node.close();
          const again = new FoundationNode(bench.clock, SERVER_ADDRESS, { store: bench.store });
          expect(stateOf(again)).toEqual(state);
          again.close();
        }),
        { numRuns: RUNS },
      );
    });

    it(`Health Server, ${kind}`, () => {
      fc.assert(
        fc.property(steps(requests(HEALTH_MESSAGES), octets), (messages) => {
          const bench = new HostileBench();
          bench.node.network.addAppKey(0, 0, APP_KEY);
          for (const model of [bench.node.health.model, bench.node.healthClient.model]) model.bind(0);
          bench.node.health.raise(3);
          for (const message of messages) bench.send(message, { kind: 'app', index: 0 });
          bench.node.close();
        }),
        { numRuns: RUNS },
      );
    });
  }
});

describe('a store that refuses', () => {
  it('gives Storage Failure, and leaves everything as it was', () => {
    const bench = new HostileBench();
    const { node } = bench;
    node.network.addAppKey(0, 0, APP_KEY);
    const lamp = node.access.modelAt(SERVER_ADDRESS, LAMP) as Model;
    lamp.bind(0);
    const random = new SeededRandom('refusing');
    const before = stateOf(node);
    let failures = 0;
    for (const type of requests(CONFIGURATION_MESSAGES)) {
      for (const value of fc.sample(arbitraryOf(type, near(type)), {
        numRuns: 60,
        seed: Math.floor(1e6 * random.uniform()),
      })) {
        const answers = bench.configure({ octets: type.encode(value), writes: 0, under: 0 });
        for (const { status } of answers as { status?: number }[]) {
          if (status === ConfigurationStatus.storageFailure) failures++;
        }
      }
    }
    expect(failures).toBeGreaterThan(50);
    expect(stateOf(node)).toEqual(before);
    node.close();
  });
});

describe('a key that is deleted while the store fails', () => {
  const deletions = [
    ['Config NetKey Delete', ConfigNetKeyDelete.encode({ netKeyIndex: 1 })],
    ['Config AppKey Delete', ConfigAppKeyDelete.encode({ netKeyIndex: 1, appKeyIndex: 2 })],
  ] as const;
  it.each(deletions)('%s: nothing hangs on what is gone, wherever it fails, also after a restart', (_, octets) => {
    const statuses: unknown[] = [];
    for (let writes = 0; writes < 6; writes++) {
      const bench = new HostileBench();
      const { network, access } = bench.node;
      network.addNetKey(1, new Uint8Array(16).fill(0x77));
      for (const index of [2, 3]) network.addAppKey(index, 1, new Uint8Array(16).fill(index));
      const lamp = access.modelAt(SERVER_ADDRESS, LAMP) as Model;
      for (const index of [2, 3]) lamp.bind(index);
      lamp.setPublication({ to: 0xc000, appIndex: 2 });
      network.heartbeats.publication = { destination: 1, count: 0, periodLog: 0, ttl: 5, features: 1, netIndex: 1 };
      const [answer] = bench.configure({ octets, writes, under: 0 }) as { status: number }[];
      statuses.push(answer?.status);
      checkWhole(bench.node);
      bench.node.close();
      const again = new FoundationNode(bench.clock, SERVER_ADDRESS, { store: bench.store });
      checkWhole(again);
      again.close();
    }
    expect(new Set(statuses)).toEqual(new Set([ConfigurationStatus.storageFailure, ConfigurationStatus.success]));
  });
});

/** A node that asks itself: what it answers comes to its own clients. */
class HostileBench {
  readonly clock = new VirtualClock(1000);
  readonly store = new FailingStore();
  readonly node = new FoundationNode(this.clock, SERVER_ADDRESS, { store: this.store });
  readonly #answers: { readonly name: string; readonly value: unknown }[] = [];

  constructor() {
    for (const type of [...CONFIGURATION_MESSAGES, ...HEALTH_MESSAGES]) {
      if (type.response !== undefined || type.name.endsWith('Unacknowledged')) continue;
      const { configurationClient, healthClient } = this.node;
      const { model } = type.name.startsWith('Health') ? healthClient : configurationClient;
      model.listen(type, (value) => this.#answers.push({ name: type.name, value }));
    }
  }

  configure(step: Step): readonly unknown[] {
    return this.send(step, { kind: 'device', node: SERVER_ADDRESS });
  }

  send(
    { octets, writes, under }: Step,
    key: Parameters<FoundationNode['access']['receive']>[0]['key'],
  ): readonly unknown[] {
    const { netIndexes } = this.node.network.keys;
    const netIndex = netIndexes[under % netIndexes.length] as number;
    this.#answers.length = 0;
    this.store.left = writes;
    const route = { src: SERVER_ADDRESS, dst: SERVER_ADDRESS, key, netIndex, credentials: 'flooding' } as const;
    this.node.access.receive({ ...route, ttl: 5, seq: 0, payload: octets });
    this.store.left = Number.POSITIVE_INFINITY;
    this.clock.advance(60);
    const answers = this.#answers.filter(({ name }) => name !== 'Health Current Status');
    if (answers.length > 1) throw new Error(`${answers.length} answers to ${toHex(octets)}`);
    const [answer] = answers;
    const asked = [...CONFIGURATION_MESSAGES, ...HEALTH_MESSAGES].find(({ opcode }) => opcode === opcodeAt(octets));
    if (answer !== undefined && answer.name !== asked?.response) throw new Error(`${answer.name} to ${toHex(octets)}`);
    return answers.map(({ value }) => value);
  }
}

/** Nothing hangs on a key that is not there. */
function checkWhole({ access, network, address }: FoundationNode): void {
  const { keys: own } = network;
  for (const index of own.appIndexes()) expect(own.phase(own.netIndexOf(index) as number)).toBeDefined();
  for (const id of [LAMP, VENDOR, MUTE]) {
    const { appKeys, publication } = access.modelAt(address, id) as Model;
    for (const index of appKeys) expect(own.netIndexOf(index)).toBeDefined();
    if (publication !== undefined) expect(appKeys).toContain(publication.appIndex);
  }
  const { destination, netIndex } = network.heartbeats.publication;
  if (destination !== 0) expect(own.phase(netIndex)).toBeDefined();
  expect(own.netIndexes.length).toBeGreaterThan(0);
}

/** All that must survive a restart. */
function stateOf({ access, network, address }: FoundationNode): unknown {
  const { keys: own, beacons, proxy, heartbeats } = network;
  const { destination, periodLog, ttl, features, netIndex } = heartbeats.publication;
  const net = own.netIndexes.map((index) => [index, own.phase(index)]).sort();
  return {
    keys: [
      net,
      own.appIndexes().sort(),
      own
        .appIndexes()
        .sort()
        .map((index) => own.netIndexOf(index)),
    ],
    states: [network.defaultTtl, network.transmit, network.relay, network.relayRetransmit, beacons.secureNetwork],
    features: [proxy.states.gattProxy, network.friend?.enabled],
    heartbeats: destination === 0 ? 'off' : [destination, periodLog, ttl, features, netIndex],
    models: [LAMP, VENDOR, MUTE].map((id) => {
      const { appKeys, publication, subscriptions } = access.modelAt(address, id) as Model;
      return { appKeys, publication, subscriptions };
    }),
  };
}
