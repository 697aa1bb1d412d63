import { fromHex, MemoryStore } from '@meshferry/core';
import { networkCredentials, portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import {
  FriendOffer,
  FriendPoll,
  FriendSubscriptionListAdd,
  FriendSubscriptionListConfirm,
  FriendUpdate,
} from './control-messages.ts';
import type { FriendEvent } from './friend.ts';
import { FriendCredentials } from './friend-credentials.ts';
import { NetKeyMaterial } from './key-material.ts';
import { netKeyWrite } from './key-records.ts';
import { Keys } from './keys.ts';
import type { LowerTransportPdu } from './lower-transport-pdu.ts';
import type { NetworkLayerOptions } from './options.ts';
import { encodeNetworkPdu, networkSecurity } from './pdu.ts';
import { FriendMesh } from './testing/friendship.ts';
import { appMessage, NET_KEY, track } from './testing/node.ts';
import {
  ANSWER_MS,
  PARTNER,
  ScriptedFriend,
  ScriptedLowPowerNode,
  saidOpcodes,
} from './testing/scripted-friendship.ts';
import { ScriptedNode } from './testing/scripted-node.ts';

const flooding = networkSecurity(portableCrypto, networkCredentials(portableCrypto, NET_KEY));
const NEW_KEY = new Uint8Array(16).fill(0x77);
const ACCESS: LowerTransportPdu = {
  format: 'unsegmented-access',
  akf: true,
  aid: 0,
  upperTransportPdu: new Uint8Array(6),
};

/** A store in which this sequence number comes next. */
function storeAt(seq: number): MemoryStore {
  const store = new MemoryStore();
  store.batch([['seq', Uint8Array.of(0, seq >> 16, (seq >> 8) & 0xff, seq & 0xff)]]);
  return store;
}

function friendNode(options: Partial<NetworkLayerOptions> = {}) {
  const scripted = new ScriptedNode({ friend: true, ...options });
  const friend = scripted.node.layer.friend!;
  const events: string[] = [];
  friend.events.subscribe((event: FriendEvent) => {
    events.push('reason' in event ? `${event.lpn} ${event.reason}` : `${event.lpn} ${event.type}`);
  });
  return { scripted, clock: scripted.clock, layer: scripted.node.layer, friend, events };
}

describe('a Friend whose Low Power node errs', () => {
  it('adds no unicast address to the list, and none beyond its size; it confirms all the same', () => {
    const { scripted, clock, friend } = friendNode({ friend: { subscriptionListSize: 2 } });
    const lpn = new ScriptedLowPowerNode(scripted);
    lpn.befriend();
    const addressList = [0x0005, 0xc001, 0x7fff, 0xc002, 0xc003];
    lpn.say(FriendSubscriptionListAdd, { transactionNumber: 4, addressList });
    clock.advance(ANSWER_MS);
    const [confirm] = scripted.take();
    expect(confirm?.pdu).toMatchObject({ opcode: FriendSubscriptionListConfirm.opcode, parameters: fromHex('04') });
    expect(friend.lowPowerNodes[0]?.subscriptions).toEqual([0xc001, 0xc002]);
  });

  it('is none before the first Poll, whatever else comes under the credentials', () => {
    const { scripted, clock, layer, friend, events } = friendNode();
    const lpn = new ScriptedLowPowerNode(scripted);
    lpn.request();
    clock.advance(400);
    expect(saidOpcodes(scripted)).toEqual([FriendOffer.opcode]);
    lpn.sayPdu(ACCESS, 1);
    lpn.say(FriendSubscriptionListAdd, { transactionNumber: 0, addressList: [0xc001] });
    clock.advance(500);
    expect([friend.lowPowerNodes, friend.pollTimeoutLeftMs(PARTNER), saidOpcodes(scripted)]).toEqual([[], 0, []]);
    clock.advance(500); // a second after the Offer
    lpn.say(FriendPoll, { fsn: 0 });
    clock.advance(1000);
    expect([events, saidOpcodes(scripted), layer.counters.friendAnswers]).toEqual([[], [], 0]);
  });

  it('tells of a Key Refresh that came between Offer and Poll once, in the first Update', () => {
    const { scripted, clock, layer } = friendNode();
    const lpn = new ScriptedLowPowerNode(scripted);
    lpn.request();
    clock.advance(400);
    layer.keys.updateNetKey(0, NEW_KEY); // sends with the old one still
    const answers = [0, 1].map((fsn) => {
      scripted.take();
      lpn.say(FriendPoll, { fsn });
      clock.advance(ANSWER_MS);
      return scripted.take().map(({ pdu }) => 'parameters' in pdu && FriendUpdate.decode(pdu.parameters));
    });
    const update = { ok: true, value: { flags: 0, ivIndex: 0, md: 0 } };
    expect(answers).toEqual([[update], [update]]);
  });

  it('keeps nothing that is no PDU, and control messages in segments like others', () => {
    const { scripted, clock, friend, layer } = friendNode();
    const lpn = new ScriptedLowPowerNode(scripted);
    lpn.befriend();
    const { friendQueued } = layer.counters;
    ['80', '8300', ''].forEach((transport, i) => {
      for (const ctl of [true, false]) {
        const transportPdu = fromHex(transport);
        const header = { ctl, ttl: 5, seq: 500 + 2 * i + Number(ctl), src: 2, dst: PARTNER };
        scripted.bearer.hear(encodeNetworkPdu({ ...header, transportPdu }, flooding, 0));
      }
    });
    expect([friend.lowPowerNodes[0]?.queued, layer.counters.friendQueued]).toEqual([0, friendQueued]);

    const format = 'segmented-control';
    const segment = (segO: number) => fromHex(segO === 0 ? '0102030405060708' : '0a0b');
    for (const segO of [0, 1]) {
      const pdu: LowerTransportPdu = { format, opcode: 0x0b, seqZero: 600, segO, segN: 1, segment: segment(segO) };
      scripted.say(pdu, { src: 2, dst: PARTNER, seq: 600 + segO });
    }
    scripted.take();
    const delivered = [1, 0].map((fsn) => {
      lpn.say(FriendPoll, { fsn });
      clock.advance(ANSWER_MS);
      return scripted.take();
    });
    expect(delivered).toMatchObject(
      [0, 1].map((segO) => [{ src: 2, dst: PARTNER, ttl: 4, seq: 600 + segO, pdu: { format, segO, segN: 1 } }]),
    );
  });

  it('has nothing to say without sequence numbers, but stays the Friend of who asks', () => {
    const { scripted, clock, friend, layer } = friendNode({ store: storeAt(0xfffffe) });
    const lpn = new ScriptedLowPowerNode(scripted);
    lpn.befriend(); // the Offer and the Update were the last ones
    lpn.say(FriendPoll, { fsn: 1 });
    clock.advance(1000);
    expect([saidOpcodes(scripted), friend.lowPowerNodes.length]).toEqual([[], 1]);
    expect(layer.sequenceNumber).toBe(0x1000000);
    lpn.say(FriendPoll, { fsn: 1 });
    clock.advance(1000);
    expect(saidOpcodes(scripted)).toEqual([]);
    expect(friend.pollTimeoutLeftMs(PARTNER)).toBe(59_000); // it was heard
  });
});

describe('a Friend of several Low Power nodes', () => {
  it('answers one while the Offer to another one still waits', () => {
    const { scripted, clock, events } = friendNode();
    const slow = new ScriptedLowPowerNode(scripted, 5, 1);
    slow.request(3);
    const quick = new ScriptedLowPowerNode(scripted);
    quick.befriend();
    clock.advance(1000);
    expect(saidOpcodes(scripted)).toEqual([FriendOffer.opcode]);
    slow.say(FriendPoll, { fsn: 0 });
    expect(events).toEqual([`${PARTNER} established`, '5 established']);
  });

  it('ends each friendship once, also when who hears of the first end switches it off', () => {
    const mesh = new FriendMesh('nested end');
    const friend = mesh.join({ friend: true });
    const [a, b] = [mesh.join({ lowPower: true }), mesh.join({ lowPower: true })];
    mesh.befriend(a, b);
    const role = friend.layer.friend!;
    const ended: number[] = [];
    role.events.subscribe(({ type, lpn }) => {
      if (type === 'ended') ended.push(lpn);
      role.enabled = false;
    });
    role.enabled = false;
    expect([ended.sort(), role.lowPowerNodes]).toEqual([[2, 3], []]);
  });
});

function lowPowerNode(lowPower: NetworkLayerOptions['lowPower'], options: Partial<NetworkLayerOptions> = {}) {
  const scripted = new ScriptedNode({ lowPower: { allNodes: false, ...Object(lowPower) }, ...options });
  const friend = new ScriptedFriend(scripted);
  const { layer } = scripted.node;
  return { scripted, clock: scripted.clock, layer, lowPower: layer.lowPower!, friend };
}

describe('a Low Power node whose Friend errs', () => {
  it('takes as the answer to a change of its list nothing but the Confirm of that change', () => {
    const { scripted, clock, layer, lowPower, friend } = lowPowerNode({});
    const { pollsUnanswered } = layer.counters;
    lowPower.subscriptions = [0xc001];
    clock.advance(ANSWER_MS);
    expect(saidOpcodes(scripted)).toEqual([FriendSubscriptionListAdd.opcode]);
    friend.say(FriendUpdate, { flags: 0, ivIndex: 0, md: 1 });
    friend.say(FriendSubscriptionListConfirm, { transactionNumber: 9 });
    clock.advance(160);
    // The window is over: the same once more, under the same number.
    const [again] = scripted.take();
    expect(again?.pdu).toMatchObject({ opcode: FriendSubscriptionListAdd.opcode, parameters: fromHex('00c001') });
    expect(layer.counters.pollsUnanswered - pollsUnanswered).toBe(1);
    friend.say(FriendSubscriptionListConfirm, { transactionNumber: 0 }); // before its window
    clock.advance(100);
    friend.say(FriendSubscriptionListConfirm, { transactionNumber: 0 });
    clock.advance(ANSWER_MS);
    friend.nothingMore();
    clock.advance(5000);
    expect([saidOpcodes(scripted), lowPower.friend]).toEqual([[], PARTNER]);
  });

  it('hears nothing while it sleeps, not even an Update of its Friend', () => {
    const { scripted, clock, layer, friend } = lowPowerNode({});
    friend.say(FriendUpdate, { flags: 2, ivIndex: 1, md: 1 });
    clock.advance(1000);
    expect([layer.ivIndex, saidOpcodes(scripted)]).toEqual([0, []]);
  });
});

describe('a Low Power node in trouble', () => {
  it('gives its Friend up when it has no sequence numbers to ask it with', () => {
    const { scripted, clock, layer, lowPower } = lowPowerNode({ pollAttempts: 3 }, { store: storeAt(0xfffffd) });
    const states: string[] = [];
    lowPower.events.subscribe(({ state }) => states.push(state));
    lowPower.poll(); // the last number
    clock.advance(1000);
    expect(saidOpcodes(scripted)).toEqual([FriendPoll.opcode]);
    clock.advance(2000);
    expect(states).toEqual(['requesting', 'searching']);
    expect(layer.counters).toMatchObject({ friendshipsLost: 1, pollsUnanswered: 3 });
  });

  it('asks four times a second while a message of its own waits to be acknowledged, then sleeps again', () => {
    const mesh = new FriendMesh('busy');
    mesh.join({ friend: true });
    const lpn = mesh.join({ lowPower: { pollTimeoutMs: 600_000 } });
    mesh.befriend(lpn);
    mesh.clock.advance(5000);
    const { counters } = lpn.layer;
    const before = counters.polls;
    const sent = track((done) => lpn.layer.send(appMessage(2, 9, 30), done)); // nobody has this address
    mesh.clock.advance(30_000);
    expect(sent.outcome).toMatchObject({ code: 'segmented-timeout' });
    const polls = counters.polls - before;
    expect(polls).toBeGreaterThan(2);
    mesh.clock.advance(60_000);
    expect(counters.polls - before).toBe(polls);
  });

  it('says in which range a setting has to be, and in which steps', () => {
    const mesh = new FriendMesh('settings');
    const refused = (message: string, hint: string) => expect.objectContaining({ code: 'bad-field', message, hint });
    expect(() => mesh.join({ lowPower: { receiveDelayMs: 9 } })).toThrow(
      refused('Low Power receiveDelayMs = 9', 'Give 10 to 255.'),
    );
    expect(() => mesh.join({ lowPower: { pollTimeoutMs: 1001 } })).toThrow(
      refused('Low Power pollTimeoutMs = 1001', `Give 1000 to ${0x34bbff * 100} in steps of 100.`),
    );
  });
});

describe('friendship credentials', () => {
  it('go with the NetKey that they are of', () => {
    const store = new MemoryStore();
    store.batch([netKeyWrite(0, { phase: 0, current: new NetKeyMaterial(portableCrypto, 0, NET_KEY) })]);
    const keys = new Keys(portableCrypto, store);
    const parameters = { lpnAddress: 3, friendAddress: 1, lpnCounter: 0, friendCounter: 0 };
    const credentials = new FriendCredentials(portableCrypto, keys, 0, parameters);
    const before = credentials.transmit!;
    expect([before.credentials, credentials.has(before)]).toEqual(['friendship', true]);
    keys.commit({ netKeys: new Map([[0, undefined]]) });
    credentials.keysChanged();
    expect([credentials.transmit, credentials.has(before)]).toEqual([undefined, false]);
  });
});
