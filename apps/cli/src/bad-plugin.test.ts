import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { meshferry, temporaryFolder } from './testing/cli.ts';

// Packages of others that do not keep their promises.

const folder = temporaryFolder();
afterAll(folder.remove);

const WHOLE = "summary: 's', uris: ['x:a'], check: async () => null, open: async () => ({ close() {} })";
let files = 0;
/** The options that name a plugin with these members besides or instead of whole ones. */
const plugin = (members: string): string[] => [
  '--bearer-plugin',
  folder.write(`plugin-${++files}.mjs`, `export const bearer = { scheme: 'x', ${WHOLE}, ${members} };`),
];

describe('bearer list goes on when a check', () => {
  test.each([
    ['rejects', "check: async () => { throw new Error('boom'); }", 'its check failed: boom'],
    ['throws', "check: () => { throw new Error('boom'); }", 'its check failed: boom'],
    ['says nothing', 'check: async () => undefined', 'its check failed: it gives undefined, not null or a MeshError'],
    ['says a word', "check: async () => 'no'", 'its check failed: it gives string, not null or a MeshError'],
  ])('%s', async (_, members, reason) => {
    const { exit, result } = await meshferry(['bearer', 'list', ...plugin(members), '--json']);
    expect(exit).toBe(0);
    expect(result.bearers.at(-1)).toMatchObject({ scheme: 'x', usable: false, reason });
  });
});

test('bearer list tells which kinds of a usable bearer cannot be used', async () => {
  const no = "Object.assign(new Error('no cable'), { code: 'bearer-unavailable', hint: 'Buy one.' })";
  const options = plugin(`uris: ['x:a', 'x:b'], check: async (uri) => (uri === 'x:b' ? ${no} : null)`);
  const { result } = await meshferry(['bearer', 'list', ...options, '--json']);
  expect(result.bearers.at(-1)).toMatchObject({
    usable: true,
    limits: [{ uri: 'x:b', reason: 'no cable', hint: 'Buy one.' }],
  });
  expect((await meshferry(['bearer', 'list', ...options])).stdout).toMatch(/--bearer x:b\n +no cable\n +Buy one\.\n/);
  expect(result.bearers.find(({ scheme }: { scheme: string }) => scheme === 'hci')).toMatchObject({ usable: true });
});

describe('a radio does not open when open', () => {
  test.each([
    ['rejects with no error of ours', "open: async () => { throw new TypeError('boom'); }", 'boom'],
    ['throws', "open: () => { throw new TypeError('boom'); }", 'boom'],
    ['gives nothing', 'open: async () => undefined', 'its plugin gave no radio'],
    ['gives a radio that can do nothing', '', 'its plugin gave no radio'],
  ])('%s', async (_, members, what) => {
    const state = ['--state', folder.path];
    const { exit, result } = await meshferry(['scan', '--bearer', 'x:a', ...plugin(members), ...state, '--json']);
    expect([exit, result.error.code]).toEqual([4, 'bearer-failed']);
    expect(result.error.message).toContain(`the bearer x:a cannot be opened: ${what}`);
  });

  test('does not answer: Ctrl-C ends it', async () => {
    const { exit, result } = await meshferry(
      ['scan', '--bearer', 'x:a', ...plugin('open: () => new Promise(() => {})'), '--state', folder.path, '--json'],
      { interruptAfter: new Promise((resolve) => setTimeout(resolve, 300)) },
    );
    expect([exit, result.error.code]).toEqual([130, 'interrupted']);
  });
});

const UDP = fileURLToPath(new URL('../../../examples/custom-bearer/src/index.ts', import.meta.url));

test.each([
  ['the same bearer twice', ['--bearer', 'hci:tcp:127.0.0.1:9', '--bearer', 'hci:tcp:127.0.0.1:9'], 'same-bearer'],
  [
    'two plugins of one scheme',
    ['--bearer', 'udp:a', '--bearer-plugin', UDP, '--bearer-plugin', UDP],
    'bad-bearer-plugin',
  ],
  [
    'a plugin named as the simulator',
    ['--bearer', 'x:a', ...plugin("scheme: 'sim', uris: ['sim:a']")],
    'bad-bearer-plugin',
  ],
  [
    'a plugin named as proxies are',
    ['--bearer', 'x:a', ...plugin("scheme: 'proxy', uris: ['proxy:a']")],
    'bad-bearer-plugin',
  ],
  ['the simulator as a proxy client', ['--bearer', 'proxy:sim:targets=1'], 'unknown-bearer'],
])('%s is refused', async (_, options, code) => {
  const { exit, result } = await meshferry(['scan', ...options, '--state', folder.path, '--json']);
  expect([exit, result.error.code]).toEqual([2, code]);
});
