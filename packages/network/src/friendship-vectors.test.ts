import { fromHex, MemoryStore, toHex } from '@meshferry/core';
import { friendshipCredentials, portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { CONTROL_MESSAGES } from './control-messages.ts';
import { newCounters } from './counters.ts';
import { isClearValid, offerDelayMs } from './friend-limits.ts';
import type { GattInterface } from './interfaces.ts';
import { IvIndexState } from './iv-index.ts';
import { NetKeyMaterial } from './key-material.ts';
import { netKeyWrite } from './key-records.ts';
import { Keys } from './keys.ts';
import { NetworkReceiver, type ReceivedPdu } from './network-receiver.ts';
import { FriendMesh, tags } from './testing/friendship.ts';
import { appMessage, track } from './testing/node.ts';
import { hex, network, transport as vectors } from './testing/vectors.ts';

const { friendship } = vectors;

/** What a vector calls a field, and in which unit it is there. */
const FIELDS: Record<string, readonly [field: string, divisor: number]> = {
  receiveDelayMs: ['receiveDelay', 1],
  pollTimeoutMs: ['pollTimeout', 100],
  receiveWindowMs: ['receiveWindow', 1],
  rssiDbm: ['rssi', 1],
  addresses: ['addressList', 1],
};

/** The fields as our declarations have them; flags of Friend Update are one number there. */
function expected({ keyRefresh, ivUpdate, ...fields }: Record<string, number | string | string[]>) {
  const flags = keyRefresh === undefined ? {} : { flags: Number(keyRefresh) + 2 * Number(ivUpdate) };
  const members = Object.entries(fields).map(([name, value]) => {
    const [field, divisor] = FIELDS[name] ?? [name, 1];
    if (typeof value === 'number') return [field, value / divisor];
    return [field, Array.isArray(value) ? value.map(hex) : hex(value)];
  });
  return { ...flags, ...Object.fromEntries(members) };
}

describe('messages of friendship', () => {
  it.each(friendship.messages)('$name $params', ({ opcode, name, params, fields }) => {
    const type = CONTROL_MESSAGES.find((message) => message.opcode === hex(opcode))!;
    expect(type.name).toBe(name);
    const decoded = type.decode(fromHex(params));
    expect(decoded).toEqual({ ok: true, value: expected(fields) });
    if (decoded.ok) expect(toHex(type.encode(decoded.value))).toBe(params);
  });

  it.each(vectors.negative.filter(({ id }) => id.startsWith('neg-friend-')))('$id is ignored', (v) => {
    const octets = fromHex(v.transportPdu ?? '');
    const type = CONTROL_MESSAGES.find((message) => message.opcode === octets[0])!;
    expect(type.decode(octets.subarray(1)).ok).toBe(false);
  });
});

describe('a Friend', () => {
  it.each(friendship.offerDelay)('offers after $offerDelayMs ms at $rssiDbm dBm', (v) => {
    expect(offerDelayMs(v, v.receiveWindowMs, v.rssiDbm)).toBe(v.offerDelayMs);
  });

  it.each(friendship.friendClearValidity)(
    'of Request $requestLpnCounter takes Friend Clear $clearLpnCounter: $valid',
    (v) => {
      expect(isClearValid(v.requestLpnCounter, v.clearLpnCounter)).toBe(v.valid);
    },
  );
});

describe('SAR receiver', () => {
  // The rows of the vectors run in sar-receiver.test.ts; here both roles meet.
  it('of a Friend acknowledges from its primary element; that of the Low Power node is silent and patient', () => {
    const mesh = new FriendMesh('sar-rx');
    const friend = mesh.join({ friend: true, elements: 2 });
    const lpn = mesh.join({ lowPower: true, address: 3 });
    const sender = mesh.join({ address: 4 });
    mesh.befriend(lpn);
    mesh.clock.advance(2000);
    const { sent } = lpn.layer.counters;
    const outcome = track((done) => sender.layer.send(appMessage(4, 3, 20, 1), done));
    mesh.clock.advance(2000);
    expect(outcome.outcome).toBe('sent');
    lpn.layer.lowPower?.poll();
    mesh.clock.advance(200);
    mesh.meter(friend).broken = true;
    mesh.clock.advance(1800);
    expect(tags(lpn)).toEqual([]);
    mesh.clock.advance(300);
    mesh.meter(friend).broken = false;
    mesh.clock.advance(5000);
    expect(tags(lpn)).toEqual([1]);
    expect(lpn.layer.counters.sent - sent).toBe(lpn.layer.counters.polls - 3);
  });
});

describe('friendship credentials', () => {
  it('count over advertising bearers only', () => {
    const v = network.negative.find(({ id }) => id === 'neg-friendship-over-gatt')!;
    const store = new MemoryStore();
    const netKey = new NetKeyMaterial(portableCrypto, 0, fromHex(v.netKey ?? ''));
    store.batch([netKeyWrite(0, { phase: 0, current: netKey })]);
    const keys = new Keys(portableCrypto, store);
    const parameters = { lpnAddress: 0x1201, friendAddress: 0x2345, lpnCounter: 0, friendCounter: 0x072f };
    const derived = friendshipCredentials(portableCrypto, netKey.key, parameters);
    keys.addCredentials(netKey.secure('friendship', derived));
    const accepted: ReceivedPdu[] = [];
    const receiver = () =>
      new NetworkReceiver({
        keys,
        iv: new IvIndexState(new MemoryStore(), hex(v.ivIndex)),
        counters: newCounters(),
        address: 0x7000,
        elements: 1,
        cacheEntries: 4,
        filterEntries: 4,
        accepted: (pdu) => accepted.push(pdu),
      });
    const gatt: GattInterface = { passes: () => true, send: () => () => {}, heard: () => {} };
    receiver().receive(fromHex(v.pdu), undefined, gatt);
    expect(accepted).toEqual([]);
    receiver().receive(fromHex(v.pdu), -50);
    expect(accepted).toMatchObject([{ credentials: 'friendship' }]);
  });
});
