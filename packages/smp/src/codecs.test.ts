import { concat } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CborMap, type CborValue, decodeMap, encodeIndefiniteMap, encodeMap } from './cbor.ts';
import { SMP_COMMANDS } from './commands.ts';
import { decodePackets, encodePacket } from './packet.ts';
import { arbitraryMap, arbitraryMembers } from './testing/arbitrary-values.ts';

const header = fc.record({
  op: fc.nat(7),
  version: fc.nat(3),
  group: fc.nat(0xffff),
  sequence: fc.nat(0xff),
  command: fc.nat(0xff),
});

describe('packets', () => {
  it('come back, several in one message, with up to 7 octets behind them', () => {
    const some = fc.array(fc.tuple(header, fc.uint8Array({ maxLength: 40 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(some, fc.uint8Array({ maxLength: 7 }), (sent, rest) => {
        const octets = concat(...sent.map(([of, payload]) => encodePacket(of, payload)), rest);
        const { packets, error } = decodePackets(octets);
        expect(error).toBeUndefined();
        expect(packets).toEqual(
          sent.map(([of, payload]) => ({ header: { ...of, flags: 0, length: payload.length }, payload })),
        );
      }),
    );
  });
  it('cut short anywhere are the packets before the cut and an error with the header, if that is there', () => {
    const two = fc.tuple(header, fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat());
    fc.assert(
      fc.property(two, ([of, payload, n]) => {
        const first = encodePacket(of, payload);
        const octets = concat(first, first).subarray(0, first.length + 8 + (n % payload.length));
        const { packets, error } = decodePackets(octets);
        expect(packets.length).toBe(1);
        expect(error).toMatchObject({ kind: 'truncated', offset: first.length, header: of });
      }),
    );
  });
});

describe('CBOR', () => {
  it('maps come back in their order, definite or indefinite', () => {
    fc.assert(
      fc.property(arbitraryMap, (map) => {
        for (const octets of [encodeMap(map), encodeIndefiniteMap(map)]) {
          const read = decodeMap(octets, { unique: true });
          expect(read).toEqual({ ok: true, value: map });
          if (read.ok) expect([...read.value.keys()]).toEqual([...map.keys()]);
        }
      }),
    );
  });
  it('maps come back from any form: longer heads, tags, strings in pieces, octets behind', () => {
    fc.assert(
      fc.property(
        arbitraryMap,
        fc.infiniteStream(fc.nat(0xff)),
        fc.uint8Array({ maxLength: 9 }),
        (map, choices, rest) => {
          const octets = concat(Uint8Array.from(anyForm(map, choices)), rest);
          expect(decodeMap(octets)).toEqual({ ok: true, value: map });
        },
      ),
    );
  });
  it('a map cut short anywhere is none', () => {
    fc.assert(
      fc.property(arbitraryMap, fc.nat(), fc.boolean(), (map, n, indefinite) => {
        const octets = indefinite ? encodeIndefiniteMap(map) : encodeMap(map);
        expect(decodeMap(octets.subarray(0, n % octets.length)).ok).toBe(false);
      }),
    );
  });
});

describe('commands', () => {
  const anyCommand = fc.constantFrom(...SMP_COMMANDS);
  it('requests come back', () => {
    const any = anyCommand.chain((command) => fc.tuple(fc.constant(command), arbitraryMembers(command.requestLayout)));
    fc.assert(
      fc.property(any, fc.nat(255), ([command, value], sequence) => {
        const { packets } = decodePackets(command.encodeRequest(value, { version: 1, sequence }));
        expect(packets[0]?.header).toMatchObject({
          op: command.op,
          group: command.group,
          command: command.command,
          sequence,
        });
        expect(command.decodeRequest(packets[0]?.payload ?? new Uint8Array())).toEqual({ ok: true, value });
      }),
    );
  });
  it('answers come back, as an answer of the version asked in', () => {
    const any = anyCommand.chain((command) => fc.tuple(fc.constant(command), arbitraryMembers(command.responseLayout)));
    fc.assert(
      fc.property(any, fc.nat(255), fc.nat(3), ([command, value], sequence, version) => {
        const { packets } = decodePackets(command.encodeResponse(value, { op: command.op, version, sequence }));
        const { group, command: number } = command;
        const answered = { op: command.op + 1, version: Math.min(version, 1), sequence, group, command: number };
        expect(packets[0]?.header).toMatchObject(answered);
        expect(command.decodeResponse(packets[0]?.payload ?? new Uint8Array())).toEqual({ ok: true, value });
      }),
    );
  });
});

/** A value in one of the many forms that CBOR has for it, by chance. */
function anyForm(value: CborValue, choices: Iterator<number>): number[] {
  const chance = (): number => choices.next().value as number;
  const tag = chance() % 8 === 0 ? longHead(6, chance(), chance()) : [];
  return [...tag, ...untagged()];

  function untagged(): number[] {
    if (typeof value === 'number' && Number.isInteger(value) && !Object.is(value, -0)) {
      return value < 0 ? longHead(1, -1 - value, chance()) : longHead(0, value, chance());
    }
    if (value instanceof Uint8Array) return string(2, value);
    if (typeof value === 'string') return string(3, new TextEncoder().encode(value));
    if (Array.isArray(value)) {
      const items = (value as CborValue[]).flatMap((item) => anyForm(item, choices));
      return chance() % 2 === 0 ? [0x9f, ...items, 0xff] : [...longHead(4, value.length, chance()), ...items];
    }
    if (value instanceof Map) {
      const items = [...(value as CborMap)].flat().flatMap((item) => anyForm(item, choices));
      return chance() % 2 === 0 ? [0xbf, ...items, 0xff] : [...longHead(5, value.size, chance()), ...items];
    }
    return [...encodeMap(new Map([[0, value]]))].slice(2);
  }

  function string(major: number, octets: Uint8Array): number[] {
    if (chance() % 3 > 0) return [...longHead(major, octets.length, chance()), ...octets];
    // A piece of a text holds whole characters; one piece and an empty one will do for it.
    const cut = major === 2 ? chance() % (octets.length + 1) : 0;
    const piece = (part: Uint8Array): number[] => [...longHead(major, part.length, chance()), ...part];
    return [(major << 5) | 31, ...piece(octets.subarray(0, cut)), ...piece(octets.subarray(cut)), 0xff];
  }
}

/** A head of any size that the number fits in. */
function longHead(major: number, n: number, chance: number): number[] {
  const fitting = [0, 1, 2, 4, 8].filter((size) => n < (size === 0 ? 24 : 256 ** size));
  const size = fitting[chance % fitting.length] as number;
  if (size === 0) return [(major << 5) | n];
  const octets = Array.from({ length: size }, (_, i) => Number((BigInt(n) >> BigInt(8 * (size - 1 - i))) & 0xffn));
  return [(major << 5) | (24 + Math.log2(size)), ...octets];
}
