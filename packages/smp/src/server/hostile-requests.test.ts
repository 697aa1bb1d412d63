import { VirtualClock } from '@meshferry/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { testImage } from '../bootloader/testing/boot-bench.ts';
import { type CborValue, decodeMap, encodeMap } from '../cbor.ts';
import { SMP_COMMANDS } from '../commands.ts';
import { McubootDevice } from '../device/mcuboot-device.ts';
import { Echo } from '../messages/os.ts';
import { decodeHeader, decodePacket, encodePacket } from '../packet.ts';
import type { PersonalityName } from './personality.ts';
import { Bench } from './testing/bench.ts';

const IMAGE = testImage('1.0.0+0');
const SIZE = 512;
const PERSONALITIES: readonly PersonalityName[] = ['zephyr-3.4.99', 'zephyr-4.4.0', 'serial-recovery'];

/** A device with everything, for many requests: what one does must not spoil what the next one gets. */
function bench(personality: PersonalityName): Bench {
  const clock = new VirtualClock();
  const device = new McubootDevice({ clock, trust: 'any', slotSize: 0x8000, images: 2 });
  device.program(0, 0, IMAGE, { confirmed: true });
  device.powerOn();
  clock.advance(1000);
  return new Bench(
    {
      personality,
      images: device,
      buffers: { size: SIZE, count: 4 },
      bootloader: { mode: 3 },
      dateTime: true,
      imageOptions: { check: true, directUpload: true, allowErasePending: true },
      log: [{ name: 'log', type: 0, entries: [{ msg: 'x', ts: 0, level: 0, index: 0, module: 0 }] }],
    },
    clock,
  );
}
const benches = PERSONALITIES.map(bench);

const value: fc.Arbitrary<CborValue> = fc.oneof(
  fc.constantFrom<CborValue>(
    0,
    1,
    23,
    64,
    512,
    -1,
    true,
    false,
    null,
    '',
    'x',
    '/lfs1/f',
    'app/v',
    'mode',
    'a',
    2 ** 32,
    1.5,
  ),
  fc.integer(),
  fc.string({ maxLength: 80 }),
  fc.uint8Array({ maxLength: 80 }),
  fc.constantFrom(...[32, 64, 400].map((length) => IMAGE.slice(0, length))),
  fc.array(fc.string({ maxLength: 20 }), { maxLength: 4 }),
);
const keys = [
  ...new Set(SMP_COMMANDS.flatMap(({ requestLayout }) => requestLayout.map(({ key, name }) => key ?? name))),
];
const map = fc
  .array(fc.tuple(fc.constantFrom(...keys), value), { maxLength: 6 })
  .map((members) => encodeMap(new Map<CborValue, CborValue>(members)));
const packet = fc
  .record({
    op: fc.constantFrom(0, 2, 0, 2, 0, 2, 1, 3, 4, 7),
    version: fc.constantFrom(0, 1, 1, 2, 3),
    command: fc.constantFrom(...SMP_COMMANDS),
    payload: fc.oneof({ weight: 4, arbitrary: map }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) }),
    sequence: fc.integer({ min: 0, max: 255 }),
  })
  .map(({ command: { group, command }, payload, ...rest }) => encodePacket({ ...rest, group, command }, payload));
const damaged = fc
  .tuple(packet, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean())
  .map(([octets, at, octet, cut]) => {
    const changed = octets.slice(0, cut ? at % (octets.length + 1) : octets.length);
    if (changed.length > 0) changed[at % changed.length] = octet;
    return changed;
  });
const message = fc.oneof(
  { weight: 6, arbitrary: packet },
  { weight: 2, arbitrary: damaged },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 600 }) },
);

/** What may be said to one request, whatever it is. */
function checkAnswers(request: Uint8Array, answers: readonly Uint8Array[]): void {
  const header = decodeHeader(request);
  if (header === undefined || request.length > SIZE) {
    expect(answers).toEqual([]);
    return;
  }
  expect(answers.length).toBeGreaterThan(0);
  for (const [i, answer] of answers.entries()) {
    expect(answer.length).toBeLessThanOrEqual(SIZE);
    // 3.4.99 sends eight octets of something old where it has no code.
    if (answer.length === 8) continue;
    const decoded = decodePacket(answer);
    if (!decoded.ok) throw new Error(decoded.error.reason);
    expect(decoded.value.payload.length).toBe(answer.length - 8);
    expect(decodeMap(decoded.value.payload, { unique: true }).ok).toBe(true);
    if (i > 0) continue;
    const { op, version, group, sequence, command, flags } = decoded.value.header;
    expect({ op, version, group, sequence, command, flags }).toEqual({
      op: header.op === 0 ? 1 : 3,
      version: Math.min(header.version, 1),
      group: header.group,
      sequence: header.sequence,
      command: header.command,
      flags: 0,
    });
  }
}

test('whatever is asked, there is an answer that a client can read, and the server lives on', () => {
  fc.assert(
    fc.property(fc.nat(2), message, (which, request) => {
      const server = benches[which]!;
      checkAnswers(request, server.exchange(request));
    }),
    { numRuns: 10_000 },
  );
  for (const server of benches) expect(server.value(Echo, { d: 'there?' })).toEqual({ r: 'there?' });
});

test('of many at once as many are answered as there are buffers for, and none is given twice', () => {
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1, maxLength: 12 }), (requests) => {
      const server = benches[1]!;
      const answers = server.exchange(...requests);
      expect(answers.length).toBeLessThanOrEqual(Math.min(4, requests.length));
      expect(server.value(Echo, { d: 'there?' })).toEqual({ r: 'there?' });
    }),
    { numRuns: 2000 },
  );
});
