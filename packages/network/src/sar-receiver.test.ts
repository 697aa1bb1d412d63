import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { appKeyMaterial } from './key-material.ts';
import type { SegmentedAccess } from './lower-transport-pdu.ts';
import type { NetworkLayerOptions } from './options.ts';
import { APP_KEY } from './testing/node.ts';
import { ANSWER_MS, PARTNER, ScriptedFriend, ScriptedLowPowerNode } from './testing/scripted-friendship.ts';
import { ScriptedNode } from './testing/scripted-node.ts';
import { hex, transport as vectors } from './testing/vectors.ts';
import { sealAccess } from './upper-transport.ts';

const SRC = 2;
/** What the node is to be besides. A discard timer of the Low Power node, if it had one, would end before the last segment. */
const ROLES: Record<string, Partial<NetworkLayerOptions>> = {
  'Friend for the destination': { friend: true },
  'Low Power node in a friendship': { lowPower: { allNodes: false }, sarReceiver: { discardTimeout: 0 } },
};
const appKey = appKeyMaterial(portableCrypto, 0, 0, APP_KEY);

/** The segments of a message of `segN + 1` full ones, as node 2 sends them with this SeqAuth. */
function segmentsOf(segN: number, seqAuth: number, dst: number): SegmentedAccess[] {
  const fields = { akf: true, szmic: false, seq: seqAuth, src: SRC, dst, ivIndex: 0 };
  const upper = sealAccess(appKey.aes, fields, new Uint8Array(12 * (segN + 1) - 4));
  return Array.from({ length: segN + 1 }, (_, segO) => ({
    format: 'segmented-access',
    akf: true,
    aid: appKey.aid,
    szmic: false,
    seqZero: seqAuth & 0x1fff,
    segO,
    segN,
    segment: upper.subarray(12 * segO, 12 * segO + 12),
  }));
}

describe('SAR receiver', () => {
  it.each(vectors.sarReceiver)('$id', (v) => {
    const limits = v.resources === undefined ? {} : { incoming: v.resources };
    const scripted = new ScriptedNode({ limits, sarReceiver: v.receiver ?? {}, ...ROLES[v.role ?? ''] });
    const { clock, node } = scripted;
    const { layer } = node;
    if (layer.friend !== undefined) new ScriptedLowPowerNode(scripted).befriend();
    const friend = layer.lowPower === undefined ? undefined : new ScriptedFriend(scripted);
    const dst = v.dst === 'group' ? 0xc000 : layer.friend === undefined ? 1 : PARTNER;
    node.groups.add(0xc000);
    const start = clock.now + (friend === undefined ? 0 : ANSWER_MS);
    let seq = 200;
    let delivered = 0;
    for (const [i, step] of v.steps.entries()) {
      const { segO = -1, segN = v.segN, seqAuth = 150 } = step.in ?? {};
      const segment = segmentsOf(segN, seqAuth, dst)[segO];
      if (friend !== undefined && segment !== undefined) friend.deliver(start + step.t, segment, SRC, seq++);
      else {
        clock.runUntil(start + step.t);
        if (segment !== undefined) scripted.say(segment, { src: SRC, dst, seq: seq++ });
      }

      const expected = step.out ?? [];
      const acknowledged = scripted.take().map(({ pdu, src, dst: to }) => {
        expect([src, to]).toEqual([1, SRC]);
        return 'ackedSegments' in pdu ? [pdu.ackedSegments, Number(pdu.obo)] : [-1];
      });
      const acks = expected.flatMap((out) => (typeof out === 'object' ? [[hex(out.ack), out.obo ?? 0]] : []));
      expect(acknowledged, `step ${i}`).toEqual(acks);
      if (expected.includes('deliver')) delivered++;
      expect(node.received.length, `step ${i}`).toBe(delivered);
      const queued = layer.friend?.lowPowerNodes[0]?.queued ?? 0;
      expect(queued, `step ${i}`).toBe(expected.includes('store both segments in the Friend Queue') ? 2 : 0);
      if (friend !== undefined && delivered === 0) {
        clock.advance(ANSWER_MS); // it asks for more
        friend.nothingMore();
      }
    }
    if (v.id === 'sar-rx-ack-timer') {
      clock.runUntil(9000);
      expect(scripted.take()).toEqual([]); // without a new segment there is nothing more to say
    }
  });

  it('gives up exactly after the discard timeout since the last new segment', () => {
    const scripted = new ScriptedNode();
    const [first, second, third] = segmentsOf(2, 0, 1);
    scripted.say(first!, { src: SRC, seq: 0 });
    scripted.clock.runUntil(9999);
    scripted.say(second!, { src: SRC, seq: 1 });
    scripted.clock.runUntil(9999 + 9999);
    scripted.say(third!, { src: SRC, seq: 2 });
    expect(scripted.node.received.length).toBe(1);
  });

  it('repeats the acknowledgment of a long message that is complete', () => {
    const sarReceiver = { acknowledgmentRetransmissionsCount: 2 };
    const scripted = new ScriptedNode({ sarReceiver });
    for (const segment of segmentsOf(4, 0, 1)) scripted.say(segment, { src: SRC });
    scripted.clock.runUntil(1000);
    expect(scripted.take().map(({ at, pdu }) => [at, 'ackedSegments' in pdu && pdu.ackedSegments])).toEqual([
      [0, 31],
      [60, 31],
      [120, 31],
    ]);
  });

  it('answers TTL 0 with TTL 0, any other with the Default TTL', () => {
    const scripted = new ScriptedNode({ defaultTtl: 9 });
    scripted.say(segmentsOf(0, 0, 1)[0]!, { src: SRC, ttl: 0, seq: 0 });
    scripted.say(segmentsOf(0, 1, 1)[0]!, { src: SRC, ttl: 100, seq: 1 });
    expect(scripted.take().map(({ ttl }) => ttl)).toEqual([0, 9]);
  });

  it('refuses what is too long for it, but not forever and not at every segment', () => {
    const scripted = new ScriptedNode({ limits: { segments: 6 } });
    for (const segment of segmentsOf(6, 0, 1)) scripted.say(segment, { src: SRC });
    expect(scripted.take().map(({ pdu }) => 'ackedSegments' in pdu && pdu.ackedSegments)).toEqual([0]);
    for (const segment of segmentsOf(5, 10, 1)) scripted.say(segment, { src: SRC, seq: 10 + segment.segO });
    expect(scripted.node.received.length).toBe(1);
  });

  it('bounds the reassemblies of one source, so that others still find room', () => {
    const scripted = new ScriptedNode({ elements: 3, limits: { incomingPerSource: 2 } });
    for (const dst of [1, 2, 3]) scripted.say(segmentsOf(1, dst, dst)[0]!, { src: 9, dst, seq: dst });
    const refused = scripted.take().filter(({ pdu }) => 'ackedSegments' in pdu && pdu.ackedSegments === 0);
    expect(refused.map(({ src }) => src)).toEqual([3]);
    scripted.say(segmentsOf(1, 50, 1)[0]!, { src: 8, seq: 50 });
    expect(scripted.take()).toEqual([]);
  });

  it('acknowledges again a message that was complete before a restart, without delivering it again', () => {
    const before = new ScriptedNode();
    const segments = segmentsOf(1, 40, 1);
    before.say(segments[0]!, { src: SRC, seq: 40 });
    before.say(segments[1]!, { src: SRC, seq: 41 });
    expect(before.node.received.length).toBe(1);
    const after = new ScriptedNode({ store: before.node.store });
    after.say(segments[1]!, { src: SRC, seq: 42 });
    expect(after.take().map(({ pdu }) => 'ackedSegments' in pdu && pdu.ackedSegments)).toEqual([3]);
    after.say(segmentsOf(1, 39, 1)[0]!, { src: SRC, seq: 43 });
    after.clock.runUntil(500);
    expect(after.take()).toEqual([]); // SeqAuth Error
    expect(after.node.received.length).toBe(0);
  });

  it('acknowledges what it cannot read: that is the business of the layers above', () => {
    const scripted = new ScriptedNode();
    for (const segment of segmentsOf(1, 0, 1)) scripted.say({ ...segment, aid: segment.aid ^ 1 }, { src: SRC });
    expect(scripted.take().length).toBe(1);
    expect(scripted.node.layer.counters.unreadable).toBe(1);
  });
});
