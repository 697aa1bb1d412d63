import { MemoryStore, type Store } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { IV_UPDATE_SEQ_THRESHOLD } from './iv-update.ts';
import { decodeNetworkPdu } from './pdu.ts';
import { secureBeacon } from './testing/beacon.ts';
import { FLOODING, Subject } from './testing/iv-subject.ts';
import { APP_KEY, appMessage, NET_KEY, track } from './testing/node.ts';
import { network as vectors } from './testing/vectors.ts';

const SECONDARY_KEY = new Uint8Array(16).fill(0x77);

/** Brings a node into the state of a vector the way a network would. */
function inState({ iv, update, hours, recoveredHoursAgo, ...from }: (typeof vectors.ivUpdate)[0]['from']): Subject {
  const before = recoveredHoursAgo === undefined ? (update ? iv - 1 : iv) : iv - 2;
  const subject = new Subject({ ivIndex: before });
  const { layer } = subject;
  layer.addNetKey(1, SECONDARY_KEY);
  if (from.memberOfPrimarySubnet === false) layer.removeNetKey(0);
  if (recoveredHoursAgo !== undefined) subject.hear(iv, update);
  else if (update) {
    layer.ivUpdate.testMode = true;
    subject.hear(iv, true);
    layer.ivUpdate.testMode = false;
  }
  expect(subject.state).toEqual([iv, update]);
  for (let i = 0; i < 5; i++) layer.send(appMessage(1, 0x7000, 5));
  subject.advance(hours);
  return subject;
}

describe('IV Update by beacons', () => {
  it.each(vectors.ivUpdate)('$id', ({ from, beacon, expect: expected }) => {
    const subject = inState(from);
    const { layer } = subject;
    const seq = layer.sequenceNumber;
    if (from.memberOfPrimarySubnet !== false) expect(seq).toBe(5);
    if (from.pendingSegmentedTx) layer.send(appMessage(1, 0x7000, 100));
    subject.changes.length = 0;
    subject.hear(beacon.iv, beacon.update, beacon.subnet === 'secondary' ? SECONDARY_KEY : NET_KEY);
    expect(subject.state).toEqual([expected.iv, expected.update]);
    const nothing = ['none', 'ignored'].includes(expected.change) || expected.change.startsWith('deferred');
    const cause = expected.change === 'recovery' ? 'recovery' : 'heard';
    const change = { type: 'iv-index', ivIndex: expected.iv, updating: expected.update, cause };
    expect(subject.changes).toEqual(nothing ? [] : [change]);
    if (from.pendingSegmentedTx) {
      subject.scripted.clock.advance(10_000); // given up
      expect(subject.state).toEqual([from.iv, false]);
    } else expect(layer.sequenceNumber).toBe(expected.seq === 'reset to 0' ? 0 : seq);
    if (expected.txIv !== undefined) expect(subject.transmitsWith()).toBe(expected.txIv);
    for (let iv = from.iv - 3; expected.acceptIv !== undefined && iv < from.iv + 4; iv++) {
      expect([iv, subject.accepts(iv)]).toEqual([iv, expected.acceptIv.includes(iv)]);
    }
  });

  it('accepts nothing under IV Index 0 with the other IVI bit, nor moves by a forged or foreign beacon', () => {
    const subject = new Subject({});
    expect([subject.accepts(0), subject.accepts(1)]).toEqual([true, false]);
    const forged = secureBeacon(NET_KEY, { ivIndex: 9 });
    forged[13]! ^= 1;
    subject.scripted.bearer.hear(forged, 0x2b);
    subject.hear(9, false, APP_KEY);
    expect(subject.state).toEqual([0, false]);
    expect(subject.layer.counters.beacons).toBe(0);
  });

  it('lets a node that was provisioned into an update leave it at once', () => {
    const subject = new Subject({ ivIndex: 7, ivUpdating: true });
    expect([subject.state, subject.transmitsWith()]).toEqual([[7, true], 6]);
    subject.hear(7, false);
    expect([subject.state, subject.transmitsWith()]).toEqual([[7, false], 7]);
  });

  it('takes a beacon that was too early when it is heard again in time', () => {
    const subject = new Subject({ ivIndex: 5 });
    subject.advance(95);
    subject.hear(6, true);
    subject.advance(1.01);
    expect(subject.state).toEqual([5, false]);
    subject.hear(6, true);
    expect(subject.state).toEqual([6, true]);
  });
});

describe('IV Update by own initiative', () => {
  /** A store whose sequence numbers are nearly at `seq`. */
  function used(seq: number): Store {
    const store = new MemoryStore();
    store.batch([['seq', Uint8Array.of(seq >>> 24, seq >>> 16, seq >>> 8, seq)]]);
    return store;
  }

  it('begins when half the sequence numbers are used and 96 h have passed, ends after 96 h more', () => {
    const subject = new Subject({ store: used(IV_UPDATE_SEQ_THRESHOLD) });
    const { layer } = subject;
    subject.advance(95.9);
    for (let i = 0; i < 3; i++) layer.send(appMessage(1, 0x7000, 5));
    expect(subject.state).toEqual([0, false]);
    subject.advance(0.2);
    expect(subject.state).toEqual([1, true]);
    expect(subject.transmitsWith()).toBe(0);
    subject.advance(95.8);
    expect(subject.state).toEqual([1, true]);
    const seq = layer.sequenceNumber;
    expect(seq).toBeGreaterThan(IV_UPDATE_SEQ_THRESHOLD);
    subject.advance(0.3);
    expect([subject.state, layer.sequenceNumber]).toEqual([[1, false], 0]);
    expect(subject.changes).toMatchObject([{ cause: 'own' }, { cause: 'own' }]);
    expect(subject.transmitsWith()).toBe(1);
    subject.advance(1000);
    expect(subject.state).toEqual([1, false]);
  });

  it('begins at once when 96 h had passed before', () => {
    const subject = new Subject({ store: used(IV_UPDATE_SEQ_THRESHOLD - 600) });
    subject.advance(100);
    for (let i = 0; i < 400; i++) subject.layer.send(appMessage(1, 0x7000, 5));
    subject.advance(0.01);
    expect(subject.state).toEqual([0, false]);
    for (let i = 0; i < 600; i++) subject.layer.send(appMessage(1, 0x7000, 5));
    subject.advance(0.01);
    expect(subject.state).toEqual([1, true]);
  });

  it('is not for a node outside of the primary subnet, nor for one that began another less than 192 h ago', () => {
    const outside = new Subject({ store: used(IV_UPDATE_SEQ_THRESHOLD) });
    outside.layer.addNetKey(1, SECONDARY_KEY);
    outside.layer.removeNetKey(0);
    outside.layer.addAppKey(1, 1, APP_KEY);
    outside.layer.send({ ...appMessage(1, 0x7000, 5), key: { kind: 'app', index: 1 } });
    outside.advance(500);
    expect(outside.state).toEqual([0, false]);

    const again = new Subject({ store: used(IV_UPDATE_SEQ_THRESHOLD) });
    again.advance(97);
    expect(again.state).toEqual([1, true]); // it began at 96 h
    again.hear(3, false); // and was behind all others
    for (let i = 0; i < 5; i++) again.layer.send(appMessage(1, 0x7000, 5));
    expect(again.state).toEqual([3, false]);
    const store = again.scripted.node.store;
    store.batch([['seq', used(IV_UPDATE_SEQ_THRESHOLD).get('seq')!]]);
    again.layer.close();
    const restarted = new Subject({ store });
    restarted.advance(190);
    expect(restarted.state).toEqual([3, false]);
    restarted.advance(2);
    expect(restarted.state).toEqual([4, true]);
  });

  it('ends an update of others before 144 h when no beacon tells of its end', () => {
    const subject = new Subject({ ivIndex: 3 });
    subject.advance(96);
    subject.hear(4, true);
    subject.advance(129);
    expect(subject.state).toEqual([4, true]);
    subject.advance(14);
    expect(subject.state).toEqual([4, false]);
  });

  it('never goes past the largest IV Index', () => {
    const subject = new Subject({ ivIndex: 0xffff_ffff, store: used(IV_UPDATE_SEQ_THRESHOLD) });
    subject.advance(500);
    expect(subject.state).toEqual([0xffff_ffff, false]);
  });

  it('is waited for when all sequence numbers are used: nothing is sent, then all goes on', () => {
    const subject = new Subject({ store: used(0xff_fffe) });
    const { layer, scripted } = subject;
    const send = () => {
      const sent = track((done) => layer.send(appMessage(1, 0x7000, 5), done));
      scripted.clock.advance(100);
      return sent.outcome;
    };
    expect([send(), send()]).toEqual(['sent', 'sent']);
    expect(send()).toMatchObject({ code: 'sequence-exhausted' });
    const long = track((done) => layer.send(appMessage(1, 0x7000, 50), done));
    scripted.clock.advance(100);
    expect(long.outcome).toMatchObject({ code: 'sequence-exhausted' });
    subject.advance(97); // the update begins, the old index goes on
    expect(subject.state).toEqual([1, true]);
    expect(send()).toMatchObject({ code: 'sequence-exhausted' });
    subject.advance(96);
    expect([subject.state, send(), layer.sequenceNumber]).toEqual([[1, false], 'sent', 1]);
  });
});

describe('IV Update test mode', () => {
  it('makes transitions at a signal, whatever the time', () => {
    const subject = new Subject({ ivIndex: 5 });
    const { ivUpdate } = subject.layer;
    expect(() => ivUpdate.test(true)).toThrow(expect.objectContaining({ code: 'not-in-test-mode' }));
    ivUpdate.testMode = true;
    expect([ivUpdate.test(false), ivUpdate.test(true), ivUpdate.test(true)]).toEqual([false, true, false]);
    expect([subject.state, subject.transmitsWith()]).toEqual([[6, true], 5]);
    expect(ivUpdate.test(false)).toBe(true);
    expect([subject.state, subject.transmitsWith()]).toEqual([[6, false], 6]);
    subject.hear(7, true);
    subject.hear(7, false);
    expect(subject.state).toEqual([7, false]);
    expect(ivUpdate.hoursInState).toBe(0);
  });
});

describe('the end of an IV Update', () => {
  it('waits for the segmented messages under way, but lets no other begin', () => {
    const subject = new Subject({ ivIndex: 3 });
    const { layer, scripted } = subject;
    layer.ivUpdate.testMode = true;
    subject.hear(4, true);
    const [first, second] = [1, 2].map((tag) => track((done) => layer.send(appMessage(1, 0x7000, 40, tag), done)));
    scripted.clock.advance(100);
    subject.hear(4, false);
    subject.hear(4, false);
    scripted.clock.advance(100);
    expect(subject.state).toEqual([4, true]);
    const { received } = scripted.node;
    expect(received).toEqual([]);
    scripted.say(
      { format: 'segment-acknowledgment', obo: false, seqZero: 0, ackedSegments: 0b1111 },
      { src: 0x7000, ivIndex: 4 },
    );
    expect([first?.outcome, second?.outcome, subject.state]).toEqual(['sent', undefined, [4, false]]);
    scripted.clock.advance(1);
    const { data } = scripted.bearer.sent.at(-1)!;
    expect(decodeNetworkPdu(data, FLOODING, 4)).toMatchObject({ ok: true, value: { seq: 0, dst: 0x7000 } });
  });

  it('and a recovery take old entries out of the replay list, in the store as well', () => {
    const subject = new Subject({ ivIndex: 3 });
    const { store } = subject.scripted.node;
    const message = { format: 'unsegmented-control', opcode: 0x0a, parameters: new Uint8Array(3) } as const;
    for (const [src, ivIndex] of [
      [0x10, 2],
      [0x11, 3],
    ] as const) {
      subject.scripted.say(message, { src, ivIndex });
    }
    expect(store.keys('rpl/')).toEqual(['rpl/0010', 'rpl/0011']);
    subject.hear(4, false); // recovery
    expect(store.keys('rpl/')).toEqual(['rpl/0011']);
    subject.hear(5, true); // begins an update, unlimited after a recovery
    expect(store.keys('rpl/')).toEqual([]);
  });
});
