import { MemoryStore, MeshError } from '@meshferry/core';
import { directedCredentials, portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { KeyManager } from './key-manager.ts';
import { NetKeyMaterial } from './key-material.ts';
import { Keys } from './keys.ts';
import type { NetworkChange } from './network-change.ts';
import type { NetworkLayer } from './network-layer.ts';
import { decodeNetworkPdu, encodeNetworkPdu } from './pdu.ts';
import { privateBeacon, secureBeacon } from './testing/beacon.ts';
import { FailingStore } from './testing/failing-store.ts';
import { APP_KEY, appMessage, NET_KEY, TestMesh, type TestNode } from './testing/node.ts';
import { ScriptedNode } from './testing/scripted-node.ts';
import { network as vectors } from './testing/vectors.ts';

const NEW_KEY = new Uint8Array(16).fill(0x99);
const THIRD_KEY = new Uint8Array(16).fill(0x98);
const NEW_APP_KEY = new Uint8Array(16).fill(0x9a);
const KEYS = { old: NET_KEY, new: NEW_KEY };

/** The code of the error that something throws, or `Success`. */
function codeOf(run: () => unknown): string {
  try {
    run();
    return 'Success';
  } catch (thrown) {
    return thrown instanceof MeshError ? thrown.code : String(thrown);
  }
}

function inPhase(phase: 0 | 1 | 2): ScriptedNode {
  const scripted = new ScriptedNode();
  const { keys } = scripted.node.layer;
  if (phase > 0) keys.updateNetKey(0, NEW_KEY);
  if (phase === 2) keys.setPhase(0, 2);
  expect(keys.phase(0)).toBe(phase);
  return scripted;
}

/** Which of the keys the node transmits with. */
function transmitKey({ node, bearer }: ScriptedNode): string {
  node.layer.send(appMessage(1, 0x7000, 5));
  const { data } = bearer.sent.at(-1)!;
  const names = ['old', 'new'] as const;
  return names.find((name) => decodeNetworkPdu(data, flooding(KEYS[name]), 0).ok) ?? 'another';
}

let seq = 0;
function receives({ node, bearer }: ScriptedNode, key: Uint8Array): boolean {
  const { received } = node.layer.counters;
  const pdu = { ctl: true, ttl: 2, seq: seq++, src: 0x200, dst: 0x7000, transportPdu: Uint8Array.of(1, 2, 3) };
  bearer.hear(encodeNetworkPdu(pdu, flooding(key), 0));
  return node.layer.counters.received > received;
}

function flooding(key: Uint8Array) {
  return new NetKeyMaterial(portableCrypto, 0, key).flooding;
}

/** What happens in a vector; its status where it is a Config message. */
function happen(scripted: ScriptedNode, phase: number, event: string): string {
  const { keys } = scripted.node.layer;
  if (event.includes('NetKey Update')) {
    const key = event.includes('third') ? THIRD_KEY : NEW_KEY;
    return codeOf(() => keys.updateNetKey(0, key));
  }
  const transition = /Transition ([23])/.exec(event)?.[1];
  if (transition !== undefined) return codeOf(() => keys.setPhase(0, transition === '2' ? 2 : 3));
  const key = event.includes('the new key') ? NEW_KEY : NET_KEY;
  const keyRefresh = event.includes('Flag 1') || (phase > 0 && key === NET_KEY);
  scripted.bearer.hear(secureBeacon(key, { keyRefresh }), 0x2b);
  return 'Success';
}

describe('Key Refresh', () => {
  it.each(vectors.keyRefresh)('$id', (v) => {
    const scripted = inPhase(v.phase);
    const { layer } = scripted.node;
    const changes: NetworkChange[] = [];
    layer.changes.subscribe((change) => changes.push(change));
    const outcome = happen(scripted, v.phase, v.event);
    expect(outcome).toBe(v.status?.startsWith('Cannot Update') ? 'cannot-update' : 'Success');
    expect(layer.keys.phase(0)).toBe(v.next);
    expect(changes).toEqual(v.next === v.phase ? [] : [{ type: 'key-refresh', netIndex: 0, phase: v.next }]);
    if (v.tx !== undefined) expect(transmitKey(scripted)).toBe(v.tx);
    if (v.rx !== undefined) {
      const names = (['old', 'new'] as const).filter((name) => receives(scripted, KEYS[name]));
      expect(names).toEqual(v.rx);
    }
    if (v.beacons === undefined) return;
    const [, name, flag] = /(old|new) key, flag ([01])/.exec(v.beacons)!;
    const expected = secureBeacon(KEYS[name as 'old' | 'new'], { keyRefresh: flag === '1' });
    expect(layer.beacons.encode('secure-network', 0)).toEqual(expected);
  });

  it('follows Mesh Private beacons as well', () => {
    const scripted = inPhase(1);
    const { keys } = scripted.node.layer;
    scripted.bearer.hear(privateBeacon(NET_KEY, { keyRefresh: true }), 0x2b);
    expect(keys.phase(0)).toBe(1);
    scripted.bearer.hear(privateBeacon(NEW_KEY, { keyRefresh: true }), 0x2b);
    expect(keys.phase(0)).toBe(2);
    scripted.bearer.hear(privateBeacon(NEW_KEY, { keyRefresh: false }), 0x2b);
    expect([keys.phase(0), receives(scripted, NET_KEY), receives(scripted, NEW_KEY)]).toEqual([0, false, true]);
  });

  it('takes no IV Index from the old key in Phase 2', () => {
    const scripted = inPhase(2);
    scripted.bearer.hear(secureBeacon(NET_KEY, { ivIndex: 7 }), 0x2b);
    expect(scripted.node.layer.ivIndex).toBe(0);
    scripted.bearer.hear(secureBeacon(NEW_KEY, { ivIndex: 7, keyRefresh: true }), 0x2b);
    expect(scripted.node.layer.ivIndex).toBe(7);
  });

  it('of a node that was provisioned in its course ends with the others', () => {
    const scripted = new ScriptedNode({ netKeys: [], appKeys: [] });
    const { layer } = scripted.node;
    layer.keys.addNetKey(5, NEW_KEY, { keyRefresh: true });
    expect([layer.keys.phase(5), layer.beacons.state(5)?.keyRefresh]).toEqual([2, true]);
    expect(codeOf(() => layer.keys.updateNetKey(5, THIRD_KEY))).toBe('cannot-update');
    scripted.bearer.hear(secureBeacon(NEW_KEY, { keyRefresh: false }), 0x2b);
    expect([layer.keys.phase(5), receives(scripted, NEW_KEY)]).toEqual([0, true]);
  });

  it.each([1, 2] as const)('goes on in Phase %i after a restart, with all keys', (phase) => {
    const scripted = inPhase(1);
    const { layer, store } = scripted.node;
    layer.keys.updateAppKey(0, 0, NEW_APP_KEY);
    if (phase === 2) layer.keys.setPhase(0, 2);
    const again = new ScriptedNode({ store });
    expect(again.node.layer.keys.phase(0)).toBe(phase);
    expect([receives(again, NET_KEY), receives(again, NEW_KEY)]).toEqual([true, true]);
    expect(transmitKey(again)).toBe(phase === 1 ? 'old' : 'new');
    again.node.layer.keys.setPhase(0, 3);
    const once = new ScriptedNode({ store });
    expect(once.node.layer.keys.phase(0)).toBe(0);
    expect([receives(once, NET_KEY), receives(once, NEW_KEY), transmitKey(once)]).toEqual([false, true, 'new']);
  });
});

describe('Key Refresh during traffic', () => {
  it('loses no message, and shuts out the node that did not get the new keys', () => {
    const mesh = new TestMesh('refresh', { hears: (from, to) => Math.abs(from - to) === 1 });
    const nodes = [1, 2, 3, 4, 5].map(() => mesh.add({ beacon: true, relay: { count: 2, intervalMs: 20 } }));
    const outsider = nodes[4]!;
    const staying = nodes.slice(0, 4);
    let tag = 0;
    const exchange = (ms: number) => {
      const sent: number[] = [];
      for (const node of nodes) node.received.length = 0;
      for (let i = 0; i < ms / 4000; i++) {
        for (const [src, dst] of [
          [1, 4],
          [4, 1],
        ] as const) {
          sent.push(++tag & 0xff);
          nodes[src - 1]!.layer.send(appMessage(src, dst, i % 2 === 0 ? 8 : 60, tag & 0xff));
        }
        nodes[0]!.layer.send(appMessage(1, 0xffff, 8, 0xee));
        mesh.clock.advance(4000);
      }
      const arrived = [nodes[0]!, nodes[3]!].flatMap((node) => node.received.map((m) => m.payload[0]!));
      expect(arrived.filter((value) => value !== 0xee).sort()).toEqual(sent.sort());
      return outsider.received.filter((m) => m.payload[0] === 0xee).length;
    };
    const phases = () => staying.map((node) => node.layer.keys.phase(0));

    expect(exchange(8000)).toBe(2);
    // The keys reach one node after the other, while messages go to and fro.
    for (const node of [2, 0, 3, 1].map((i) => nodes[i]!)) {
      node.layer.keys.updateNetKey(0, NEW_KEY);
      node.layer.keys.updateAppKey(0, 0, NEW_APP_KEY);
      exchange(8000);
    }
    expect(phases()).toEqual([1, 1, 1, 1]);
    expect(exchange(8000)).toBe(2);
    nodes[0]!.layer.keys.setPhase(0, 2);
    exchange(40_000); // the others follow by beacons, hop by hop
    expect(phases()).toEqual([2, 2, 2, 2]);
    expect(exchange(8000)).toBe(0);
    nodes[3]!.layer.keys.setPhase(0, 3);
    exchange(40_000);
    expect(phases()).toEqual([0, 0, 0, 0]);
    expect(exchange(8000)).toBe(0);
    const beaconOf = ({ layer }: TestNode) => layer.beacons.encode('secure-network', 0);
    expect(staying.map(beaconOf)).toEqual(staying.map(() => secureBeacon(NEW_KEY, {})));
    expect(beaconOf(outsider)).toEqual(secureBeacon(NET_KEY, {}));
  });
});

describe('keys at run time', () => {
  function manager(): { layer: NetworkLayer; changes: string[] } {
    const { layer } = new ScriptedNode().node;
    const changes: string[] = [];
    layer.changes.subscribe(({ type }) => changes.push(type));
    return { layer, changes };
  }

  it('are added, listed and removed, with the AppKeys of their subnet', () => {
    const { layer, changes } = manager();
    const { keys } = layer;
    keys.addNetKey(0x123, NEW_KEY);
    keys.addNetKey(0x123, NEW_KEY);
    keys.addAppKey(7, 0x123, APP_KEY);
    keys.addAppKey(7, 0x123, APP_KEY);
    expect([keys.netIndexes, keys.appIndexes(), keys.appIndexes(0x123)]).toEqual([[0, 0x123], [0, 7], [7]]);
    expect([keys.netIndexOf(7), keys.netIndexOf(8), keys.phase(0x123), keys.phase(1)]).toEqual([
      0x123,
      undefined,
      0,
      undefined,
    ]);
    keys.removeAppKey(8);
    keys.removeNetKey(9);
    keys.removeNetKey(0x123);
    expect([keys.netIndexes, keys.appIndexes()]).toEqual([[0], [0]]);
    keys.removeAppKey(0);
    expect(changes).toEqual([
      'net-key-added',
      'app-key-added',
      'app-key-removed',
      'net-key-removed',
      'app-key-removed',
    ]);
  });

  it('are refused with a code that says why', () => {
    const { keys } = manager().layer;
    keys.addNetKey(1, NEW_KEY);
    const codes = () => ({
      'add AppKey of another binding': codeOf(() => keys.addAppKey(0, 1, APP_KEY)),
      'add another value': codeOf(() => keys.addNetKey(1, THIRD_KEY)),
      'update unknown NetKey': codeOf(() => keys.updateNetKey(2, NEW_KEY)),
      'update to the same': codeOf(() => keys.updateNetKey(1, NEW_KEY)),
      'update to a short key': codeOf(() => keys.updateNetKey(1, new Uint8Array(15))),
      'update AppKey of an unknown subnet': codeOf(() => keys.updateAppKey(0, 2, APP_KEY)),
      'update unknown AppKey': codeOf(() => keys.updateAppKey(9, 0, APP_KEY)),
      'update AppKey of another binding': codeOf(() => keys.updateAppKey(0, 1, APP_KEY)),
      'update AppKey in Phase 0': codeOf(() => keys.updateAppKey(0, 0, NEW_APP_KEY)),
      'Transition 2 in Phase 0': codeOf(() => keys.setPhase(1, 2)),
      'Transition 3 in Phase 0': codeOf(() => keys.setPhase(1, 3)),
      'Transition of an unknown NetKey': codeOf(() => keys.setPhase(2, 2)),
    });
    expect(codes()).toEqual({
      'add AppKey of another binding': 'invalid-binding',
      'add another value': 'key-exists',
      'update unknown NetKey': 'unknown-net-key',
      'update to the same': 'key-exists',
      'update to a short key': 'bad-key-length',
      'update AppKey of an unknown subnet': 'unknown-net-key',
      'update unknown AppKey': 'unknown-app-key',
      'update AppKey of another binding': 'invalid-binding',
      'update AppKey in Phase 0': 'cannot-update',
      'Transition 2 in Phase 0': 'bad-transition',
      'Transition 3 in Phase 0': 'Success',
      'Transition of an unknown NetKey': 'unknown-net-key',
    });
    keys.updateNetKey(0, NEW_KEY);
    keys.updateAppKey(0, 0, NEW_APP_KEY);
    expect(codeOf(() => keys.updateAppKey(0, 0, NEW_APP_KEY))).toBe('Success');
    expect(codeOf(() => keys.updateAppKey(0, 0, THIRD_KEY))).toBe('key-exists');
    expect(codeOf(() => keys.addNetKey(0, NEW_KEY))).toBe('Success');
  });

  it('are not changed when the store refuses', () => {
    const store = new FailingStore(9);
    const scripted = new ScriptedNode({ store });
    const { keys } = scripted.node.layer;
    keys.updateNetKey(0, NEW_KEY);
    store.left = 0;
    expect(codeOf(() => keys.addNetKey(1, THIRD_KEY))).toBe('store-failed');
    expect(codeOf(() => keys.setPhase(0, 3))).toBe('store-failed');
    scripted.bearer.hear(secureBeacon(NEW_KEY, { keyRefresh: true }), 0x2b);
    expect([keys.netIndexes, keys.phase(0)]).toEqual([[0], 1]);
    store.left = 9;
    scripted.bearer.hear(secureBeacon(NEW_KEY, { keyRefresh: true }), 0x2b);
    expect(keys.phase(0)).toBe(2);
  });

  it('of a new node are all there or none, wherever the power fails', () => {
    const store = new MemoryStore();
    let writes = 0;
    const { batch } = store;
    store.batch = (changes) => {
      writes++;
      batch.call(store, changes);
    };
    const manager = new KeyManager(portableCrypto, new Keys(portableCrypto, store), () => {});
    manager.begin([{ index: 0, key: NET_KEY }], [{ index: 3, netIndex: 0, key: NEW_KEY }]);
    expect(writes).toBe(1);
    expect(new Keys(portableCrypto, store).appIndexes).toEqual([3]);
    expect(() => manager.begin([], [{ index: 3, netIndex: 9, key: NEW_KEY }])).toThrow(
      expect.objectContaining({ code: 'unknown-net-key' }),
    );
  });

  it('with credentials of their own are received under, until the value that those are made of is revoked', () => {
    const store = new MemoryStore();
    const keys = new Keys(portableCrypto, store);
    const manager = new KeyManager(portableCrypto, keys, () => {});
    manager.addNetKey(0, NET_KEY);
    const made = () => {
      const netKey = keys.transmitKey(0)!;
      return netKey.secure('directed', directedCredentials(portableCrypto, netKey.key));
    };
    const [kept, removed] = [made(), made()];
    for (const security of [kept, removed]) keys.addCredentials(security);
    expect(keys.withNid(kept.nid)).toEqual([kept, removed]);
    keys.removeCredentials(removed);
    keys.removeCredentials(removed);
    manager.updateNetKey(0, NEW_KEY);
    expect(keys.withNid(kept.nid)).toEqual([kept]);
    manager.setPhase(0, 3);
    expect(keys.withNid(kept.nid)).toEqual([]);
    expect(new Keys(portableCrypto, store).transmitKey(0)?.key).toEqual(NEW_KEY);
  });

  it('that the store holds in a form that is none are not there', () => {
    const store = new MemoryStore();
    store.batch([
      ['netkey/001', new Uint8Array(5)],
      ['netkey/002', new Uint8Array(17).fill(3)],
      ['appkey/001', new Uint8Array(17)],
    ]);
    const { keys } = new ScriptedNode({ store }).node.layer;
    expect([keys.netIndexes, keys.appIndexes()]).toEqual([[0], [0]]);
  });
});
