import { isDeepStrictEqual } from 'node:util';
import { type MessageType, opcodeSize } from '@meshferry/access';
import { SeededRandom, toHex } from '@meshferry/core';
import { ACCESS_MAX } from '@meshferry/network';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryOf } from '../../access/src/testing/index.ts';
import { FOUNDATION_MESSAGES } from './families.ts';

const SEED = 0x0f0d;
const CASES = 10_000;
const each = FOUNDATION_MESSAGES.map((type) => [type.name, type] as const);

describe(`every message of the foundation models, ${CASES} cases each, seed ${SEED}`, () => {
  it.each(each)('%s gives back every value it can send', (_, type) => {
    fc.assert(
      fc.property(arbitraryOf(type), (value) => {
        const encoded = type.encode(value);
        const decoded = type.decode(encoded);
        return encoded.length <= ACCESS_MAX && decoded.ok && isDeepStrictEqual(decoded.value, value);
      }),
      { numRuns: CASES, seed: SEED },
    );
  });

  it.each(each)('%s never throws on octets, and means what it accepts', (name, type) => {
    const random = new SeededRandom(`${SEED} ${name}`);
    let accepted = 0;
    for (let i = 0; i < CASES; i++) {
      const octets = accessMessage(type, random);
      const decoded = type.decode(octets);
      if (!decoded.ok) {
        if (decoded.error.offset <= octets.length) continue;
        throw new Error(`offset ${decoded.error.offset} in ${toHex(octets)}`);
      }
      accepted++;
      const again = type.decode(type.encode(decoded.value));
      if (!isDeepStrictEqual(again, decoded)) throw new Error(`${toHex(octets)} changes its meaning`);
    }
    expect(accepted).toBeGreaterThan(0);
  });
});

/** The opcode and parameters at random, mostly as short as those of real messages. */
function accessMessage(type: MessageType<unknown>, random: SeededRandom): Uint8Array {
  const size = opcodeSize(type.opcode);
  const most = random.uniform() < 0.9 ? 30 : ACCESS_MAX - size;
  const parameters = random.bytes(Math.floor(random.uniform() * (most + 1)));
  // Small numbers as well: of random octets few are keys indexes, unicast addresses or one of two states.
  if (random.uniform() < 0.5) for (let i = 0; i < parameters.length; i++) parameters[i]! &= i % 2 === 0 ? 0x07 : 0x01;
  const octets = new Uint8Array(size + parameters.length);
  for (let i = 0; i < size; i++) octets[i] = (type.opcode >>> (8 * (size - 1 - i))) & 0xff;
  octets.set(parameters, size);
  return octets;
}
