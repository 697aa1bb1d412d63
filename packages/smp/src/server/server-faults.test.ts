import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, test } from 'vitest';
import { every, only, type SmpServerFaults } from './server-faults.ts';
import { Bench } from './testing/bench.ts';

const REQUEST = (sequence: number) => `0a000005000${'0'}${sequence.toString(16).padStart(2, '0')}00a161646178`;
const ANSWER = (sequence: number) => `0b0000060000${sequence.toString(16).padStart(2, '0')}00bf61726178ff`;

function answers(faults: SmpServerFaults, requests = 3): string[] {
  const bench = new Bench({ faults });
  const sent: string[] = [];
  for (let i = 1; i <= requests; i++) sent.push(...bench.exchange(fromHex(REQUEST(i))).map(toHex));
  return sent;
}

describe('a server does wrong on purpose', () => {
  test.for<[string, SmpServerFaults, string[]]>([
    ['nothing', {}, [ANSWER(1), ANSWER(2), ANSWER(3)]],
    ['requests it does not hear', { dropRequest: every(2) }, [ANSWER(1), ANSWER(3)]],
    ['answers it does not send', { dropResponse: only(1, 3) }, [ANSWER(2)]],
    ['answers it sends twice', { repeatResponse: only(2) }, [ANSWER(1), ANSWER(2), ANSWER(2), ANSWER(3)]],
    ['busy', { busy: only(1) }, ['0b00000600000100bf6272630aff', ANSWER(2), ANSWER(3)]],
    ['other sequence numbers', { wrongSequence: only(2) }, [ANSWER(1), ANSWER(130), ANSWER(3)]],
    ['old answers first', { staleResponse: only(1, 3) }, [ANSWER(1), ANSWER(2), ANSWER(2), ANSWER(3)]],
    ['more octets', { extraOctets: only(1) }, [`${ANSWER(1)}deadbeef00`, ANSWER(2), ANSWER(3)]],
    ['half CBOR', { malformedResponse: only(3) }, [ANSWER(1), ANSWER(2), '0b00000500000300bf61726178']],
  ])('%s', ([, faults, expected]) => {
    expect(answers(faults)).toEqual(expected);
  });

  test('slow answers', () => {
    const bench = new Bench({ faults: { delayResponse: (n) => 100 * n } });
    for (const sequence of [1, 2, 3]) bench.link.put(fromHex(REQUEST(sequence)));
    const times: number[] = [];
    for (let ms = 0; ms < 1000; ms += 10) {
      bench.clock.advance(10);
      while (times.length < bench.link.sent.length) times.push(bench.clock.now);
    }
    expect(times).toEqual([100, 300, 600]);
  });
});
