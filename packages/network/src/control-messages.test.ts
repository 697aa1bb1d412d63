import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ControlField } from './control-message.ts';
import {
  CONTROL_MESSAGES,
  FriendClear,
  FriendOffer,
  FriendPoll,
  FriendRequest,
  FriendSubscriptionListAdd,
  FriendUpdate,
} from './control-messages.ts';

describe('control messages', () => {
  it('have opcodes and names of their own', () => {
    expect(new Set(CONTROL_MESSAGES.map(({ opcode }) => opcode)).size).toBe(CONTROL_MESSAGES.length);
    expect(new Set(CONTROL_MESSAGES.map(({ name }) => name)).size).toBe(CONTROL_MESSAGES.length);
  });

  // Parameters on air in recorded traffic of another stack (friendship-*), and of the specification's sample data.
  it.each([
    [
      'Friend Request',
      FriendRequest,
      '4b50057e400000010000',
      { lpnCounter: 0, pollTimeout: 0x57e40, receiveDelay: 0x50 },
    ],
    ['Friend Request', FriendRequest, '016400012c0000010001', { lpnCounter: 1, pollTimeout: 300, receiveDelay: 100 }],
    ['Friend Offer', FriendOffer, 'ff1003de0000', { receiveWindow: 255, queueSize: 16, rssi: -34, friendCounter: 0 }],
    ['Friend Poll', FriendPoll, '01', { fsn: 1 }],
    ['Friend Update', FriendUpdate, '021234567801', { flags: 2, ivIndex: 0x1234_5678, md: 1 }],
    ['Friend Clear', FriendClear, '12010007', { lpnAddress: 0x1201, lpnCounter: 7 }],
    ['List Add', FriendSubscriptionListAdd, '00c0009296', { transactionNumber: 0, addressList: [0xc000, 0x9296] }],
  ])('%s is read and written', (_, type, hex, fields) => {
    const decoded = type.decode(fromHex(hex));
    expect(decoded).toMatchObject({ ok: true, value: fields });
    if (decoded.ok) expect(toHex((type as { encode(value: unknown): Uint8Array }).encode(decoded.value))).toBe(hex);
  });

  it.each([
    ['padding that is not 0', FriendPoll, '03'],
    ['MD 2', FriendUpdate, '000000000002'],
    ['no queue size', FriendRequest, '486400012c0000010001'],
    ['a poll timeout of 0.9 s', FriendRequest, '01640000090000010001'],
    ['no elements', FriendRequest, '016400012c0000000001'],
    ['a receive window of 0', FriendOffer, '001003de0000'],
    ['six addresses', FriendSubscriptionListAdd, `00${'c000'.repeat(6)}`],
    ['half an address', FriendSubscriptionListAdd, '00c000c0'],
    ['an octet too few', FriendOffer, 'ff1003de00'],
    ['an octet too many', FriendOffer, 'ff1003de000000'],
  ])('%s is refused', (_, type, hex) => {
    expect(type.decode(fromHex(hex)).ok).toBe(false);
  });

  it('what cannot be sent is refused with the name of the field', () => {
    expect(() => FriendPoll.encode({ fsn: 2 })).toThrow('Friend Poll: fsn: 2 is not in 0 to 1');
    expect(() => FriendSubscriptionListAdd.encode({ transactionNumber: 0, addressList: [] })).toThrow('addressList');
  });

  it('encode and decode are inverse, and no octets throw', () => {
    for (const type of CONTROL_MESSAGES) {
      const values = fc.record(
        Object.fromEntries(
          Object.entries(type.layout)
            .map(([name, field]) => [name, arbitrary(field)] as const)
            .filter((entry) => entry[1] !== undefined),
        ) as Record<string, fc.Arbitrary<unknown>>,
      );
      fc.assert(
        fc.property(values, fc.uint8Array({ maxLength: 16 }), (value, octets) => {
          const encoded = type.encode(value);
          expect(type.decode(encoded)).toEqual({ ok: true, value });
          const decoded = type.decode(octets);
          if (decoded.ok) expect(type.encode(decoded.value).length).toBe(octets.length);
        }),
      );
    }
  });
});

function arbitrary(field: ControlField): fc.Arbitrary<unknown> | undefined {
  switch (field.kind) {
    case 'uint':
      return fc.integer({ min: field.min, max: field.max });
    case 'int':
      return fc.integer({ min: -(2 ** (field.bits - 1)), max: 2 ** (field.bits - 1) - 1 });
    case 'addresses':
      return fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: field.min, maxLength: field.max });
    case 'rest':
      return fc.uint8Array({ maxLength: 11 });
    default:
      return undefined;
  }
}
