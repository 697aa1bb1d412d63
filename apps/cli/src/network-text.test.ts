import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Json, meshferry, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const profile = folder.write(
  'profile.json',
  JSON.stringify({
    relay: false,
    models: [
      { model: '0x1400', bind: [0], subscribe: ['0xC000'] },
      { model: '0x0002', bind: [0], publish: { to: '0xC001', appKey: 0 } },
    ],
  }),
);

/** What a person reads; a fault of the command shows in the second member. */
function terminal(uri: string, state: string) {
  const options = ['--bearer', uri, '--state', join(folder.path, state)];
  return {
    read: async (words: string, ...more: string[]) => {
      const { exit, stdout, stderr } = await meshferry([...words.split(' '), ...more, ...options]);
      return { exit, text: stdout, stderr };
    },
    json: (words: string) => meshferry([...words.split(' '), ...options, '--json']),
  };
}

describe('a person', () => {
  const { read, json } = terminal('sim:targets=0,unprovisioned=2,radio=ideal', 'text');

  test('is told what to type next', async () => {
    expect((await read('net create', '--name', 'Home')).text).toMatch(
      /The network "Home" is made.*\n.*meshferry scan/s,
    );
    const scan = await read('scan');
    expect(scan.text).toMatch(/[0-9a-f-]{36} {2}PB-ADV, -\d+ dBm/);
    expect(scan.text).toMatch(/2 devices to be provisioned\n {2}make one a node: meshferry provision [0-9a-f-]{36}/);
  });

  test('reads what becomes of devices and nodes', async () => {
    const [first, second] = (await json('scan')).result.devices.map(({ uuid }: Json) => uuid);
    const provisioned = await read('provision', first, '--name', 'Hall', '--profile', profile);
    expect(provisioned.text).toContain(`${first} is the node 0x0002 now, "Hall".`);
    expect(provisioned.text).toContain('  0x0002: model 0x0002 of 0x0002 publishes to 0xc001');
    await read('provision', second);
    const list = await read('node list');
    expect(list.text).toMatch(/0x0002 {2}1 +Hall\n0x0003 {2}1 +not configured\n/);
    const config = await read('node config 2 3', '--profile', profile);
    expect(config.text).toMatch(/0x0003: AppKey 0 added\n[\s\S]*2 nodes configured/);
    expect((await read('node config all', '--profile', profile)).text).toBe('2 nodes as the profile says already\n');
  });

  test('reads a node, and its device key only if he asks for it', async () => {
    const { text } = await read('node show 2');
    expect(text).toMatch(/^0x0002 {2}Hall\nUUID +[0-9a-f-]{36}\n/);
    expect(text).toMatch(/\n {2}0x1400 {2}AppKey 0 {2}hears 0xc000\n/);
    expect(text).toMatch(/\n {2}0x0002 {2}AppKey 0 +publishes to 0xc001/);
    expect(text).not.toContain('device key');
    expect((await read('node show 2 --show-keys')).text).toMatch(/device key +[0-9a-f]{32}/);
  });

  test('reads the network and its keys', async () => {
    const { text } = await read('net show');
    expect(text).toMatch(/^Home [0-9A-F-]{36}\n/);
    expect(text).toMatch(/meshferry +0x0001 +0x0001 to 0x1000 +this process/);
    expect(text).toMatch(/NetKey {2}0 +Primary\nAppKey {2}0 +Application {2}of NetKey 0/);
    expect(text).toMatch(/\n3 nodes\n$/);
    expect(text).not.toMatch(/[0-9a-f]{32}/i);
    expect((await read('keys list --show-keys')).text).toMatch(/NetKey {2}0 +Primary +[0-9a-f]{32}/);
    expect((await read('keys add app --name Lights')).text).toContain('AppKey 1 is made, "Lights".');
  });

  test('reads how nodes are, and follows a key refresh', async () => {
    expect((await read('health 2 --attention 9')).text).toBe(
      '0x0002: no faults\nIt draws attention to itself for 9 s.\n',
    );
    const { text } = await read('keys refresh');
    expect(text.split('\n').slice(0, 6)).toEqual([
      'the nodes are given the new keys',
      'the nodes use the new keys',
      'the nodes forget the old keys',
      'the old keys are worth nothing any more',
      '0x0002  done',
      '0x0003  done',
    ]);
  });

  test('is warned of keys that leave the house, in files and in nodes', async () => {
    expect((await read('net export', join(folder.path, 'home.json'))).text).toContain('keep it safe, it holds keys');
    expect((await read('node remove 3')).text).toMatch(/is removed.*It has the keys.*meshferry keys refresh/s);
    expect((await read('node reset 2')).text).toContain('has forgotten the network');
    expect((await read('net show')).text).toContain('unicast addresses set aside, of removed nodes: 2');
  });
});

test('over GATT devices are found, provisioned and reached through the nodes that they become', async () => {
  const { read, json } = terminal('sim:targets=0,unprovisioned=2,link=gatt', 'gatt');
  await read('net create');
  const { result } = await json('scan');
  expect(result.devices.map(({ bearer }: Json) => bearer)).toEqual(['gatt', 'gatt']);
  const uuids = result.devices.map(({ uuid }: Json) => uuid);
  expect((await read('provision', ...uuids, '--profile', profile)).exit).toBe(0);
  const scan = await read('scan --seconds 3');
  expect(scan.text).toMatch(/this network, NetKey 0/);
  expect(scan.text).toContain('2 proxies in range');
});

test('names in a document do not drive the terminal', async () => {
  const { read } = terminal('sim:targets=1,radio=ideal', 'evil');
  const file = join(folder.path, 'evil.json');
  await read('net export', file);
  const evil = terminal('sim:targets=1,radio=ideal', 'evil import');
  const document = JSON.parse(readFileSync(file, 'utf8'));
  document.meshName = 'a\u001b[2Jb';
  document.nodes[1].name = '\u001b]0;x\u0007';
  writeFileSync(file, JSON.stringify(document));
  for (const text of [
    (await evil.read('net import', file)).text,
    (await evil.read('net show')).text,
    (await evil.read('node show 0x0100')).text,
  ]) {
    expect(text).not.toContain('\u001b');
  }
  expect((await evil.read('net show')).text).toContain('net adopt');
  expect((await evil.read('net adopt --iv-index 0x10')).text).toMatch(/at 0x1001 now; IV Index 16\.\n.*net export/s);
});

test('a key refresh that waits for a node says for whom, and what to type', async () => {
  const { read } = terminal('sim:targets=2,radio=ideal,fail=0x0101@silent', 'waiting');
  const { exit, text, stderr } = await read('keys refresh');
  expect(exit).toBe(3);
  expect(text).toMatch(/0x0100 {2}has keys\n0x0101 {2}silent/);
  expect(stderr).toMatch(/waits for 1 node: 0x0101\n.*--resume --exclude 0x0101/);
  const config = await read('node config all', '--profile', profile);
  expect(config.exit).toBe(3);
  expect(config.stderr).toContain('error: 0x0101: ');
});
