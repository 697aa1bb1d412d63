import { expect, it } from 'vitest';
import { content, Mesh } from './testing/mesh.ts';

const cases: [number, number, number, object, object][] = [
  [10, 256, 0, {}, {}],
  [10, 256, 0.017, {}, {}],
  [10, 256, 0.067, {}, {}],
  [10, 64, 0.117, {}, {}],
  [10, 64, 0.217, {}, {}],
  [1, 64, 0.017, {}, { group: undefined }],
  [1, 64, 0.017, {}, {}],
  [3, 16, 0.017, {}, { group: undefined }],
  [10, 64, 0.017, { capabilities: () => ({ maxBlockSizeLog: 14, maxChunksNumber: 2048 }) }, {}],
];
for (const [targets, kib, loss, o, p] of cases)
  it(`${targets} ${kib} ${loss}`, () => {
    const mesh = new Mesh({ targets, loss, ...o });
    mesh.expectAll();
    const bytes = content(kib * 1024);
    mesh.start(bytes, p);
    const wall = performance.now();
    const end = mesh.run();
    const s = mesh.clock.now / 1000;
    const bound = ((kib * 1024) / 262144) * 22272 * 0.025;
    console.log(
      targets,
      kib,
      loss,
      'sim',
      s.toFixed(1),
      'ratio',
      (s / bound).toFixed(2),
      'wall',
      ((performance.now() - wall) / 1000).toFixed(1),
      mesh.transfer?.counters,
      mesh.events
        .filter((e) => e.type === 'block')
        .map((e: any) => `${e.chunkSize}`)
        .join(' '),
    );
    expect(end).toMatchObject({ type: 'done', outcome: 'complete' });
    for (const t of mesh.targets) expect(Buffer.compare(t.flash.content, bytes)).toBe(0);
  }, 120000);
