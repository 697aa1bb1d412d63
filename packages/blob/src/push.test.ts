import { describe, expect, it } from 'vitest';
import { content, Mesh } from './testing/mesh.ts';

describe('a push transfer', () => {
  it('brings a BLOB to ten targets', () => {
    const mesh = new Mesh({ targets: 10 });
    mesh.expectAll();
    const bytes = content(64 * 1024);
    mesh.start(bytes);
    const t0 = mesh.clock.now;
    const wall = performance.now();
    const end = mesh.run();
    console.log((mesh.clock.now - t0) / 1000, performance.now() - wall, mesh.transfer?.counters);
    console.log(
      mesh.events
        .filter((e) => e.type === 'block')
        .map((e: any) => `${e.number}:${e.chunkSize}`)
        .join(' '),
    );
    expect(end).toMatchObject({ type: 'done', outcome: 'complete' });
    for (const t of mesh.targets) expect(t.flash.content).toEqual(bytes);
  });
});
