import { describe, expect, it } from 'vitest';
import type { BlobCapabilities } from './capabilities.ts';
import type { BlobEvent } from './client-contract.ts';
import type { RadioOutlook } from './outlook.ts';
import { content, type Mesh, prepared } from './testing/mesh.ts';
import { planTransfer, type TransferQuestion } from './transfer-plan.ts';

const CAPABILITIES: BlobCapabilities = {
  minBlockSizeLog: 8,
  maxBlockSizeLog: 14,
  maxChunksNumber: 2048,
  maxBlobSize: 1_000_000,
  mtuSize: 380,
  maxChunkSize: 377,
  push: true,
  pull: true,
};

/** Of 64 KiB to so many receivers by a group, unless said otherwise. */
function question(count: number, change: Partial<TransferQuestion> = {}): TransferQuestion {
  const receivers = Array.from({ length: count }, (_, i) => ({ address: 0x0100 + i, capabilities: CAPABILITIES }));
  return { size: 65_536, receivers, group: 0xc000, timeoutBase: 3, ...change };
}

function outlook(count: number, loss: number, change: Partial<RadioOutlook> = {}): RadioOutlook {
  const way = { loss, events: 5000, isRemote: false };
  return { receivers: new Map(Array.from({ length: count }, (_, i) => [0x0100 + i, way])), ...change };
}

const seconds = (asked: TransferQuestion): number => planTransfer(asked)?.seconds ?? Number.NaN;

describe('a transfer that is planned', () => {
  it.each([
    ['to a group', 6, 0.05, true],
    ['by unicast', 2, 0.05, false],
  ] as const)('begins as planned, %s, and takes about as long', (_, count, loss, toGroup) => {
    const mesh = prepared({ targets: count, loss });
    const known = outlook(count, loss, { eventMs: 25 });
    const group = toGroup ? {} : { group: undefined };
    mesh.start(content(32_768), { ...group, outlook: known });
    mesh.run();
    const receivers = mesh.targets.map(({ address, server }) => ({ address, capabilities: server.capabilities }));
    const plan = planTransfer({ ...question(count), size: 32_768, receivers, outlook: known, ...group });
    expect(capabilitiesOf(mesh)).toMatchObject({ mode: plan?.mode, blockSizeLog: plan?.blockSizeLog });
    expect(chunkSizesOf(mesh)[0]).toBe(plan?.chunkSize);
    const actual = mesh.clock.now / 1000;
    expect(plan?.seconds).toBeGreaterThan(0.6 * actual);
    expect(plan?.seconds).toBeLessThan(1.5 * actual);
  });

  it('takes the longer, the more gets lost, the more receivers there are, the slower the bearer', () => {
    const at = (loss: number, eventMs = 25) => seconds(question(10, { outlook: outlook(10, loss, { eventMs }) }));
    const losses = [0, 0.02, 0.05, 0.1, 0.2].map((loss) => at(loss));
    expect(losses).toEqual([...losses].sort((a, b) => a - b));
    expect(at(0.2)).toBeGreaterThan(1.5 * at(0));
    expect(at(0.05, 3)).toBeLessThan(0.5 * at(0.05));
    expect(seconds(question(100))).toBeGreaterThan(seconds(question(10)));
    expect(seconds(question(4, { group: undefined }))).toBeGreaterThan(3 * seconds(question(1, { group: undefined })));
  });

  it('goes over relays at their pace, and repairs once what all behind one of them miss', () => {
    const over = (count: number, loss: number) => {
      const way = { loss, events: 5000, isRemote: true };
      const receivers = new Map(Array.from({ length: count }, (_, i) => [0x0100 + i, way]));
      return planTransfer(question(count, { outlook: { eventMs: 25, receivers } }));
    };
    const plan = over(6, 0.001);
    expect(plan?.seconds).toBeGreaterThan(0.06 * (plan?.pdus ?? Number.NaN));
    expect(plan?.seconds).toBeLessThan(0.075 * (plan?.pdus ?? Number.NaN));
    const perPdu = (count: number): number => {
      const { seconds: all = Number.NaN, pdus = Number.NaN } = over(count, 0.01) ?? {};
      return all / pdus;
    };
    expect(perPdu(20)).toBeLessThan(1.3 * perPdu(4));
  });

  it('takes several times as long with stock settings, or to nodes that sleep', () => {
    expect(seconds(question(10, { settings: 'stock' }))).toBeGreaterThan(3 * seconds(question(10)));
    const receivers = question(2).receivers.map((each) => ({ ...each, lowPower: true }));
    const asleep = planTransfer(question(2, { receivers }));
    expect(asleep?.mode).toBe('pull');
    expect(asleep?.seconds).toBeGreaterThan(2 * seconds(question(2)));
  });

  it('names those who cannot take part, and is none where nobody can', () => {
    const odd = { address: 0x0200, capabilities: { ...CAPABILITIES, minBlockSizeLog: 20, maxBlockSizeLog: 20 } };
    const { receivers } = question(3);
    expect(planTransfer(question(3, { receivers: [...receivers, odd] }))?.refused).toEqual([0x0200]);
    expect(planTransfer(question(1, { receivers: [odd] }))).toBeUndefined();
    expect(planTransfer(question(2, { mode: 'pull', receivers }))?.mode).toBe('pull');
  });

  it('counts the PDUs of one pass', () => {
    const plan = planTransfer(question(10, { size: 4096 }));
    const { chunkSize = 0 } = plan ?? {};
    const each = chunkSize <= 8 ? 1 : Math.ceil((chunkSize + 7) / 12);
    expect(plan?.pdus).toBeGreaterThanOrEqual(Math.floor(4096 / chunkSize) * each);
    expect(plan?.pdus).toBeLessThanOrEqual(Math.ceil(4096 / chunkSize) * each);
  });
});

describe('while a transfer runs', () => {
  it.each([0, 0.1])('it is known how long it still takes (loss %f)', (loss) => {
    const mesh = prepared({ targets: 5, loss });
    const told: { at: number; left: number }[] = [];
    mesh.whenTold = (event) => {
      if (event.type === 'progress' && event.secondsLeft !== undefined)
        told.push({ at: mesh.clock.now / 1000, left: event.secondsLeft });
    };
    mesh.start(content(65_536));
    mesh.run();
    const end = mesh.clock.now / 1000;
    const late = told.filter(({ at }) => at > 0.4 * end && at < 0.9 * end);
    expect(late.length).toBeGreaterThan(2);
    for (const { at, left } of late) expect(Math.abs(at + left - end)).toBeLessThan(0.15 * end);
  });
});

function capabilitiesOf(mesh: Mesh): BlobEvent | undefined {
  return mesh.events.find(({ type }) => type === 'capabilities');
}

function chunkSizesOf(mesh: Mesh): number[] {
  return mesh.events.flatMap((event) => (event.type === 'block' ? [event.chunkSize] : []));
}
