import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { AD_MESH_BEACON } from '@meshferry/bearer';
import { fromHex, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beaconIntervalMs } from './beacon-interval.ts';
import {
  type Beacon,
  decodeBeacon,
  encodeMeshPrivateBeacon,
  encodeSecureNetworkBeacon,
  encodeUnprovisionedDeviceBeacon,
  isAuthenticBeacon,
  openMeshPrivateBeacon,
} from './beacon-pdu.ts';
import { NetKeyMaterial } from './key-material.ts';
import { HOUR, privateBeacon, secureBeacon } from './testing/beacon.ts';
import { NET_KEY, TestMesh } from './testing/node.ts';
import { ScriptedNode } from './testing/scripted-node.ts';
import { hex, beacons as vectors } from './testing/vectors.ts';

function material(netKey: string): NetKeyMaterial {
  return new NetKeyMaterial(portableCrypto, 0, fromHex(netKey));
}

function decoded<Type extends Beacon['type']>(octets: Uint8Array, type: Type): Beacon & { type: Type } {
  const beacon = decodeBeacon(octets);
  if (!beacon.ok || beacon.value.type !== type) throw new Error(`not a ${type} beacon`);
  return beacon.value as Beacon & { type: Type };
}

describe('beacons of the vectors', () => {
  it.each(vectors.unprovisionedDevice)('$id', (v) => {
    const { type, ...fields } = decoded(fromHex(v.beacon), 'unprovisioned-device');
    expect(fields).toEqual({
      deviceUuid: fromHex(v.deviceUuid),
      oobInformation: hex(v.oobInformation),
      ...(v.beacon.length > 38 ? { uriHash: fromHex(v.uriHash!) } : {}),
    });
    expect(toHex(encodeUnprovisionedDeviceBeacon(fields))).toBe(v.beacon);
  });

  it.each(vectors.secureNetwork)('$id', (v) => {
    const { beacon: key, networkId } = material(v.netKey);
    const beacon = decoded(fromHex(v.beacon), 'secure-network');
    const state = { keyRefresh: v.keyRefresh === 1, ivUpdate: v.ivUpdate === 1, ivIndex: hex(v.ivIndex) };
    expect(beacon).toEqual({
      type: 'secure-network',
      flags: hex(v.flags),
      ...state,
      networkId: fromHex(v.networkId),
      authenticationValue: fromHex(v.authenticationValue),
    });
    expect(isAuthenticBeacon(key, beacon)).toBe(true);
    if (hex(v.flags) <= 3) expect(toHex(encodeSecureNetworkBeacon(key, networkId, state))).toBe(v.beacon);
  });

  it.each(vectors.meshPrivate)('$id', (v) => {
    const { privateBeacon: key } = material(v.netKey);
    const flags = hex(v.flags);
    const state = { keyRefresh: (flags & 1) === 1, ivUpdate: (flags & 2) === 2, ivIndex: hex(v.ivIndex) };
    const beacon = decoded(fromHex(v.beacon), 'mesh-private');
    expect([toHex(beacon.random), openMeshPrivateBeacon(key, beacon)]).toEqual([v.random, state]);
    expect(toHex(encodeMeshPrivateBeacon(key, beacon.random, state))).toBe(v.beacon);
  });

  it.each(vectors.negative)('$id: $why', (v) => {
    const replayed = v.id === 'neg-snb-replayed-lower-iv';
    const scripted = new ScriptedNode({
      netKeys: [{ index: 0, key: fromHex(v.netKey) }],
      ivIndex: replayed ? 0x12345679 : 0x12345670,
    });
    scripted.bearer.hear(fromHex(v.beacon), AD_MESH_BEACON);
    const { ivIndex, counters } = scripted.node.layer;
    expect([ivIndex, counters.beacons]).toEqual(replayed ? [0x12345679, 1] : [0x12345670, 0]);
  });

  it.each(vectors.beaconInterval)('$observed observed in $observationPeriodS s: the next after $intervalS s', (v) => {
    expect(beaconIntervalMs(1000 * v.observationPeriodS, v.observed)).toBe(1000 * v.intervalS);
  });
});

describe('the codec of beacons', () => {
  const anyState = fc.record({
    keyRefresh: fc.boolean(),
    ivUpdate: fc.boolean(),
    ivIndex: fc.integer({ min: 0, max: 0xffff_ffff }),
  });
  const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const { beacon: key, privateBeacon: privateKey, networkId } = new NetKeyMaterial(portableCrypto, 0, NET_KEY);

  it('gives back an Unprovisioned Device beacon', () => {
    const anyUnprovisioned = fc.record(
      { deviceUuid: octets(16), oobInformation: fc.nat(0xffff), uriHash: octets(4) },
      { requiredKeys: ['deviceUuid', 'oobInformation'] },
    );
    fc.assert(
      fc.property(anyUnprovisioned, (beacon) => {
        expect(decodeBeacon(encodeUnprovisionedDeviceBeacon(beacon))).toEqual({
          ok: true,
          value: { type: 'unprovisioned-device', ...beacon },
        });
      }),
    );
  });

  it('gives back a Secure Network beacon, and no other after a change of one bit', () => {
    fc.assert(
      fc.property(anyState, fc.nat(22 * 8 - 9), (state, bit) => {
        const encoded = encodeSecureNetworkBeacon(key, networkId, state);
        const beacon = decoded(encoded, 'secure-network');
        expect(beacon).toMatchObject(state);
        if (!isAuthenticBeacon(key, beacon)) throw new Error('not authentic');
        encoded[1 + (bit >> 3)]! ^= 1 << (bit & 7);
        const changed = decoded(encoded, 'secure-network');
        if (bit >> 3 < 1 || bit >> 3 > 8) expect(isAuthenticBeacon(key, changed)).toBe(false);
        else expect(changed.networkId).not.toEqual(networkId);
      }),
    );
  });

  it('gives back a Mesh Private beacon, and none after a change of one bit', () => {
    fc.assert(
      fc.property(anyState, octets(13), fc.nat(26 * 8 - 1), (state, random, bit) => {
        const encoded = encodeMeshPrivateBeacon(privateKey, random, state);
        expect(openMeshPrivateBeacon(privateKey, decoded(encoded, 'mesh-private'))).toEqual(state);
        encoded[1 + (bit >> 3)]! ^= 1 << (bit & 7);
        expect(openMeshPrivateBeacon(privateKey, decoded(encoded, 'mesh-private'))).toBeUndefined();
      }),
    );
  });

  it('never throws at any octets, nor does a node follow them', () => {
    const scripted = new ScriptedNode();
    const typed = fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 40 })).map(([type, rest]) => {
      return Uint8Array.from([type, ...rest]);
    });
    fc.assert(
      fc.property(fc.oneof(typed, fc.uint8Array({ maxLength: 40 })), (any) => {
        scripted.bearer.hear(any, AD_MESH_BEACON);
        const beacon = decodeBeacon(any);
        if (beacon.ok) expect([19, 22, 23, 27]).toContain(any.length);
      }),
    );
    expect(scripted.node.layer.counters.beacons).toBe(0);
  });
});

/** Times (s) and octets of the beacons that a scripted node has sent. */
function sentBeacons({ bearer }: ScriptedNode): { at: number; beacon: string; type: number }[] {
  return bearer.sent
    .filter(({ data }) => data.length === 22 || data.length === 27)
    .map(({ at, data }) => ({ at: at / 1000, beacon: toHex(data), type: data[0]! }));
}

describe('sending of beacons', () => {
  it('is off unless asked for, and costs no timer', () => {
    const scripted = new ScriptedNode();
    expect(scripted.clock.nextAt).toBeUndefined();
    scripted.clock.advance(HOUR);
    expect(scripted.bearer.sent).toEqual([]);
  });

  it('is every 10 s when nobody else is heard, once each, and stops when switched off', () => {
    const scripted = new ScriptedNode({ beacon: true, ivIndex: 5 });
    const { layer } = scripted.node;
    scripted.clock.advance(100_000);
    const sent = sentBeacons(scripted);
    expect(sent.length).toBe(10);
    expect(new Set(sent.map(({ beacon }) => beacon))).toEqual(new Set([toHex(secureBeacon(NET_KEY, { ivIndex: 5 }))]));
    expect(scripted.bearer.sent[0]?.transmit.count).toBe(1);
    expect(layer.counters.beaconsSent).toBe(10);
    layer.beacons.secureNetwork = false;
    scripted.clock.advance(100_000);
    expect(sentBeacons(scripted).length).toBe(10);
    // The state that was set survives a restart.
    const again = new ScriptedNode({ store: scripted.node.store, beacon: true });
    again.clock.advance(100_000);
    expect([again.node.layer.beacons.secureNetwork, again.bearer.sent.length]).toEqual([false, 0]);
  });

  it('gets rarer the more beacons of others are heard, of the same kind and subnet, to one in 600 s', () => {
    const scripted = new ScriptedNode({ beacon: true });
    const { clock, bearer } = scripted;
    const hearEvery = (ms: number, until: number, beacon: () => Uint8Array) => {
      for (let at = clock.now; at < until; at += ms) {
        bearer.hear(beacon(), AD_MESH_BEACON);
        clock.advance(ms);
      }
      const sent = sentBeacons(scripted);
      return sent.at(-1)!.at - sent.at(-2)!.at;
    };
    expect(hearEvery(10_000, 200_000, () => privateBeacon(NET_KEY, {}))).toBe(10);
    // Another node that sends every 30 s: about six in twice the interval, once it has settled.
    const settled = hearEvery(30_000, 2_000_000, () => secureBeacon(NET_KEY, {}));
    expect(settled).toBeGreaterThan(15);
    expect(settled).toBeLessThan(60);
    expect(hearEvery(100, 5_000_000, () => secureBeacon(NET_KEY, {}))).toBe(600);
  });

  it('of many nodes in reach is about one in 10 s of all of them together', () => {
    const mesh = new TestMesh('beacons');
    for (let i = 0; i < 10; i++) mesh.add({ beacon: true });
    mesh.clock.advance(HOUR);
    const events = mesh.air.events;
    mesh.clock.advance(HOUR);
    expect(mesh.air.events - events).toBeGreaterThan(90);
    expect(mesh.air.events - events).toBeLessThan(720);
  });

  it('is for each subnet, from when its key is added until it is removed', () => {
    const other = new Uint8Array(16).fill(0x44);
    const scripted = new ScriptedNode({ beacon: true, privateBeacon: true });
    const { layer } = scripted.node;
    scripted.clock.advance(30_000);
    expect(sentBeacons(scripted).length).toBe(6);
    layer.keys.addNetKey(3, other);
    scripted.clock.advance(30_000);
    expect(sentBeacons(scripted).length).toBe(18);
    expect(sentBeacons(scripted).filter(({ beacon }) => beacon === toHex(secureBeacon(other, {}))).length).toBe(3);
    layer.keys.removeNetKey(3);
    scripted.clock.advance(30_000);
    expect(sentBeacons(scripted).length).toBe(24);
    layer.close();
    expect(scripted.clock.nextAt).toBeUndefined();
  });

  it('of a change is soon, with the new state', () => {
    const scripted = new ScriptedNode({ beacon: true, ivIndex: 5 });
    scripted.clock.advance(50_000);
    const { length } = scripted.bearer.sent;
    scripted.bearer.hear(secureBeacon(NET_KEY, { ivIndex: 8 }), AD_MESH_BEACON);
    scripted.clock.advance(1000);
    const fresh = sentBeacons(scripted).slice(length);
    expect(fresh.map(({ beacon }) => beacon)).toEqual([toHex(secureBeacon(NET_KEY, { ivIndex: 8 }))]);
  });

  it('by a node that begins or ends an IV Update itself goes on, though off, until another one sends the same', () => {
    const scripted = new ScriptedNode();
    const { ivUpdate } = scripted.node.layer;
    ivUpdate.testMode = true;
    ivUpdate.test(true);
    scripted.clock.advance(60_000);
    const { length } = scripted.bearer.sent;
    expect(length).toBeGreaterThan(4);
    scripted.bearer.hear(secureBeacon(NET_KEY, { ivIndex: 0 }), AD_MESH_BEACON); // has not heard of it
    scripted.clock.advance(60_000);
    expect(scripted.bearer.sent.length).toBeGreaterThan(length);
    scripted.bearer.hear(secureBeacon(NET_KEY, { ivIndex: 1, ivUpdate: true }), AD_MESH_BEACON);
    const { length: then } = scripted.bearer.sent;
    scripted.clock.advance(600_000);
    expect(scripted.bearer.sent.length).toBe(then);
    ivUpdate.test(false);
    scripted.clock.advance(10_000);
    expect(scripted.bearer.sent.length).toBe(then + 1);
  });
});

describe('the Random of Mesh Private beacons', () => {
  function randoms(scripted: ScriptedNode, ms: number): string[] {
    const { length } = scripted.bearer.sent;
    scripted.clock.advance(ms);
    return scripted.bearer.sent.slice(length).map(({ data }) => toHex(data.subarray(1, 14)));
  }

  it('changes after the Random Update Interval and with what the beacon says', () => {
    const scripted = new ScriptedNode({ privateBeacon: { randomUpdateIntervalSteps: 6 } });
    const { beacons, ivUpdate } = scripted.node.layer;
    expect([beacons.meshPrivate, beacons.secureNetwork, beacons.randomUpdateIntervalSteps]).toEqual([true, false, 6]);
    const first = randoms(scripted, 600_000);
    expect(first.length).toBe(60);
    expect(new Set(first).size).toBe(10);
    ivUpdate.testMode = true;
    ivUpdate.test(true);
    const [changed] = randoms(scripted, 1000);
    expect(first).not.toContain(changed);
    for (const { data } of scripted.bearer.sent.slice(-1)) {
      const { privateBeacon: key } = new NetKeyMaterial(portableCrypto, 0, NET_KEY);
      const opened = openMeshPrivateBeacon(key, decoded(data, 'mesh-private'));
      expect(opened).toEqual({ keyRefresh: false, ivUpdate: true, ivIndex: 1 });
    }
  });

  it('is another for every beacon when the interval is 0, and for every proxy client', () => {
    const scripted = new ScriptedNode({ privateBeacon: true });
    const { beacons } = scripted.node.layer;
    expect(new Set(randoms(scripted, 500_000)).size).toBe(1); // default 600 s
    beacons.randomUpdateIntervalSteps = 0;
    expect(new Set(randoms(scripted, 100_000)).size).toBe(10);
    beacons.randomUpdateIntervalSteps = 255;
    const given = Array.from({ length: 3 }, () => toHex(beacons.encode('mesh-private', 0)!));
    expect(new Set(given).size).toBe(3);
    expect(beacons.encode('mesh-private', 7)).toBeUndefined();
    for (const steps of [-1, 256, 0.5]) {
      expect(() => {
        beacons.randomUpdateIntervalSteps = steps;
      }).toThrow(expect.objectContaining({ code: 'bad-field' }));
    }
    beacons.meshPrivate = false;
    expect(randoms(scripted, 100_000)).toEqual([]);
  });
});

const folder = new URL('../../../../shared/captures/', import.meta.url);

interface Line {
  t: number;
  k: string;
  net: number;
  flags: number;
  iv: number;
}

describe.skipIf(!existsSync(folder))('recorded beacons', () => {
  it.each([
    'beacon-secure-network-interval',
    'beacon-secure-network-iv-update',
    'beacon-secure-network-many-subnets',
    'beacon-private-iv-update',
    'beacon-private-random-update',
    'bluez-ivupdate',
    'bluez-keyrefresh',
  ])('%s: every beacon is read as the independent decoder reads it', (name) => {
    const read = (kind: string) => gunzipSync(readFileSync(new URL(`${name}.${kind}.gz`, folder))).toString();
    const lines = <T>(kind: string) =>
      read(kind)
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as T);
    const { netKeys } = JSON.parse(readFileSync(new URL(`${name}.keys.json`, folder), 'utf8')) as {
      netKeys: { index: number; key: string }[];
    };
    const keys = netKeys.map(({ index, key }) => ({ index, ...{ material: material(key) } }));
    const found = lines<{ ad: number; p: string }>('jsonl').flatMap(({ ad, p }) => {
      const beacon = ad === AD_MESH_BEACON ? decodeBeacon(fromHex(p)) : undefined;
      if (beacon?.ok !== true || beacon.value.type === 'unprovisioned-device') return [];
      const { value } = beacon;
      for (const { index, material: key } of keys) {
        const state =
          value.type === 'mesh-private'
            ? openMeshPrivateBeacon(key.privateBeacon, value)
            : isAuthenticBeacon(key.beacon, value)
              ? value
              : undefined;
        if (state === undefined) continue;
        const flags = (state.keyRefresh ? 1 : 0) | (state.ivUpdate ? 2 : 0);
        return [`${value.type === 'mesh-private' ? 'mpb' : 'snb'} ${index} ${flags} ${state.ivIndex}`];
      }
      return ['unknown'];
    });
    const expected = lines<Line>('expect.jsonl')
      .filter(({ k }) => k === 'snb' || k === 'mpb')
      .map(({ k, net, flags, iv }) => `${k} ${net} ${flags} ${iv}`);
    expect(expected.length).toBeGreaterThan(0);
    expect(found).toEqual(expected);
  });
});
