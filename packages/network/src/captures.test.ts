import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type Address, fromHex, isUnicast, MemoryStore, SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { NetworkLayer } from './network-layer.ts';
import { ScriptedAdvertising } from './testing/scripted-advertising.ts';

// Traffic of other stacks (Zephyr in BabbleSim, BlueZ), decoded by an independent decoder. Captures with friendship come
// with that procedure.
const CAPTURES = [
  'transport-unicast',
  'transport-group',
  'transport-virtual-address',
  'transport-fixed-groups',
  'transport-segmented-no-receiver',
  'transport-segmented-during-iv-update',
  'sar-32-segments-fast',
  'replay-attack',
  'heartbeat-to-all-nodes',
  'large-composition-data-full-message',
  'opcodes-aggregator-380-bytes',
  'bluez-access',
  'bluez-cfgclient',
  'bluez-config',
  'bluez-ivupdate',
  'bluez-keyrefresh',
  'bluez-relay',
  'blob-push-4-servers',
  'dfu-distribution-4-targets',
];
const folder = new URL('../../../../shared/captures/', import.meta.url);

interface CaptureKeys {
  ivIndex: number;
  netKeys: { index: number; key: string }[];
  appKeys: { index: number; key: string; boundNetKey?: number }[];
  devKeys: { addr: number | null; key: string }[];
  labelUUIDs?: string[];
}

interface Event {
  t: number;
  ad: number;
  p: string;
}

interface Expected {
  k: string;
  src: number;
  dst: number;
  seq: number;
  p: string;
}

// Outside of the project's own checkout the captures are missing; then these tests are skipped.
describe.skipIf(!existsSync(folder))('recorded traffic', () => {
  it.each(CAPTURES)('%s: every access message is understood, by those it is for', (name) => {
    const keys: CaptureKeys = JSON.parse(readFileSync(new URL(`${name}.keys.json`, folder), 'utf8'));
    const expected = lines<Expected>(`${name}.expect.jsonl.gz`).filter(({ k }) => k === 'acc');
    const clock = new VirtualClock();
    const heard: (readonly [string, number])[] = [];
    // One node for each destination, and one that is in all groups.
    const places = new Set([0x7f00, ...expected.map(({ dst }) => dst).filter(isUnicast)]);
    const bearers = [...places].map((address) => listen(address, keys, clock, heard));
    for (const { t, ad, p } of lines<Event>(`${name}.jsonl.gz`)) {
      clock.runUntil(t / 1000);
      if (ad === 0x2a || ad === 0x2b) for (const bearer of bearers) bearer.hear(fromHex(p), ad);
    }
    // The decoder of the BlueZ captures gives the SEQ of the segment that completed a message: not compared.
    const wanted = expected.map(({ src, dst, seq, p }) => [`${src}>${dst} ${p}`, seq] as const);
    const compared = ([what, seq]: readonly [string, number]) => (name.startsWith('bluez') ? what : `${what} ${seq}`);
    expect(heard.map(compared).sort()).toEqual(wanted.map(compared).sort());
  });
});

function listen(
  address: Address,
  keys: CaptureKeys,
  clock: VirtualClock,
  heard: (readonly [string, number])[],
): ScriptedAdvertising {
  const labels = (keys.labelUUIDs ?? []).map(fromHex);
  const inGroups = address === 0x7f00;
  const deviceKeyOf = (node: Address) => {
    const key = keys.devKeys.find(({ addr }) => addr === null || addr === node)?.key;
    return key === undefined ? undefined : fromHex(key);
  };
  const layer = new NetworkLayer({
    clock,
    random: new SeededRandom(1),
    crypto: portableCrypto,
    store: new MemoryStore(),
    address,
    elements: 1,
    deviceKey: deviceKeyOf(address) ?? new Uint8Array(16),
    ivIndex: keys.ivIndex,
    host: {
      isSubscribed: () => inGroups,
      labelsOf: (dst) => labels.filter((label) => virtualAddress(portableCrypto, label) === dst),
      deviceKeyOf,
      receive: ({ src, dst, seq, payload }) => {
        if (isUnicast(dst) || inGroups) heard.push([`${src}>${dst} ${toHex(payload)}`, seq]);
      },
    },
  });
  // Of two values of an index the first is the new one of a Key Refresh; IV Updates were recorded with shortened times.
  for (const { index, key } of keys.netKeys.toReversed()) {
    if (layer.keys.phase(index) === undefined) layer.addNetKey(index, fromHex(key));
    else layer.keys.updateNetKey(index, fromHex(key));
  }
  for (const { index, key, boundNetKey = 0 } of keys.appKeys.toReversed()) {
    if (layer.keys.netIndexOf(index) === undefined) layer.addAppKey(index, boundNetKey, fromHex(key));
    else layer.keys.updateAppKey(index, boundNetKey, fromHex(key));
  }
  layer.ivUpdate.testMode = true;
  const bearer = new ScriptedAdvertising(clock);
  layer.attach(bearer);
  return bearer;
}

function lines<T>(name: string): T[] {
  const text = gunzipSync(readFileSync(new URL(name, folder))).toString();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
