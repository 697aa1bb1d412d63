/** Access layer: decoding and dispatching the messages that an update is made of, in operations a second. */
import { AccessLayer, Model, message, rest, u8, u16 } from '@meshferry/access';
import { MemoryStore, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { AccessReceived } from '@meshferry/network';

const Chunk = message({
  name: 'Chunk',
  opcode: 0x7d,
  source: 'the shape of BLOB Chunk Transfer',
  fields: { number: u16(), data: rest({ min: 1 }) },
});
const Status = message({
  name: 'Status',
  opcode: 0x8303,
  source: 'the shape of a status',
  fields: { status: u8({ max: 10 }), phase: u8({ max: 5 }), size: u16(), offset: u16() },
});

const chunk = Chunk.encode({ number: 0x1234, data: new Uint8Array(64).fill(7) });
const status = Status.encode({ status: 0, phase: 3, size: 400, offset: 12 });

const model = new Model({ id: 0x1400, name: 'receiver' });
let octets = 0;
model.handle(Chunk, ({ data }) => {
  octets += data.length;
});
const access = new AccessLayer({
  clock: new VirtualClock(),
  random: new SeededRandom(1),
  store: new MemoryStore(),
  crypto: portableCrypto,
  address: 5,
  identity: { cid: 0x0059, pid: 1, vid: 1, crpl: 32, features: 0 },
});
access.addElement(0, [model]);
access.connect({ defaultTtl: 5, send: () => () => {} });
model.bind(0);
model.subscribe(0xc000);
const received: AccessReceived = {
  src: 1,
  dst: 0xc000,
  key: { kind: 'app', index: 0 },
  netIndex: 0,
  credentials: 'flooding',
  ttl: 5,
  seq: 1,
  payload: chunk,
};

const runs: readonly (readonly [string, () => void])[] = [
  ['decode chunk {u16, rest of 64}', () => Chunk.decode(chunk)],
  ['decode status {u8, u8, u16, u16}', () => Status.decode(status)],
  ['encode chunk', () => Chunk.encode({ number: 5, data: chunk })],
  ['receive chunk, group, one subscriber', () => access.receive(received)],
];
// All of them are warm before one is measured: code that has seen one message only would look too fast.
for (const [, run] of runs) rate(run);
for (const [what, run] of runs) console.log(`${what.padEnd(40)} ${(rate(run) / 1000).toFixed(2)} M/s`);
if (octets === 0) throw new Error('no chunk reached the model');

/** Operations a millisecond: the best of five rounds of 300 000. */
function rate(run: () => void): number {
  const count = 300_000;
  let best = 0;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    best = Math.max(best, count / (performance.now() - start));
  }
  return best;
}
