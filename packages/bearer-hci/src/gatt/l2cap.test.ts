import { concat, fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CID, L2capReassembler, newFrame } from './l2cap.ts';

/** What comes out of fragments: frames as `cid:payload`, and `broken`. */
function reassembler(longest = 600): { out: string[]; receive: (first: boolean, data: Uint8Array) => void } {
  const out: string[] = [];
  const l2cap = new L2capReassembler(new Map([[CID.ATT, longest]]), {
    frame: (cid, payload) => void out.push(`${cid}:${toHex(payload)}`),
    broken: () => void out.push('broken'),
  });
  return { out, receive: (first, data) => l2cap.receive(first, data) };
}

function frame(cid: number, payload: Uint8Array): Uint8Array {
  const octets = newFrame(cid, payload.length);
  octets.set(payload, 4);
  return octets;
}

describe('L2CAP frames', () => {
  it('come out whole, however they are cut', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 600 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(payloads, fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }), (sent, cuts) => {
        const { out, receive } = reassembler();
        for (const [i, payload] of sent.entries()) {
          const octets = frame(CID.ATT, payload);
          for (let at = 0, cut = i; at < octets.length; cut++) {
            const end = at + cuts[cut % cuts.length]!;
            const part = octets.slice(at, end);
            receive(at === 0, part);
            part.fill(0xee);
            at = end;
          }
        }
        expect(out).toEqual(sent.map((payload) => `4:${toHex(payload)}`));
      }),
      { numRuns: 10_000 },
    );
  });

  it('of other channels are passed over, whatever their length', () => {
    const { out, receive } = reassembler();
    receive(true, concat(fromHex('ffff4000'), new Uint8Array(1000)));
    for (let left = 0xffff - 1000; left > 0; left -= 1000) receive(false, new Uint8Array(Math.min(left, 1000)));
    receive(true, frame(CID.ATT, Uint8Array.of(1)));
    expect(out).toEqual(['4:01']);
  });

  it.each([
    ['a frame that is cut short', [true, '0300040001'], [true, '0100040001']],
    ['a fragment without the beginning', [false, '01']],
    ['a fragment beyond the end', [true, '0100040001'], [true, '01000400'], [false, '0102']],
    ['more than a frame', [true, '010004000102']],
    ['a frame that is too long', [true, '59020400']],
  ] as [string, ...[boolean, string][]][])('are broken by %s', (_, ...fragments) => {
    const { out, receive } = reassembler();
    for (const [first, data] of fragments) receive(first, fromHex(data));
    expect(out).toContain('broken');
    receive(true, frame(CID.ATT, Uint8Array.of(7)));
    expect(out.at(-1)).toBe('4:07');
  });

  it('bear empty fragments', () => {
    const { out, receive } = reassembler();
    receive(true, fromHex('0100'));
    for (const data of ['', '0400', '', '09', '']) receive(false, fromHex(data));
    expect(out).toEqual(['4:09']);
  });

  it('never make it throw, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 40 }))), (fragments) => {
        const { out, receive } = reassembler(30);
        for (const [first, data] of fragments) receive(first, data);
        for (const each of out) if (each !== 'broken') expect(each.length).toBeLessThanOrEqual(2 + 60);
      }),
      { numRuns: 10_000 },
    );
  });
});
