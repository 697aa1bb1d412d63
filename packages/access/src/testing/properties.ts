import { isDeepStrictEqual } from 'node:util';
import { toHex } from '@meshferry/core';
import { ACCESS_MAX } from '@meshferry/network';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { MessageType } from '../message.ts';
import { arbitraryOctets, arbitraryOf } from './arbitrary.ts';

/** Values of messages by name, where the layout alone does not tell them. */
export type Values = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/**
 * Two tests for each message: whatever it can send comes back as it was, and octets never throw, and mean what is
 * accepted of them. As many cases as every codec has (vitest.setup.ts).
 */
export function testMessageCodecs(types: readonly MessageType<unknown>[], values: Values = {}): void {
  const each = types.map((type) => [type.name, type] as const);

  it.each(each)('%s gives back every value it can send', (name, type) => {
    fc.assert(
      fc.property(values[name] ?? arbitraryOf(type), (value) => {
        const encoded = type.encode(value);
        const decoded = type.decode(encoded);
        return encoded.length <= ACCESS_MAX && decoded.ok && isDeepStrictEqual(decoded.value, value);
      }),
    );
  });

  it.each(each)('%s never throws on octets, and means what it accepts', (name, type) => {
    let accepted = 0;
    fc.assert(
      fc.property(arbitraryOctets(type, values[name] ?? arbitraryOf(type)), (octets) => {
        const decoded = type.decode(octets);
        if (!decoded.ok) return decoded.error.offset <= octets.length;
        accepted++;
        const again = type.decode(type.encode(decoded.value));
        if (!isDeepStrictEqual(again, decoded)) throw new Error(`${toHex(octets)} changes its meaning`);
        return true;
      }),
    );
    expect(accepted).toBeGreaterThan(0);
  });
}
