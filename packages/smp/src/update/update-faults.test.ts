import { SeededRandom } from '@meshferry/core';
import { describe, expect, test } from 'vitest';
import type { BootMode } from '../bootloader/boot-mode.ts';
import { KEY, testImage } from '../bootloader/testing/boot-bench.ts';
import { SmpGroup } from '../groups.ts';
import { every } from '../server/server-faults.ts';
import { imagesOf, NEW, UpdateBench } from './testing/update-bench.ts';
import type { SmpUpdateMode, SmpUpdateReport } from './update-types.ts';

const images = await imagesOf(testImage(NEW));
/** One that takes more than a hundred packets. */
const long = await imagesOf(testImage('2.0.0+0', { payload: new SeededRandom('long').bytes(24_000), key: KEY }));

/** All packets of the usual mode, some of the others. */
const stepOf = (mode: SmpUpdateMode) => (mode === 'test-and-confirm' ? 1 : 4);

/** One of so many, by chance: nothing that is done again and again can keep step with it. */
const oneOf = (many: number) => {
  const random = new SeededRandom(`one of ${many}`);
  return () => random.uniform() < 1 / many;
};

const MODES: readonly SmpUpdateMode[] = ['test-and-confirm', 'confirm-only', 'test-only'];

/** Packets that the client sends in an undisturbed update, and those that go both ways. */
async function packetsOf(mode: SmpUpdateMode, boot: BootMode): Promise<number> {
  const bench = new UpdateBench({ mode: boot });
  let packets = 0;
  bench.carries = () => ++packets > 0;
  await bench.update(images, { mode });
  return packets;
}

function expectRight(bench: UpdateBench, report: SmpUpdateReport, mode: SmpUpdateMode, at: string): void {
  expect(report, at).toMatchObject({ error: null, outcome: mode === 'test-only' ? 'unconfirmed' : 'updated' });
  expect(bench.running[0], at).toMatch(NEW);
  expect(bench.store.keys(''), at).toEqual([]);
}

describe.each(MODES)('an update ends right (%s)', (mode) => {
  test.each(['move', mode === 'test-only' ? 'xip-revert' : 'offset'] as const)(
    'with the link lost at any packet: %s',
    async (boot) => {
      const all = await packetsOf(mode, boot);
      for (let cut = 1; cut <= all; cut += stepOf(mode)) {
        const bench = new UpdateBench({ mode: boot });
        let packets = 0;
        bench.carries = () => {
          if (++packets !== cut) return true;
          bench.cut();
          return false;
        };
        expectRight(bench, await bench.update(images, { mode }), mode, `cut at packet ${cut} of ${all}`);
      }
    },
  );

  test.each([mode === 'confirm-only' ? 'overwrite' : 'move'] as const)(
    'with the program started anew at any packet: %s',
    async (boot) => {
      const all = await packetsOf(mode, boot);
      for (let stop = 1; stop <= all; stop += stepOf(mode)) {
        const bench = new UpdateBench({ mode: boot });
        let packets = 0;
        // A process that was killed: nobody listens to it, its link is gone, the store is what it was.
        const killed = new Promise<void>((resolve) => {
          bench.carries = () => {
            if (++packets < stop) return true;
            if (packets === stop) {
              bench.cut();
              bench.reachable = false;
              resolve();
            }
            return false;
          };
        });
        const records = new Map<string, Uint8Array>();
        const job = bench.job(images, { mode });
        const first = job.run();
        await bench.finish(Promise.race([killed, first.then(() => {})]));
        for (const key of bench.store.keys('')) records.set(key, bench.store.get(key)!);
        job.suspend();
        await bench.finish(first);
        bench.store.batch([...bench.store.keys('').map((key) => [key, null] as const), ...records]);
        bench.reachable = true;
        bench.carries = () => true;
        const report = await bench.update(images, { mode });
        const at = `stopped at packet ${stop} of ${all}`;
        // The last answer may have been on its way when all was done.
        if (report.outcome === 'current' && mode !== 'test-only') continue;
        const isOverwritten = boot === 'overwrite';
        expectRight(bench, report, isOverwritten ? 'confirm-only' : mode, at);
      }
    },
  );

  test('with the device reset at any packet, or the cause is said', async () => {
    const all = await packetsOf(mode, 'move');
    const ends: string[] = [];
    for (let at = 1; at <= all; at += stepOf(mode)) {
      const bench = new UpdateBench();
      let packets = 0;
      bench.carries = () => {
        if (++packets !== at) return true;
        bench.device.reset();
        return false;
      };
      const report = await bench.update(images, { mode });
      ends.push(report.error?.code ?? report.outcome);
      if (report.succeeded) expect(bench.running[0], `reset at packet ${at}`).toMatch(NEW);
      else expect(report.error?.code, `reset at packet ${at}`).toBe('smp-reverted');
    }
    const reverted = ends.filter((end) => end === 'smp-reverted').length;
    // Only while it is on trial there is no way to save it.
    expect(reverted).toBeLessThan(mode === 'confirm-only' ? 1 : 20);
  });
});

describe('an update ends right', () => {
  test('with the link lost at every percent of one upload', async () => {
    const bench = new UpdateBench();
    let percent = 0;
    bench.carries = (_, from) => {
      const now = bench.progress.at(-1)?.percent ?? 0;
      if (from === 'server' || now < percent + 1 || percent >= 100) return true;
      percent = Math.floor(now);
      bench.cut();
      return false;
    };
    const report = await bench.update(long);
    expect(report).toMatchObject({ outcome: 'updated', error: null });
    expect(report.stats.links).toBeGreaterThan(40);
    expect(bench.running).toEqual(['2.0.0+0 in 0']);
  });

  test('with one of five answers lost, late, twice, malformed, or of another request', async () => {
    const faults = [
      { dropResponse: oneOf(5) },
      { dropRequest: oneOf(5) },
      { repeatResponse: every(3) },
      { malformedResponse: oneOf(7) },
      { wrongSequence: oneOf(7) },
      { staleResponse: every(2) },
      { extraOctets: every(2) },
      { busy: every(4) },
      { delayResponse: (n: number) => (n % 4) * 300 },
    ];
    for (const fault of faults) {
      for (const line of ['ble', 'serial'] as const) {
        const bench = new UpdateBench({ line, server: { faults: fault } });
        const report = await bench.update(images);
        const what = `${line} ${Object.keys(fault)[0]}`;
        expect(report, what).toMatchObject({ outcome: 'updated', error: null });
        expect(bench.isConfirmed(), what).toBe(true);
      }
    }
  });

  test('with the power lost at any operation of the swap', async () => {
    for (let operations = 1; operations < 45; operations += 4) {
      const bench = new UpdateBench();
      bench.device.listen({
        started: () => {},
        stopped: () => {
          if (bench.progress.at(-1)?.phase === 'waiting') bench.device.flash.faults.operationsLeft = operations;
        },
      });
      const report = await bench.update(images);
      expect(report, `${operations} operations`).toMatchObject({ outcome: 'updated', error: null });
    }
  });

  test('with a link that breaks again and again the store keeps the job, and the cause is said', async () => {
    const bench = new UpdateBench();
    let packets = 0;
    bench.carries = () => {
      if (bench.progress.at(-1)?.phase === 'uploading' && ++packets > 0) bench.cut();
      return true;
    };
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'failed', resumable: true, error: { code: 'smp-link-unstable' } });
    bench.carries = () => true;
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated' });
  });

  /** Called for each chunk that the client sends on a link: the how-manieth it is. */
  const watchChunks = (bench: UpdateBench, take: (chunk: number) => boolean): void => {
    let link = 0;
    let chunks = 0;
    bench.carries = (packet, from) => {
      const isChunk = from === 'client' && packet[5] === SmpGroup.image && packet[7] === 1;
      if (!isChunk) return true;
      chunks = link === bench.links ? chunks + 1 : 1;
      link = bench.links;
      return take(chunks);
    };
  };

  test('with a device that resets in the middle of each upload the cause is said', async () => {
    const bench = new UpdateBench();
    watchChunks(bench, (chunk) => {
      if (chunk === 10) bench.device.reset();
      return true;
    });
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'failed', resumable: true, error: { code: 'smp-link-unstable' } });
    expect(report.error?.message).toContain('forgotten');
  });

  test('with a link that breaks after each first chunk, which brings nothing new, the cause is said', async () => {
    const bench = new UpdateBench();
    watchChunks(bench, (chunk) => {
      if (chunk === 2) bench.cut();
      return chunk < 2;
    });
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'failed', resumable: true, error: { code: 'smp-link-unstable' } });
    expect(bench.links).toBeLessThan(15);
  });

  test('with errors of version 1', async () => {
    const bench = new UpdateBench({ server: { protocol: 'v1' } });
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated', error: null });
  });

  test('with a server of old: no parameters, no bootloader information, no slot information', async () => {
    const bench = new UpdateBench({
      hidesMode: true,
      server: { personality: 'zephyr-3.4.99', parameters: false, protocol: 'v1', imageOptions: { frugalList: true } },
    });
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated', error: null });
    expect(bench.running).toEqual([`${NEW} in 0`]);
  });
});
