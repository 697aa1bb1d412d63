/**
 * Heap of a simulated node that does nothing: full stack, models, store and radio. The aim is under 64 KiB.
 * Exact with --expose-gc: node --expose-gc --import tsx --conditions=@meshferry/source tools/bench/src/memory.bench.ts
 */
import { parseSimUri, World } from '@meshferry/sim';

const FEW = 20;
const MANY = 220;

const worlds: World[] = [];
const heapOf = (targets: number): number => {
  worlds.push(new World({ sim: parseSimUri(`sim:targets=${targets}`) }));
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

heapOf(FEW);
const before = heapOf(FEW);
const after = heapOf(MANY);
const note = globalThis.gc === undefined ? ' (without --expose-gc: an upper bound)' : '';
console.log(`memory of an idle simulated node ${((after - before) / MANY / 1024).toFixed(1)} KiB${note}`);
for (const world of worlds) world.close();
