import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type Address, encodeRecord, fromHex, MemoryStore, SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import { friendshipCredentials, portableCrypto, virtualAddress } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { type AppKeyMaterial, appKeyMaterial, NetKeyMaterial, type SubnetSecurity } from './key-material.ts';
import type { NetworkLayerOptions } from './options.ts';
import { decodeNetworkPdu, type NetworkPdu } from './pdu.ts';
import { TestNode } from './testing/node.ts';
import { ScriptedAdvertising } from './testing/scripted-advertising.ts';
import { openAccess } from './upper-transport.ts';

// Zephyr's Friend and Low Power node (recorded), each against our other half. Outside of the project's own checkout the
// captures are missing; then these tests are skipped.
const folder = new URL('../../../../shared/captures/', import.meta.url);
const LABEL = fromHex('4d657368204c6162656c205555494400');
const FRIEND = 1;
/** What the recorded Friend offers, and hears the recorded Low Power node with. */
const LIMITS = { receiveWindowMs: 255, queueSize: 16, subscriptionListSize: 3 };
const RSSI = -34;

interface Event {
  readonly t: number;
  readonly d: number;
  readonly ad: number;
  readonly p: string;
}

/** What was recorded of one friendship. */
class Recording {
  readonly lpn: Address;
  readonly events: readonly Event[];
  readonly netKey: NetKeyMaterial;
  readonly appKey: AppKeyMaterial;
  readonly #friendship: SubnetSecurity;

  constructor(name: string, lpn: Address) {
    const { netKeys, appKeys } = JSON.parse(readFileSync(new URL(`${name}.keys.json`, folder), 'utf8'));
    this.netKey = new NetKeyMaterial(portableCrypto, 0, fromHex(netKeys[0].key));
    this.appKey = appKeyMaterial(portableCrypto, 0, 0, fromHex(appKeys[0].key));
    this.events = lines<Event>(`${name}.jsonl.gz`).filter(({ ad }) => ad === 0x2a);
    this.lpn = lpn;
    const parameters = { lpnAddress: lpn, friendAddress: FRIEND, lpnCounter: 1, friendCounter: 0 };
    const derived = friendshipCredentials(portableCrypto, this.netKey.key, parameters);
    this.#friendship = this.netKey.secure('friendship', derived);
  }

  /** The device that a node was. */
  deviceOf(address: Address): number {
    return this.events.find(({ p }) => this.flooding(p)?.src === address)!.d;
  }

  flooding(p: string): NetworkPdu | undefined {
    const pdu = decodeNetworkPdu(fromHex(p), this.netKey.flooding, 0);
    return pdu.ok ? pdu.value : undefined;
  }

  friendship(p: string): NetworkPdu | undefined {
    const pdu = decodeNetworkPdu(fromHex(p), this.#friendship, 0);
    return pdu.ok ? pdu.value : undefined;
  }

  /** What a Friend delivers, but for its own sequence numbers; each PDU once, however often it was asked for. */
  deliveries(pdus: readonly string[]): string[] {
    const seen = [...new Set(pdus)].flatMap((p) => this.friendship(p) ?? []).filter(({ src }) => src !== this.lpn);
    return seen.map(({ ctl, ttl, src, dst, seq, transportPdu }) => {
      const own = src === FRIEND && !ctl;
      const fields = {
        akf: true,
        szmic: false,
        seq,
        src,
        dst,
        ivIndex: 0,
        ...(dst > 0x8000 && dst < 0xc000 ? { label: LABEL } : {}),
      };
      const content = own ? openAccess(this.appKey.aes, fields, transportPdu.subarray(1)) : transportPdu;
      return `${src}>${dst} ttl ${ttl} ${src === FRIEND ? '' : seq} ${toHex(content ?? transportPdu)}`;
    });
  }
}

function node(
  clock: VirtualClock,
  { netKey, appKey }: Recording,
  options: Partial<NetworkLayerOptions> & { address: Address },
) {
  const test = new TestNode({
    clock,
    random: new SeededRandom(1),
    store: new MemoryStore(),
    netKeys: [{ index: 0, key: netKey.key }],
    appKeys: [{ index: 0, netIndex: 0, key: appKey.key }],
    ...options,
  });
  const bearer = new ScriptedAdvertising(clock);
  test.layer.attach(bearer);
  return { test, bearer };
}

function lines<T>(name: string): T[] {
  const text = gunzipSync(readFileSync(new URL(name, folder))).toString();
  const full = text.split('\n').filter((line) => line !== '');
  return full.map((line) => JSON.parse(line) as T);
}

/** An own message of the recorded Friend: opcode 0x0F, its number, 1, 2, 3. */
function ownMessage(number: number, dst: Address, length = 5) {
  const payload = Uint8Array.from({ length }, (_, i) => [0x0f, number][i] ?? i - 1);
  const label = dst > 0x8000 && dst < 0xc000 ? { label: LABEL } : {};
  return { src: FRIEND, dst, key: { kind: 'app', index: 0 } as const, payload, ttl: 7, ...label };
}

describe.skipIf(!existsSync(folder))('a recorded Low Power node and our Friend', () => {
  /** Plays everything but the recorded Friend; `before` is called at each event. */
  function play(
    recording: Recording,
    before: (t: number, send: (number: number, dst: Address) => void) => void = () => {},
  ) {
    const clock = new VirtualClock();
    const { test, bearer } = node(clock, recording, { address: FRIEND, friend: LIMITS });
    const friendDevice = recording.deviceOf(FRIEND);
    for (const { t, d, p } of recording.events) {
      clock.runUntil(t / 1000);
      before(t / 1000, (number, dst) => test.layer.send(ownMessage(number, dst)));
      if (d === friendDevice) continue;
      bearer.hear(fromHex(p), 0x2a, RSSI);
    }
    clock.advance(1000);
    const theirs = recording.events.filter(({ d }) => d === friendDevice).map(({ p }) => p);
    return { test, ours: bearer.sent.map(({ data }) => toHex(data)), theirs };
  }

  it('establish a friendship and keep it', () => {
    const recording = new Recording('friendship-establish', 4);
    const { test, ours, theirs } = play(recording);
    expect(recording.deliveries(ours)).toEqual(recording.deliveries(theirs));
    expect(recording.deliveries(ours).length).toBe(3);
    expect(test.layer.friend?.lowPowerNodes).toMatchObject([{ address: 4, elements: 1 }]);
  });

  it('exchange messages to groups and virtual addresses, of others and of the Friend', () => {
    const recording = new Recording('friendship-group-messages', 3);
    const virtual = virtualAddress(portableCrypto, LABEL);
    const own: [at: number, number: number, dst: Address][] = [
      [7739, 1, 0xc000],
      [7810, 2, virtual],
      [13_368, 3, 0xc001],
    ];
    const { ours, theirs } = play(recording, (t, send) => {
      while (own[0] !== undefined && own[0][0] <= t) {
        const [, number, dst] = own.shift()!;
        send(number, dst);
      }
    });
    expect(recording.deliveries(ours)).toEqual(recording.deliveries(theirs));
    expect(recording.deliveries(ours).length).toBe(12);
  });

  it('lose the oldest messages of seventeen when sixteen find room', () => {
    const recording = new Recording('friendship-queue-overflow', 4);
    let queued = false;
    const { test, ours, theirs } = play(recording, (t, send) => {
      if (queued || t < 5000) return;
      queued = true;
      for (let number = 1; number <= 17; number++) send(number, 4);
    });
    const first = (pdus: readonly string[]) => recording.deliveries(pdus).slice(0, 18);
    expect(first(ours)).toEqual(first(theirs));
    expect(test.layer.counters.friendDropped).toBe(1);
  });
});

describe.skipIf(!existsSync(folder))('a recorded Friend and our Low Power node', () => {
  /** Plays the recorded Friend; our node asks when the recorded one did. */
  function play(recording: Recording, groups: readonly Address[] = []) {
    const clock = new VirtualClock();
    const store = new MemoryStore();
    store.batch([['lpn', encodeRecord({ friend: 0, lpnCounter: 0 })]]);
    const settings = { receiveDelayMs: 100, pollTimeoutMs: 30_000, minQueueSizeLog: 1, allNodes: false };
    const lpnDevice = recording.deviceOf(recording.lpn);
    const friendDevice = recording.deviceOf(FRIEND);
    const request = recording.events.find(({ p }) => recording.flooding(p)?.dst === 0xfffd)!.t / 1000;
    clock.runUntil(request);
    const { test, bearer } = node(clock, recording, { address: recording.lpn, lowPower: settings, store });
    const { lowPower } = test.layer;
    lowPower!.subscriptions = groups;
    for (const { t, d, p } of recording.events) {
      if (t / 1000 <= request) continue;
      clock.runUntil(t / 1000);
      if (d === lpnDevice && recording.friendship(p)?.ctl) lowPower?.poll();
      if (d === friendDevice) bearer.hear(fromHex(p), 0x2a, RSSI);
    }
    return test;
  }

  it('establish a friendship and keep it, with the same Polls', () => {
    const test = play(new Recording('friendship-establish', 4));
    expect(test.layer.lowPower?.friend).toBe(FRIEND);
    expect(test.layer.counters).toMatchObject({ polls: 3, pollsUnanswered: 0, friendshipsLost: 0 });
  });

  it('lose what did not fit into the queue, and nothing else', () => {
    const test = play(new Recording('friendship-queue-overflow', 4));
    const numbers = test.received.map(({ payload }) => payload[1]);
    const upTo17 = Array.from({ length: 16 }, (_, i) => i + 2);
    expect(numbers).toEqual([...upTo17, 0x13, 0x14, 0x16, 0x17, 0x18]);
    expect(test.received.at(-2)?.payload.length).toBeGreaterThan(140);
    expect(test.layer.counters.friendshipsLost).toBe(0);
  });

  it.each([2, 4, 6])('carry a BLOB in pull mode to one of five Low Power nodes: 0x000%i', (lpn) => {
    const name = 'blob-pull-5-low-power-nodes-over-friend';
    const test = play(new Recording(name, lpn), [0xc000]);
    const expected = lines<{ k: string; src: Address; dst: Address; p: string }>(`${name}.expect.jsonl.gz`);
    const wanted = expected.filter(({ k, src, dst }) => k === 'acc' && src === FRIEND && dst === lpn);
    expect(wanted.length).toBeGreaterThan(25);
    expect(test.received.map(({ payload }) => toHex(payload))).toEqual(wanted.map(({ p }) => p));
    expect(test.layer.counters).toMatchObject({ friendshipsLost: 0, replayed: 0, unreadable: 0 });
  });
});
