import { memoryAir } from '@meshferry/bearer';
import { MemoryStore, SeededRandom, storeView, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { addressRefreshWrites } from './address-refresh.ts';
import { NetworkLayer } from './network-layer.ts';

const NET_KEY = new Uint8Array(16).fill(0x11);
const OLD = new Uint8Array(16).fill(0x01);
const NEW = new Uint8Array(16).fill(0x02);
const NEWER = new Uint8Array(16).fill(0x03);
const [CLIENT, NODE] = [0x0001, 0x0100];

describe('the device key of a node', () => {
  it('is the old one until a message came under the candidate, which is the key then', () => {
    const { client, node, ask } = pair();
    node().offerDeviceKey(NEW);
    expect(ask(OLD)).toEqual(['answer']);
    expect(node().hasDeviceKeyCandidate).toBe(true);
    client.key = NEW;
    expect(ask(NEW)).toEqual(['answer']);
    expect(node().hasDeviceKeyCandidate).toBe(false);
    expect(ask(OLD)).toEqual([]);
  });

  it('answers under the old key to a message under the old key while there is a candidate', () => {
    const { client, node, ask } = pair();
    node().offerDeviceKey(NEW);
    client.key = OLD;
    expect(ask(OLD)).toEqual(['answer']);
  });

  it('is replaced by the latest candidate, also after a restart', () => {
    const { client, node, ask, restart } = pair();
    node().offerDeviceKey(NEW);
    restart();
    expect(node().hasDeviceKeyCandidate).toBe(true);
    node().offerDeviceKey(NEWER);
    client.key = NEW;
    expect(ask(NEW)).toEqual([]);
    restart();
    client.key = NEWER;
    expect(ask(NEWER)).toEqual(['answer']);
    restart();
    expect(ask(NEWER)).toEqual(['answer']);
    client.key = OLD;
    expect(ask(OLD)).toEqual([]);
  });

  it('stays, and the message does not count, when the store refuses', () => {
    const { client, node, store, ask } = pair();
    node().offerDeviceKey(NEW);
    client.key = NEW;
    store.refuses = (key) => key.includes('devkey');
    expect(ask(NEW)).toEqual([]);
    expect(() => node().offerDeviceKey(NEWER)).toThrow('no more');
    store.refuses = () => false;
    expect(ask(NEW)).toEqual(['answer']);
  });

  it('must have 16 octets', () => {
    const { node } = pair();
    expect(() => node().offerDeviceKey(new Uint8Array(15))).toThrow(
      expect.objectContaining({ code: 'bad-key-length' }),
    );
  });
});

describe('an address refresh', () => {
  it('keeps keys, IV Index and the replay list but for own entries, and forgets all else', () => {
    const { node, store, ask } = pair();
    node().addNetKey(1, NEW);
    node().addAppKey(5, 1, NEWER);
    node().defaultTtl = 9;
    node().offerDeviceKey(NEW);
    expect(ask(OLD)).toEqual(['answer']);
    const view = storeView(store, 'network/');
    view.batch([['rpl/0100', Uint8Array.of(0, 0, 0, 0, 0, 0, 1)]]);
    const own = [
      { address: NODE, elements: 1 },
      { address: 0x0200, elements: 2 },
    ];
    const before = view.keys('');
    view.batch(addressRefreshWrites(view, own));
    expect(before).toEqual(expect.arrayContaining(['seq', 'states', 'devkey', 'rpl/0001', 'rpl/0100']));
    expect(view.keys('')).toEqual(['appkey/005', 'iv', 'netkey/000', 'netkey/001', 'rpl/0001']);
  });
});

class RefusingStore extends MemoryStore {
  refuses: (key: string) => boolean = () => false;

  override batch(writes: Iterable<readonly [string, Uint8Array | null]>): void {
    const all = [...writes];
    if (all.some(([key]) => this.refuses(key))) throw new Error('no more');
    super.batch(all);
  }
}

/** A client that asks under some key, and a node that answers under its own. */
function pair() {
  const clock = new VirtualClock(1000);
  const air = memoryAir(clock, new SeededRandom('air'));
  const store = new RefusingStore();
  const client: { key: Uint8Array; readonly heard: string[] } = { key: OLD, heard: [] };
  let node: NetworkLayer;
  const layer = (
    address: number,
    deviceKey: Uint8Array,
    host: Partial<ConstructorParameters<typeof NetworkLayer>[0]['host']>,
    kept = new MemoryStore(),
  ) => {
    const made = new NetworkLayer({
      clock,
      random: new SeededRandom(`${address}`),
      crypto: portableCrypto,
      store: storeView(kept, 'network/'),
      host: { isSubscribed: () => false, labelsOf: () => [], deviceKeyOf: () => undefined, receive: () => {}, ...host },
      address,
      elements: 1,
      deviceKey,
      netKeys: [{ index: 0, key: NET_KEY }],
    });
    made.attach(air.join().advertising);
    return made;
  };
  const start = (): void => {
    const answers = {
      receive: ({ src, key }: { src: number; key: { kind: string } }) => {
        if (key.kind === 'device')
          node.send({ src: NODE, dst: src, key: { kind: 'device', node: NODE }, payload: Uint8Array.of(2) });
      },
    };
    node = layer(NODE, OLD, answers, store);
  };
  start();
  const own = layer(CLIENT, NET_KEY, {
    deviceKeyOf: () => client.key,
    receive: () => client.heard.push('answer'),
  });
  const ask = (key: Uint8Array): string[] => {
    client.key = key;
    client.heard.length = 0;
    own.send({ src: CLIENT, dst: NODE, key: { kind: 'device', node: NODE }, payload: Uint8Array.of(1) });
    clock.advance(3000);
    return client.heard;
  };
  return {
    client,
    store,
    ask,
    node: () => node,
    restart: () => {
      node.close();
      start();
    },
  };
}
