import { AccessLayer, Feature, type Identity, Model } from '@meshferry/access';
import { type MemoryAir, memoryAir } from '@meshferry/bearer';
import { fromHex, MemoryStore, SeededRandom, type Store, storeView, toHex, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type AccessReceived, NetworkLayer, type NetworkLayerOptions } from '@meshferry/network';
import { ConfigurationServer } from '../config-server.ts';
import type { FoundationHost } from '../host.ts';
import type { Precondition, ReactionFamily } from './reactions.ts';

/** What the node under test is made with, besides its models. */
export interface BenchOptions {
  readonly identity: Identity;
  readonly network: Partial<NetworkLayerOptions>;
  readonly subscriptionListSize: number;
  /** SIG and vendor models of further elements. */
  readonly elements: readonly (readonly Model[])[];
}

/** Address of a client that has the device key of the node under test. */
export const CLIENT = 0x0001;
/** Address of the node under test, unless the precondition says another. */
export const SERVER = 0x1201;
const NET_KEY = '00112233445566778899aabbccddeeff';
const APP_KEY = '0123456789abcdef0123456789abcdef';
/** The AppKey of messages to models that take AppKeys, where the precondition has none. */
const OWN_APP_KEY = 0xabc;

/** How long an answer is waited for: longer than those to unicast addresses wait, in segments as well. */
const ANSWER_MS = 5000;

/** A client in the air: it sends what it is told to and notes what the node under test sends to it. */
export class BenchClient {
  readonly network: NetworkLayer;
  readonly heard: string[] = [];
  /** Told each message of the node under test. */
  onHeard: (message: AccessReceived) => void = () => {};

  constructor(bench: ReactionBench, address: number) {
    this.network = new NetworkLayer({
      clock: bench.clock,
      random: new SeededRandom(`client ${address}`),
      crypto: portableCrypto,
      store: new MemoryStore(),
      host: {
        isSubscribed: () => true,
        labelsOf: () => [],
        deviceKeyOf: (node) => (node === bench.address ? deviceKeyOf(node) : undefined),
        receive: (message) => {
          if (message.src < bench.address || message.src >= bench.address + 255) return;
          this.heard.push(toHex(message.payload));
          this.onHeard(message);
        },
      },
      address,
      elements: 1,
      deviceKey: deviceKeyOf(address),
    });
    configureKeys(this.network, bench.precondition);
    this.network.attach(bench.air.join().advertising);
  }
}

/** A node with the servers of a family, in the state of a precondition, and a client in reach of it. */
export class ReactionBench implements FoundationHost {
  readonly clock = new VirtualClock(1000);
  readonly air: MemoryAir = memoryAir(this.clock, new SeededRandom('air'));
  readonly store: Store = new MemoryStore();
  readonly precondition: Precondition;
  readonly address: number;
  readonly access: AccessLayer;
  readonly network: NetworkLayer;
  /** How often the node was reset. */
  resets = 0;
  readonly client: BenchClient;
  readonly #app: number | undefined;

  constructor(precondition: Precondition, family: ReactionFamily) {
    this.precondition = precondition;
    const { elements = [], lowPower = false, relaySupported = true } = precondition;
    this.address = Number.parseInt(elements[0] ?? '', 16) || SERVER;
    const configuration = new ConfigurationServer({ host: () => this });
    const store = storeView(this.store, 'foundation/');
    const { models, options = {}, prepare } = family.parts(precondition, () => this, store, configuration);
    const features =
      (relaySupported ? Feature.relay : 0) | Feature.proxy | (lowPower ? Feature.lowPower : Feature.friend);
    this.access = new AccessLayer({
      clock: this.clock,
      random: new SeededRandom('access'),
      store: storeView(this.store, 'access/'),
      crypto: portableCrypto,
      address: this.address,
      identity: options.identity ?? { cid: 0x0059, pid: 1, vid: 2, crpl: 32, features },
      subscriptionListSize: options.subscriptionListSize ?? 4,
      deviceKeyOf: (node) => (node < this.address ? deviceKeyOf(node) : undefined),
    });
    const tested = [configuration.model, ...models];
    this.access.addElement(0x0100, [...tested, ...others(precondition, tested)]);
    for (const more of options.elements ?? []) this.access.addElement(0, more);
    this.network = new NetworkLayer({
      clock: this.clock,
      random: new SeededRandom('network'),
      store: storeView(this.store, 'network/'),
      crypto: portableCrypto,
      host: this.access,
      address: this.address,
      elements: this.access.elementCount,
      deviceKey: deviceKeyOf(this.address),
      friend: !lowPower,
      ...options.network,
    });
    this.#beginTerm();
    this.access.connect(this.network);
    this.network.attach(this.air.join().advertising);
    configureKeys(this.network, precondition);
    this.network.changes.subscribe((change) => {
      if (change.type === 'app-key-removed') this.access.removeAppKey(change.appIndex);
    });
    this.#app = family.security === 'app' ? this.#bindAll(models) : undefined;
    this.#configureModels();
    this.client = this.join(CLIENT);
    prepare?.(this);
  }

  /** Another client, that the node knows the device key of, too. */
  join(address: number): BenchClient {
    const client = new BenchClient(this, address);
    if (this.#app !== undefined)
      client.network.addAppKey(OWN_APP_KEY, this.network.keys.netIndexes[0]!, fromHex(APP_KEY));
    return client;
  }

  /** Sends an access message from a client to the node, and gives what that answers within 5 s. */
  ask(payload: Uint8Array, client: BenchClient = this.client): readonly string[] {
    const from = client.heard.length;
    const { ttl = 5 } = this.precondition;
    const key = this.#app === undefined ? ({ kind: 'device', node: this.address } as const) : this.#appKey();
    const route = { src: client.network.address, dst: this.address, key, netIndex: this.network.keys.netIndexes[0]! };
    // No network layer sends a message without octets: it is handed over as if one had.
    if (payload.length > 0) client.network.send({ ...route, ttl, payload });
    else this.access.receive({ ...route, ttl, payload, credentials: 'flooding', seq: 0 });
    this.clock.advance(ANSWER_MS);
    return client.heard.slice(from);
  }

  /** All that the node keeps, but for what changes with each message. */
  state(): string {
    const kept = this.store.keys('').filter((key) => !/^network\/(seq|replay|rpl|iv)/.test(key));
    return kept.map((key) => `${key}=${toHex(this.store.get(key)!)}`).join('\n');
  }

  reset(): void {
    this.resets++;
  }

  close(): void {
    this.access.close();
    this.network.close();
    this.client.network.close();
  }

  /** Composition Data of the term, where the precondition says what it is: as if other software had begun it. */
  #beginTerm(): void {
    const { pages = {} } = this.precondition;
    this.store.batch(Object.entries(pages).map(([page, data]) => [`access/composition/${page}`, fromHex(data)]));
  }

  #appKey() {
    return { kind: 'app', index: this.#app! } as const;
  }

  #bindAll(models: readonly Model[]): number {
    this.network.addAppKey(OWN_APP_KEY, this.network.keys.netIndexes[0]!, fromHex(APP_KEY));
    for (const model of models) if (model.security === 'app') model.bind(OWN_APP_KEY);
    return OWN_APP_KEY;
  }

  #configureModels(): void {
    const { models = [], bindings = {}, subscriptionListFull = false } = this.precondition;
    const model = (id: string): Model => this.access.modelAt(this.address, Number.parseInt(id, 16))!;
    for (const [id, indexes] of Object.entries(bindings)) {
      for (const index of indexes) {
        if (this.network.keys.netIndexOf(index) === undefined) this.network.addAppKey(index, 0, fromHex(APP_KEY));
        model(id).bind(index);
      }
    }
    if (subscriptionListFull) for (let i = 0; i < 4; i++) model(models[0]!).subscribe(0xd000 + i);
  }
}

/** Each node of the bench has its own. */
function deviceKeyOf(address: number): Uint8Array {
  return new Uint8Array(16).fill(address & 0xff).fill(address >> 8, 8);
}

/** The NetKeys and AppKeys of a precondition, in its Key Refresh Phase: node and client have the same. */
function configureKeys(
  network: NetworkLayer,
  { netKeys = { 0: NET_KEY }, appKeys = {}, phase = 0, newKey }: Precondition,
): void {
  for (const [index, key] of Object.entries(netKeys)) network.addNetKey(Number(index), fromHex(key));
  for (const [index, [netIndex, key]] of Object.entries(appKeys)) {
    network.addAppKey(Number(index), netIndex, fromHex(key));
  }
  if (phase > 0) network.keys.updateNetKey(0, fromHex(newKey ?? 'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf'));
  if (phase === 2) network.keys.setPhase(0, 2);
}

/** The models that a precondition names and the servers under test are not: they publish, periodically as well. */
function others({ models = [] }: Precondition, tested: readonly Model[]): readonly Model[] {
  return models
    .map((id) => Number.parseInt(id, 16))
    .filter((id) => !tested.some((model) => model.id === id))
    .map((id) => {
      const model = new Model({ id, name: `Model ${id.toString(16)}` });
      model.publishes(() => {});
      return model;
    });
}
