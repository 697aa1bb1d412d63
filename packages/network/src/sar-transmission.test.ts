import { MemoryStore, type MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import {
  acknowledgmentDelayMs,
  changeSarReceiver,
  changeSarTransmitter,
  DEFAULT_SAR_RECEIVER,
  DEFAULT_SAR_TRANSMITTER,
  discardTimeoutMs,
  multicastRetransmissionsMs,
  receptionIntervalMs,
  repeatedAcknowledgmentMs,
  segmentIntervalMs,
  unicastRetransmissionsMs,
} from './sar-states.ts';
import { appMessage, track } from './testing/node.ts';
import { ScriptedNode } from './testing/scripted-node.ts';
import { hex, transport as vectors } from './testing/vectors.ts';

const acknowledgment = (seqZero: number, ackedSegments: number, obo = false) =>
  ({ format: 'segment-acknowledgment', obo, seqZero, ackedSegments }) as const;

describe('SAR transmitter', () => {
  it.each(vectors.sarTransmitter.filter((v) => v.steps !== undefined))('$id', (v) => {
    const steps = v.steps!;
    const { clock, node, ...scripted } = scriptedNode();
    const dst = v.dst === 'group' ? 0xc000 : 2;
    const message = { ...appMessage(1, dst, 12 * v.segments - 4), segmented: true, ttl: v.ttl ?? 5 };
    let over: { at: number; error: MeshError | undefined } | undefined;
    node.layer.send(message, (error) => {
      over = { at: clock.now, error };
    });
    for (const step of steps) {
      if (step.in === undefined) continue;
      clock.runUntil(step.t);
      const seqZero = step.in.seqZero === 'another' ? 77 : 0;
      const other = step.in.from !== undefined;
      const obo = step.in.from?.includes('OBO 1') ?? false;
      scripted.say(acknowledgment(seqZero, hex(step.in.ack), obo), { src: other ? 9 : 2 });
    }
    clock.runUntil(5000);

    const sends = steps.filter((step) => step.send !== undefined);
    const said = scripted.take();
    expect(said.map(({ at, pdu }) => [at, 'segO' in pdu && pdu.segO])).toEqual(sends.map((s) => [s.t, s.send]));
    expect(new Set(said.map(({ seq }) => seq)).size).toBe(said.length);
    expect(new Set(said.map(({ pdu }) => 'seqZero' in pdu && pdu.seqZero))).toEqual(new Set([0]));

    const end = steps.find((step) => step.done !== undefined);
    const [word] = end?.done?.split(' ') ?? [];
    const codes: Record<string, string | undefined> = {
      success: undefined,
      timeout: 'segmented-timeout',
      cancelled: 'segmented-refused',
    };
    expect(over).toBeDefined();
    expect(over?.at).toBe(end?.t);
    expect(over?.error?.code).toBe(codes[word as string]);
  });

  it.each([2, 30, 31, 32])('is done when all of %i segments are acknowledged', (segments) => {
    const { clock, node, say } = scriptedNode();
    let outcome: unknown = 'under way';
    node.layer.send({ ...appMessage(1, 2, 12 * segments - 4), segmented: true }, (error) => {
      outcome = error;
    });
    clock.advance(100);
    say(acknowledgment(0, 2 ** segments - 1), { src: 2 });
    expect(outcome).toBeUndefined();
  });

  it('spaces segments by their start when the advertiser is slow, without letting it idle', () => {
    const { clock, node, bearer } = scriptedNode({ transmit: { count: 3, intervalMs: 20 } });
    // 75 ms each, one after the other.
    const handed: number[] = [];
    let freeAt = 0;
    let held = 0;
    let mostHeld = 0;
    let idle = 0;
    bearer.send = (_ad, _transmit, done) => {
      handed.push(clock.now);
      held++;
      mostHeld = Math.max(mostHeld, held);
      if (handed.length > 1) idle += Math.max(0, clock.now - freeAt);
      const start = Math.max(clock.now, freeAt);
      freeAt = start + 75;
      clock.after(freeAt - clock.now, () => {
        held--;
        done({ start, end: start + 75 });
      });
      return () => {};
    };
    const sent = track((done) =>
      node.layer.send({ ...appMessage(1, 0xc000, 380), sar: { multicastRetransmissionsCount: 0 } }, done),
    );
    clock.runUntil(32 * 75 - 1);
    expect(sent.outcome).toBeUndefined();
    clock.runUntil(32 * 75);
    expect(sent.outcome).toBe('sent'); // no wait after the last one
    expect(idle).toBe(0);
    expect(mostHeld).toBe(2);
  });

  it('keeps a fast bearer to the segment interval', () => {
    const { clock, node, take } = scriptedNode();
    const sar = { multicastRetransmissionsCount: 0, segmentIntervalStep: 0 };
    const sent = track((done) =>
      node.layer.send({ ...appMessage(1, 0xc000, 380), sar, transmit: { count: 1, intervalMs: 20 } }, done),
    );
    clock.runUntil(1000);
    expect(take().map(({ at }) => at)).toEqual(Array.from({ length: 32 }, (_, i) => 10 * i));
    expect(sent.outcome).toBe('sent');
  });

  it('tells how many segments of each round have come', () => {
    const { clock, node, say } = scriptedNode();
    const rounds: [number, number][] = [];
    const message = { ...appMessage(1, 2, 12 * 4 - 4), segmented: true };
    node.layer.send({ ...message, observe: (sent, received) => rounds.push([sent, received]) });
    clock.runUntil(70);
    say(acknowledgment(0, 0b0001), { src: 2 }); // in the middle: the others are still on their way
    expect(rounds).toEqual([]);
    clock.runUntil(300);
    say(acknowledgment(0, 0b0101), { src: 2 });
    clock.runUntil(600);
    say(acknowledgment(0, 0b0101), { src: 2 }); // nothing new
    say(acknowledgment(0, 0b1111), { src: 2 });
    expect(rounds).toEqual([
      [2, 1],
      [2, 2],
    ]);
  });

  it('waits longer than the state says for whoever took longer, as over busy relays, and only for that one', () => {
    const { clock, node, say, take } = scriptedNode();
    const ack = (seqZero: number, src: number) => say(acknowledgment(seqZero, 0b11), { src });
    const message = (dst: number) => ({ ...appMessage(1, dst, 12 * 2 - 4), segmented: true, ttl: 5 });
    const sentTo = (dst: number) => take().filter((each) => each.dst === dst).length;
    node.layer.send(message(2));
    clock.runUntil(60 + 900);
    ack(0, 2);
    expect(sentTo(2)).toBeGreaterThan(2);
    const start = clock.now;
    node.layer.send(message(2));
    clock.runUntil(start + 60 + 900);
    expect(sentTo(2)).toBe(2);
    clock.runUntil(start + 60 + 1600);
    expect(sentTo(2)).toBe(2);
    const later = clock.now;
    node.layer.send(message(3));
    clock.runUntil(later + 60 + 500);
    expect(sentTo(3)).toBe(4);
  });

  it('sends one message at a time to a destination, in order, and to others meanwhile', () => {
    const { clock, node, say, take } = scriptedNode();
    const first = track((done) => node.layer.send(appMessage(1, 2, 12, 0xa), done));
    const second = track((done) => node.layer.send(appMessage(1, 2, 12, 0xb), done));
    const other = track((done) => node.layer.send(appMessage(1, 3, 12, 0xc), done));
    const short = track((done) => node.layer.send(appMessage(1, 2, 5), done));
    clock.runUntil(100);
    const kinds = take().map(({ dst, pdu }) => `${dst} ${pdu.format}`);
    expect(kinds.filter((kind) => kind === '2 segmented-access').length).toBe(2);
    expect(kinds.filter((kind) => kind === '3 segmented-access').length).toBe(2);
    expect(kinds).toContain('2 unsegmented-access');
    expect(short.outcome).toBe('sent');

    say(acknowledgment(0, 3), { src: 2 });
    clock.runUntil(101);
    const next = take();
    expect(first.outcome).toBe('sent');
    expect(next.map(({ dst, pdu }) => [dst, 'segO' in pdu && pdu.segO])).toEqual([[2, 0]]);
    clock.runUntil(200);
    say(acknowledgment(next[0]!.seq & 0x1fff, 3), { src: 2 });
    clock.runUntil(201);
    expect(second.outcome).toBe('sent');
    clock.runUntil(20_000);
    expect(other.outcome).toMatchObject({ code: 'segmented-timeout' });
  });

  it('stops when cancelled, and the next to that destination has its turn', () => {
    const { clock, node, take } = scriptedNode();
    const first = track((done) => {
      const cancel = node.layer.send(appMessage(1, 2, 380), done);
      clock.after(150, cancel);
    });
    node.layer.send(appMessage(1, 2, 12));
    clock.runUntil(149);
    expect(take().length).toBe(3);
    clock.runUntil(151);
    expect(take().map(({ pdu }) => 'segN' in pdu && pdu.segN)).toEqual([1]);
    clock.runUntil(20_000);
    expect(first.outcome).toMatchObject({ code: 'cancelled' });
  });

  it('gives up before a SEQ that would belong to another SeqAuth', () => {
    const { clock, node } = scriptedNode();
    const sent = track((done) => node.layer.send({ ...appMessage(1, 2, 20), ttl: 5 }, done));
    clock.runUntil(100);
    for (let i = 0; i < 8190; i++) node.layer.send(appMessage(1, 0xc000, 1));
    expect(node.layer.sequenceNumber).toBe(8192);
    clock.runUntil(10_000);
    expect(sent.outcome).toMatchObject({ code: 'segmented-timeout', message: expect.stringContaining('8192') });
  });

  it('takes acknowledgments only under the NetKey of the message, and from one Friend', () => {
    const { clock, node, say } = scriptedNode();
    const sent = track((done) => node.layer.send(appMessage(1, 2, 30), done));
    clock.runUntil(130);
    say(acknowledgment(0, 0b001, true), { src: 9 }); // the Friend
    say(acknowledgment(0, 0b111, true), { src: 8 }); // another one
    say(acknowledgment(0, 0b111, false), { src: 2 }); // not the Friend
    clock.runUntil(140);
    expect(sent.outcome).toBeUndefined();
    say(acknowledgment(0, 0b111, true), { src: 9 });
    expect(sent.outcome).toBe('sent');
  });

  it('reports used up sequence numbers and a missing bearer', () => {
    const store = new MemoryStore();
    store.batch([['seq', Uint8Array.of(0, 0xff, 0xff, 0xff)]]);
    const { clock, node } = scriptedNode({ store });
    const last = track((done) => node.layer.send(appMessage(1, 2, 1), done));
    const none = track((done) => node.layer.send(appMessage(1, 2, 1), done));
    const segmented = track((done) => node.layer.send(appMessage(1, 2, 30), done));
    clock.runUntil(1);
    expect(last.outcome).toBe('sent');
    expect(none.outcome).toMatchObject({ code: 'sequence-exhausted' });
    expect(segmented.outcome).toMatchObject({ code: 'sequence-exhausted' });
    const alone = scriptedNode();
    alone.node.layer.close();
    const lost = [1, 30].map((n) => track((done) => alone.node.layer.send(appMessage(1, 2, n), done)));
    alone.clock.runUntil(1);
    expect(lost.map((l) => l.outcome)).toMatchObject([{ code: 'bearer-closed' }, { code: 'bearer-closed' }]);
  });
});

describe('SAR states', () => {
  const { defaults, derivedDefaults, unicastRetransmissionTimerMs, acknowledgmentTimerMs, extremes } =
    vectors.sarTimings;

  it('have the defaults and timings of the specification', () => {
    expect(DEFAULT_SAR_TRANSMITTER).toEqual(defaults.transmitter);
    expect(DEFAULT_SAR_RECEIVER).toEqual(defaults.receiver);
    expect(segmentIntervalMs(DEFAULT_SAR_TRANSMITTER)).toBe(derivedDefaults.segmentTransmissionIntervalMs);
    expect(multicastRetransmissionsMs(DEFAULT_SAR_TRANSMITTER)).toBe(
      derivedDefaults.multicastRetransmissionsIntervalMs,
    );
    expect(receptionIntervalMs(DEFAULT_SAR_RECEIVER)).toBe(derivedDefaults.segmentReceptionIntervalMs);
    expect(discardTimeoutMs(DEFAULT_SAR_RECEIVER)).toBe(derivedDefaults.discardTimeoutMs);
    expect(repeatedAcknowledgmentMs(DEFAULT_SAR_RECEIVER)).toBe(derivedDefaults.mostRecentSeqAuthAckPeriodMs);
  });

  it.each(unicastRetransmissionTimerMs)('retransmit after $ms ms with TTL $ttl', ({ ttl, ms }) => {
    expect(unicastRetransmissionsMs(DEFAULT_SAR_TRANSMITTER, ttl)).toBe(ms);
  });

  it.each(acknowledgmentTimerMs)('acknowledge after $ms ms with SegN $segN', ({ segN, ms }) => {
    expect(acknowledgmentDelayMs(DEFAULT_SAR_RECEIVER, segN)).toBe(ms);
  });

  it('reach the extremes', () => {
    const [unicast, acknowledgment, discard] = extremes;
    const slow = changeSarTransmitter(DEFAULT_SAR_TRANSMITTER, {
      unicastRetransmissionsIntervalStep: unicast.intervalStep,
      unicastRetransmissionsIntervalIncrement: unicast.increment,
    });
    expect(unicastRetransmissionsMs(slow, unicast.ttl)).toBe(unicast.ms);
    const patient = changeSarReceiver(DEFAULT_SAR_RECEIVER, {
      acknowledgmentDelayIncrement: acknowledgment.delayIncrement,
      receiverSegmentIntervalStep: acknowledgment.receiverSegmentIntervalStep,
      discardTimeout: discard.discardTimeout,
    });
    expect(acknowledgmentDelayMs(patient, acknowledgment.segN)).toBe(acknowledgment.ackTimerMs);
    expect(discardTimeoutMs(patient)).toBe(discard.ms);
  });

  it('refuse values out of range', () => {
    const error = expect.objectContaining({ code: 'bad-field' });
    expect(() => changeSarTransmitter(DEFAULT_SAR_TRANSMITTER, { segmentIntervalStep: 16 })).toThrow(error);
    expect(() => changeSarReceiver(DEFAULT_SAR_RECEIVER, { acknowledgmentRetransmissionsCount: 4 })).toThrow(error);
    expect(() => changeSarReceiver(DEFAULT_SAR_RECEIVER, { discardTimeout: 0.5 })).toThrow(error);
  });
});

function scriptedNode(options: ConstructorParameters<typeof ScriptedNode>[0] = {}) {
  const scripted = new ScriptedNode(options);
  const { clock, node, bearer } = scripted;
  return { clock, node, bearer, say: scripted.say.bind(scripted), take: scripted.take.bind(scripted) };
}
