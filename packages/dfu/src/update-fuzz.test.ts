import { SeededRandom, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { GROUP, Mesh, NEW_ID } from './testing/mesh.ts';
import { UpdatePhase as Phase } from './update-codes.ts';

const NEW = toHex(NEW_ID);
const CLIENT = 1;
const RUNS = 120;

/** Firmware Update and BLOB Status messages of any content, well-formed or not, about this update or another. */
function anyAnswer(random: SeededRandom): Uint8Array {
  const pick = (count: number): number => Math.floor(random.uniform() * count);
  const blobId = random.uniform() < 0.7 ? [0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01] : [...random.bytes(8)];
  switch (pick(7)) {
    case 0:
      return Uint8Array.of(0x83, 0x10, pick(256));
    case 1:
    case 2:
      return Uint8Array.of(0x83, 0x10, (pick(7) << 5) | pick(8), 5, pick(5), 2, 0, ...blobId, pick(2));
    case 3:
      return Uint8Array.of(0x83, 0x09, pick(3), pick(3), 3, 0x59, 0, pick(3), 0);
    case 4:
      return Uint8Array.of(0x83, 0x03, (1 << 6) | pick(11), pick(6), ...blobId, 0x58, 2, 0, 0, 8, 0x7c, 1, pick(8));
    case 5:
      return Uint8Array.of(0x67, (pick(4) << 6) | pick(11), pick(4), 0, pick(256), pick(2), pick(256));
    default:
      return Uint8Array.of([0x83, 0x67, 0x68][pick(3)] as number, ...random.bytes(pick(20)));
  }
}

/** One target lies at random, another is honest, the third is honest and loses some of what it hears. */
function lying(seed: number): Mesh {
  const random = new SeededRandom(`lies ${seed}`);
  const share = random.uniform();
  const mesh = new Mesh([{}, {}, {}], { seed: `lies ${seed}`, loss: seed % 3 === 0 ? 0.05 : 0 });
  mesh.onArrival = ({ src, payload }, to, deliver) => {
    const isLie = src === 0x0100 && to === CLIENT && payload[0] !== 0x82 && random.uniform() < share;
    deliver(isLie ? anyAnswer(random) : undefined);
  };
  const modes = [{}, { group: GROUP }, { mode: 'pull' as const }, { policy: 'verify' as const }];
  const run = mesh.client.start({ timeoutBase: 1, verifyMs: 30_000, rebootMs: 30_000, ...modes[seed % 4] }, (event) => {
    if (event.type === 'phase' && event.phase === 'verified') mesh.clock.after(0, () => run.apply());
    // Nobody is there to look why all are silent.
    if (event.type === 'phase' && event.phase === 'suspended') mesh.clock.after(1000, () => run.cancel());
  });
  mesh.run();
  return mesh;
}

describe('a target that answers anything', () => {
  it('neither stops nor breaks the update: it ends, says of each how, and calls nothing updated that did not say so', () => {
    let accounted = 0;
    for (let seed = 0; seed < RUNS; seed++) {
      const mesh = lying(seed);
      const { outcome, run } = mesh.client;
      const [liar, ...others] = run!.receivers;
      expect(mesh.client.update.saved(), `seed ${seed}`).toBeUndefined();
      expect(mesh.client.update.running, `seed ${seed}`).toBeUndefined();
      if (outcome === 'cancelled') continue;
      accounted++;
      expect(liar!.error !== undefined || liar!.phase === Phase.applySuccess, `seed ${seed}`).toBe(true);
      if (liar!.error !== undefined) expect(liar!.error.hint, `seed ${seed}`).toBeDefined();
      others.forEach((receiver, i) => {
        const id = toHex(mesh.targets[i + 1]!.device.firmwareId);
        expect([receiver.phase, receiver.error?.message, id], `seed ${seed}`).toEqual([
          Phase.applySuccess,
          undefined,
          NEW,
        ]);
      });
    }
    expect(accounted).toBeGreaterThan(RUNS / 2);
  });
});
