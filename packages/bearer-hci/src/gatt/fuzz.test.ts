import { concat } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GattEnd, GattRig } from '../testing/gatt-rig.ts';
import { ATT } from './att.ts';
import { CID } from './l2cap.ts';

/** ATT PDUs near to real ones: known opcodes, handles of the database, odd lengths. */
const handle = fc
  .oneof(fc.integer({ min: 0, max: 0x20 }), fc.constantFrom(0xffff, 0x8000))
  .map((value) => [value & 0xff, value >> 8]);
const attPdu = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .tuple(
      fc.constantFrom(...Object.values(ATT)),
      fc.array(handle, { maxLength: 4 }),
      fc.oneof(
        fc.constantFrom([], [0, 0x28], [3, 0x28], [1, 0], [2, 0], [1, 3], [7], [5]),
        fc.array(fc.nat(255), { maxLength: 30 }),
      ),
    )
    .map(([opcode, handles, rest]) => Uint8Array.from([opcode, ...handles.flat(), ...rest])),
);

/** ACL packets to the host: a handle, PB flags and data; mostly whole frames of the channels that there are. */
const lie = fc.oneof({ weight: 60, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(1, -1, 400) });
const frame = fc
  .tuple(fc.constantFrom(CID.ATT, CID.ATT, CID.ATT, CID.SIGNALLING, CID.SECURITY, 0x40), attPdu, lie)
  .map(([cid, payload, more]) => {
    const length = Math.max(0, payload.length + more);
    return concat(Uint8Array.of(length & 0xff, length >> 8, cid, 0), payload);
  });
const acl = fc.tuple(
  fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(1, 0xeff) }),
  fc.oneof({ weight: 60, arbitrary: fc.constant(2) }, { weight: 1, arbitrary: fc.constantFrom(0, 1, 3) }),
  fc.oneof({ weight: 60, arbitrary: frame }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }) }),
);

/** Events about connections: real handles, lengths cut or not. */
const event = fc.oneof(
  fc.tuple(
    fc.constant(0x13),
    fc
      .tuple(fc.nat(3), fc.constantFrom(0x40, 0x41, 0xfff), fc.nat(255))
      .map(([n, h, c]) => [n, h & 0xff, h >> 8, c, 0]),
  ),
  fc.tuple(
    fc.constant(0x05),
    fc.tuple(fc.constantFrom(0, 0, 2), fc.constantFrom(0x40, 0x41, 0xfff)).map(([s, h]) => [s, h & 0xff, h >> 8, 0x13]),
  ),
  fc.tuple(
    fc.constant(0x3e),
    fc
      .tuple(
        fc.constantFrom(1, 0x0a, 3, 7, 0x0c, 0x12, 4),
        fc.constantFrom(0, 0, 2, 0x3e),
        fc.constantFrom(0x40, 0x41, 0x42),
        fc.nat(2),
        fc.nat(40),
      )
      .map(([sub, status, h, role, length]) => [sub, status, h, 0, role, ...new Array(length).fill(role)]),
  ),
);

type Step = { readonly acl: [number, number, Uint8Array] } | { readonly event: [number, number[]] };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 40, arbitrary: acl.map((value) => ({ acl: value as [number, number, Uint8Array] })) },
    { weight: 1, arbitrary: event.map((value) => ({ event: value as [number, number[]] })) },
  ),
  { minLength: 20, maxLength: 60 },
);

/** Brings them to an end of a link; afterwards it still makes links and carries values. */
function survives(role: 'central' | 'peripheral', script: readonly Step[]): void {
  const rig = new GattRig();
  const ends = { central: rig.end(), peripheral: rig.end() };
  rig.linked(ends.central, ends.peripheral);
  const end: GattEnd = ends[role];
  for (const step of script) {
    if ('acl' in step) {
      const [offset, flags, data] = step.acl;
      const word = (0x40 + offset) | (flags << 12);
      end.controller.inject(
        concat(Uint8Array.of(2, word & 0xff, word >> 8, data.length & 0xff, data.length >> 8), data),
      );
    } else end.controller.event(...step.event);
    rig.clock.advance(1);
    expect(end.connections.of(role).length).toBeLessThanOrEqual(3);
  }
  rig.clock.advance(1000);
  for (const each of Object.values(ends)) each.controller.hardwareError();
  rig.clock.advance(40_000);
  const [client, server] = rig.linked(ends.central, ends.peripheral);
  client.link.send(Uint8Array.of(1), () => {});
  server.link.send(Uint8Array.of(2), () => {});
  rig.clock.advance(500);
  expect([client.values, server.values]).toEqual([['02'], ['01']]);
}

describe.each(['central', 'peripheral'] as const)('a %s to whom anything is sent', (role) => {
  it('never throws, and makes links afterwards', () => {
    fc.assert(
      fc.property(steps, (script) => survives(role, script)),
      { numRuns: 400 },
    );
  }, 60_000);
});

describe('a setup whose answers are anything', () => {
  it('ends with a link or an error, and leaves nothing', () => {
    fc.assert(
      fc.property(fc.array(attPdu, { minLength: 8, maxLength: 20 }), fc.nat(6), (answers, good) => {
        const rig = new GattRig();
        const [central, peripheral] = [rig.end(), rig.end()];
        rig.serve(peripheral);
        const found = rig.discover(central);
        let outcomes = 0;
        central.central.connect(found.peer, { uuid: 0x1828, dataIn: 0x2add, dataOut: 0x2ade }, () => outcomes++);
        let said = 0;
        peripheral.connections.acceptor = wrap(peripheral.connections.acceptor, (pdu, answer, lie) => {
          // One lie for each confirmation of a lie would go on for ever.
          if (pdu[0] === ATT.CONFIRMATION) return;
          if (said++ < good) answer(pdu);
          else for (const each of answers.slice(said % 4, (said % 4) + 3)) lie(each);
        });
        rig.clock.advance(120_000);
        expect(outcomes).toBe(1);
      }),
      { numRuns: 400 },
    );
  }, 60_000);
});

type Acceptor = GattEnd['connections']['acceptor'];
type Answerer = (pdu: Uint8Array, answer: (pdu: Uint8Array) => void, lie: (pdu: Uint8Array) => void) => void;

/** Lets a test answer in the place of the server of each connection. */
function wrap(acceptor: Acceptor, answerer: Answerer): Acceptor {
  return (connection) => {
    acceptor?.(connection);
    const { server } = connection;
    connection.server = {
      receive: (pdu) =>
        answerer(
          pdu,
          (each) => server?.receive(each),
          (each) => connection.sendAtt(each, () => {}),
        ),
    };
  };
}
