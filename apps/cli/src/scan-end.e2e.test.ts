import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder } from './testing/cli.ts';
import { Controllers } from './testing/controllers.ts';
import { run, start } from './testing/live.ts';

// A process of the operating system in real time: what a command leaves running keeps it.

const folder = temporaryFolder();
const controllers = new Controllers();
afterAll(() => {
  controllers.close();
  folder.remove();
});

test('a scan that is over before its time leaves nothing that keeps the process', async () => {
  const uri = ['--bearer', `hci:tcp:127.0.0.1:${await controllers.tcp()}`, '--state', join(folder.path, 'state')];
  const gone = start(['scan', '--seconds', '86400', '--reconnect', '1', ...uri]);
  const other = start(['device', 'run', ...uri.slice(0, 2), '--state', join(folder.path, 'device')]);
  await gone.until(({ type }) => type === 'device');
  other.child.kill('SIGINT');
  expect(await other.ended).toBe(130);
  controllers.close();
  expect(await gone.ended).toBe(4);
  expect(gone.events.at(-1)).toMatchObject({ error: { code: 'bearer-lost' } });
  expect((await run(['scan', ...uri])).exit).toBe(4);
});
