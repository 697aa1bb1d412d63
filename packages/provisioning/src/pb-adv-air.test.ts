import { type Advertising, memoryAir, withFaults } from '@meshferry/bearer';
import { fromHex, MeshError, SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { pbAdv } from './pb-adv.ts';
import { pbAdvAcceptor } from './pb-adv-acceptor.ts';
import { LinkEnd } from './testing/link-end.ts';
import { UUID } from './testing/pb-adv-bench.ts';

describe.each([0, 0.1, 0.2, 0.3])('two ends with a loss of %f, reordering and copies', (loss) => {
  it('exchange PDUs of all lengths, ten links in parallel over one bearer', () => {
    const clock = new VirtualClock();
    const random = new SeededRandom(`loss ${loss}`);
    const air = memoryAir(clock, random);
    const join = (): Advertising =>
      withFaults(air.join().advertising, clock, random, { loss, duplication: loss, reordering: loss, delayMs: 5 });
    const bearer = pbAdv({ clock, random }, join());
    const pairs = Array.from({ length: 10 }, (_, i) => {
      const uuid = Uint8Array.from({ length: 16 }, () => i);
      const pair: { near?: LinkEnd; far?: LinkEnd } = {};
      pbAdvAcceptor({ clock, random, crypto: portableCrypto }, join()).accept({ uuid, oobInformation: 0 }, (link) => {
        pair.far = new LinkEnd(link);
        pair.far.onPdu = (pdu) => pair.far!.send(pdu.slice().reverse());
      });
      bearer.open(uuid, (link) => {
        if (link instanceof MeshError) throw link;
        pair.near = new LinkEnd(link);
        pair.near.onPdu = () => sendNext(pair.near!);
        sendNext(pair.near);
      });
      return pair;
    });
    for (let i = 0; i < 600 && pairs.some(({ near }) => (near?.received.length ?? 0) < LENGTHS.length); i++) {
      clock.advance(1000);
    }
    for (const { near, far } of pairs) {
      expect(near!.received).toEqual(LENGTHS.map((length) => toHex(pduOf(length).reverse())));
      expect(far!.received).toEqual(LENGTHS.map((length) => toHex(pduOf(length))));
      near!.link.close('success');
    }
    clock.advance(200_000); // those that have lost all three copies of Link Close time out
    for (const { far } of pairs) expect(far!.closed).toMatch(/success|timeout/);
    expect(pairs.filter(({ far }) => far!.closed === 'success').length).toBeGreaterThan(loss === 0 ? 9 : 5);
  });

  const LENGTHS = [2, 12, 65, 34, 1, 200];

  function sendNext(end: LinkEnd): void {
    const length = LENGTHS[end.received.length];
    if (length !== undefined) end.send(pduOf(length));
  }

  function pduOf(length: number): Uint8Array {
    return Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff);
  }
});

it('a device that goes out of reach in the middle costs the link, and can be provisioned later', () => {
  const clock = new VirtualClock();
  const random = new SeededRandom('reach');
  let inReach = true;
  const air = memoryAir(clock, random, { hears: () => inReach });
  const far: LinkEnd[] = [];
  const near: LinkEnd[] = [];
  const bearer = pbAdv({ clock, random }, air.join().advertising);
  const acceptor = pbAdvAcceptor({ clock, random, crypto: portableCrypto }, air.join().advertising);
  acceptor.accept({ uuid: UUID, oobInformation: 0 }, (link) => far.push(new LinkEnd(link)));
  const open = () =>
    bearer.open(UUID, (link) => {
      if (link instanceof MeshError) throw link;
      near.push(new LinkEnd(link));
    });
  open();
  clock.advance(2000);
  inReach = false;
  near[0]!.send(fromHex('0000'));
  clock.advance(61_000);
  expect([near[0]!.closed, far[0]!.closed]).toEqual(['timeout', 'timeout']);
  inReach = true;
  open();
  clock.advance(2000);
  near[1]!.send(fromHex('0000'));
  clock.advance(2000);
  expect(far[1]!.received).toEqual(['0000']);
});
