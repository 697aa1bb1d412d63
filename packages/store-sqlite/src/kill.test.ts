import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { openSqliteStore } from './store.ts';
import { temporaryFolder } from './testing/temporary.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const writer = fileURLToPath(new URL('testing/writer.ts', import.meta.url));
const { path, remove } = temporaryFolder();

afterAll(remove);

it('holds every batch whole after the writer was killed at any moment', async () => {
  const file = path('killed.db');
  let next = 0;
  for (const batchesBefore of [1, 3, 20, 55]) {
    const printed = await killAfter(start(file, String(next)), batchesBefore);
    const store = openSqliteStore(file);
    const keys = store.keys('record/');
    const numbers = new Set(keys.map((key) => numberOf(store.get(key) as Uint8Array)));
    store.close();
    expect(keys).toHaveLength(40);
    expect(numbers.size).toBe(1);
    const [found = -1] = numbers;
    expect(found).toBeGreaterThanOrEqual(printed);
    next = found + 1;
  }
});

it('is locked for others while a process has it, and free when that is killed', async () => {
  const file = path('held.db');
  const holder = start(file, 'hold');
  await once(createInterface({ input: holder.stdout as NonNullable<ChildProcess['stdout']> }), 'line');
  const locked = expect.objectContaining({ code: 'store-locked', message: expect.stringContaining(file) });
  expect(() => openSqliteStore(file)).toThrow(locked);
  holder.kill('SIGKILL');
  await once(holder, 'close');
  openSqliteStore(file).close();
});

function start(file: string, from: string): ChildProcess {
  const options = ['--import=tsx', '--conditions=@meshferry/source'];
  return spawn(process.execPath, [...options, writer, file, from], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Kills the writer once it has printed so many lines; gives the last number it had printed. */
async function killAfter(child: ChildProcess, lines: number): Promise<number> {
  let last = -1;
  let seen = 0;
  const output = createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> });
  output.on('line', (line) => {
    last = Number(line);
    if (++seen === lines) child.kill('SIGKILL');
  });
  await Promise.all([once(output, 'close'), once(child, 'close')]);
  return last;
}

function numberOf(value: Uint8Array): number {
  return new DataView(value.buffer, value.byteOffset).getUint32(0);
}
