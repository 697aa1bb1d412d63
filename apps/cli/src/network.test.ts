import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSimUri, simLabels } from '@meshferry/sim';
import { openSqliteStore } from '@meshferry/store-sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { firmware, type Json, meshferry, type Outcome, type RunOptions, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** A folder for the state of one test. */
let states = 0;
const newState = (): string => join(folder.path, `state ${states++}`);

const UPDATABLE = folder.write(
  'update.json',
  JSON.stringify({
    defaultTtl: 6,
    models: [
      { model: '0x1400', bind: [0], subscribe: ['0xC000'] },
      { model: '0x1402', bind: [0] },
      { model: '0x0002', bind: [0] },
    ],
  }),
);

/** A world of devices, and command lines on it. */
function world(uri: string, state: string = newState()) {
  const run = (words: string, ...more: string[]): Promise<Outcome> =>
    meshferry([...words.split(' '), ...more, '--bearer', uri, '--state', state, '--json']);
  return {
    run,
    state,
    uuids: async () => (await run('scan')).result.devices.map(({ uuid }: Json) => uuid) as string[],
  };
}

const addresses = (nodes: Json): string[] => nodes.map(({ address }: Json) => address);

describe('a network from the first device to the first update', () => {
  const { run, uuids } = world('sim:targets=0,unprovisioned=3,radio=ideal');

  test('begins with net create', async () => {
    const before = await run('node list');
    expect(before.exit).toBe(2);
    expect(before.result.error).toMatchObject({ code: 'no-network', hint: expect.stringContaining('net create') });
    const { exit, result } = await run('net create', '--name', 'Bench');
    expect(exit).toBe(0);
    expect(result.network).toMatchObject({
      name: 'Bench',
      own: { address: '0x0001' },
      netKeys: [{ index: 0, phase: 0 }],
    });
    const twice = await run('net create');
    expect([twice.exit, twice.result.error.code]).toEqual([2, 'network-exists']);
  });

  test('finds devices, live, and the own network by its name', async () => {
    const { exit, events, result } = await run('scan --seconds 12');
    expect(exit).toBe(0);
    expect(events.filter(({ type }) => type === 'device')).toHaveLength(3);
    expect(result.devices).toHaveLength(3);
    expect(result.devices[0]).toMatchObject({ bearer: 'adv', oob: [], rssi: expect.any(Number) });
  });

  test('provisions several at a time, and configures them', async () => {
    const { exit, events, result } = await run(
      'provision',
      ...(await uuids()),
      '--name',
      'Lamp',
      '--profile',
      UPDATABLE,
    );
    expect(exit).toBe(0);
    expect(addresses(result.nodes).sort()).toEqual(['0x0002', '0x0003', '0x0004']);
    expect(result.nodes[0]).toMatchObject({ name: 'Lamp 1', configured: true, company: '0x0059', defaultTtl: 6 });
    expect(events.filter(({ state }) => state === 'wait-complete')).toHaveLength(3);
    expect(events.filter(({ changed }) => changed === 'AppKey 0 added')).toHaveLength(3);
    const list = await run('node list');
    expect(addresses(list.result.nodes)).toEqual(['0x0001', '0x0002', '0x0003', '0x0004']);
    expect(list.stdout).not.toMatch(/deviceKey/);
  });

  test('changes nothing that is so already', async () => {
    const { exit, result } = await run('node config all', '--profile', UPDATABLE);
    expect(exit).toBe(0);
    expect(result.nodes.map(({ changes }: Json) => changes)).toEqual([[], [], []]);
  });

  test('updates the new nodes', async () => {
    const zip = folder.write('update.zip', (await firmware(3000)).zip);
    const { exit, result } = await run('dfu run', zip, '--targets', '0x0002,0x0004');
    expect(exit).toBe(0);
    expect(result.targets.map(({ address, phase }: Json) => [address, phase])).toEqual([
      ['0x0002', 'applied'],
      ['0x0004', 'applied'],
    ]);
    const { result: all } = await run('dfu targets');
    expect(all.targets.map(({ version }: Json) => version)).toEqual(['2.0.0', '0.0.0', '2.0.0']);
  });

  test('tells how a node is', async () => {
    const { exit, result } = await run('health 0x0003 --attention 20');
    expect(exit).toBe(0);
    expect(result).toMatchObject({ address: '0x0003', company: '0x0059', faults: [], attentionSeconds: 20 });
  });

  test('shows keys to those who ask for them alone', async () => {
    const hidden = await run('keys list');
    expect(hidden.result.netKeys).toEqual([{ index: 0, name: 'Primary', phase: 0 }]);
    const shown = await run('keys list --show-keys');
    expect(shown.result.netKeys[0].key).toMatch(/^[0-9a-f]{32}$/);
    const node = await run('node show 0x0002 --show-keys');
    expect(node.result.node.deviceKey).toMatch(/^[0-9a-f]{32}$/);
    expect((await run('node show 0x0002')).stdout).not.toMatch(/[0-9a-f]{32}(?!.*uuid)/i);
  });

  test('has new keys everywhere after a key refresh', async () => {
    const before = (await run('keys list --show-keys')).result;
    const { exit, events, result } = await run('keys refresh');
    expect(exit).toBe(0);
    expect(result).toMatchObject({ stage: 'done', netKey: 0 });
    expect(result.nodes.map(({ state }: Json) => state)).toEqual(['done', 'done', 'done']);
    expect(new Set(events.map(({ stage }) => stage))).toEqual(
      new Set(['distributing', 'switching', 'revoking', 'done']),
    );
    const after = (await run('keys list --show-keys')).result;
    expect(after.netKeys[0]).toMatchObject({ phase: 0, oldKey: null });
    expect(after.netKeys[0].key).not.toBe(before.netKeys[0].key);
    expect((await run('node config all', '--profile', UPDATABLE)).exit).toBe(0);
    const nothing = await run('keys refresh --resume');
    expect([nothing.exit, nothing.result.error.code]).toEqual([2, 'no-key-refresh']);
  });

  test('adds keys, and gives them to nodes', async () => {
    const { result } = await run('keys add app --name Lights');
    expect(result).toMatchObject({ kind: 'app', index: 1 });
    const profile = folder.write('lights.json', '{"models": [{"model": "0x0002", "bind": [1]}]}');
    const { exit, result: configured } = await run('node config 0x0002', '--profile', profile);
    expect(exit).toBe(0);
    expect(configured.nodes[0].changes).toEqual([
      'AppKey 1 added',
      'model 0x0002 of 0x0002 bound to AppKey 1',
      'model 0x0002 of 0x0002 not bound to AppKey 0 any more',
    ]);
    expect((await run('keys add net')).result).toMatchObject({ kind: 'net', index: 1 });
  });

  test('lets nodes go: reset or removed, their addresses are given to nobody', async () => {
    expect((await run('node reset 0x0003')).exit).toBe(0);
    expect((await run('node remove 0x0004')).exit).toBe(0);
    const { result } = await run('net show');
    expect(addresses(result.network.nodes)).toEqual(['0x0001', '0x0002']);
    expect(result.network.excluded).toEqual(['0x0003', '0x0004']);
    const [uuid = ''] = await uuids();
    const again = await run('provision', uuid);
    expect(addresses(again.result.nodes)).toEqual(['0x0005']);
  });

  test('is exported as a document that only its owner can read', async () => {
    const file = join(folder.path, 'bench.json');
    const { exit, result } = await run('net export', file);
    expect(exit).toBe(0);
    expect(result).toMatchObject({ file, nodes: 3, deviceKeys: 3 });
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    const document = JSON.parse(readFileSync(file, 'utf8'));
    expect(document.meshName).toBe('Bench');
    const partial = await run('net export', join(folder.path, 'guest.json'), '--partial', '--net-keys', '0');
    expect(partial.result).toMatchObject({ partial: true, deviceKeys: 0, netKeys: 1 });
    for (const [option, code] of [
      ['--net-keys', 'unknown-netkey'],
      ['--app-keys', 'unknown-appkey'],
    ] as const) {
      const wrong = await run('net export', join(folder.path, 'wrong.json'), '--partial', option, '0,77');
      expect([wrong.exit, wrong.result.error.code]).toEqual([2, code]);
    }
  });
});

describe('OOB data', () => {
  const provisioned = async (oob: string, words: readonly string[], answer?: RunOptions['answer']) => {
    const { run, state, uuids } = world(`sim:targets=0,unprovisioned=1,radio=ideal,oob=${oob}`);
    await run('net create');
    const [uuid = ''] = await uuids();
    const argv = ['provision', uuid, ...words, '--state', state];
    argv.push('--bearer', `sim:targets=0,unprovisioned=1,radio=ideal,oob=${oob}`);
    return meshferry(answer === undefined ? [...argv, '--json'] : argv, answer && { columns: 80, answer });
  };

  test('that is wrong is refused, and nothing is lost', async () => {
    const { exit, result } = await provisioned('static', ['--oob', 'static:000102030405060708090a0b0c0d0e0f']);
    expect(exit).toBe(1);
    expect(result.error).toMatchObject({ code: 'confirmation-failed', hint: expect.any(String) });
    expect(result.nodes).toEqual([]);
  });

  test('is entered by whoever stands before a simulated device', async () => {
    expect((await provisioned('output', [])).exit).toBe(0);
    const { exit, events } = await provisioned('input', []);
    expect(exit).toBe(0);
    expect(events).toContainEqual(expect.objectContaining({ type: 'enter-at-device', value: expect.any(String) }));
  });

  test('is asked for at a terminal until it can be what the device shows', async () => {
    const questions: string[] = [];
    const outcome = await provisioned('output', [], (question, stdout) => {
      questions.push(question);
      if (questions.length > 5) throw new Error('asked too often');
      return questions.length === 1 ? 'no idea' : (/The device shows (\S+)\./.exec(stdout)?.[1] ?? '');
    });
    expect(questions).toHaveLength(2);
    expect(questions[0]).toContain('What does the device show');
    expect(outcome.stdout).toContain('is the node 0x0002 now');
    expect(outcome.exit).toBe(0);
  });

  test('that was guessed does not let the device in', async () => {
    const outcome = await provisioned('output', [], () => 'AAAAAA');
    expect(outcome.exit).toBe(1);
    expect(outcome.stderr).toContain('error:');
  });

  test('that the device does not offer does not let it in without', async () => {
    const { exit, result } = await provisioned('static', ['--oob', 'output:1234']);
    expect([exit, result.error.code]).toEqual([1, 'authentication-required']);
    const both = await provisioned('none', ['--oob', 'none', '--oob', 'output:1234']);
    expect([both.exit, both.result.error.code]).toEqual([2, 'bad-oob']);
  });

  test.each([
    ['nothing', 'not a kind of OOB data'],
    ['static:12', 'is not 32 or 64 hex digits'],
    ['publickey:zz', 'is not 128 hex digits'],
  ])('of the form %s ends with 2', async (oob, message) => {
    const { exit, result } = await provisioned('none', ['--oob', oob]);
    expect(exit).toBe(2);
    expect(result.error.message).toContain(message);
  });
});

describe('a simulated network that is ready', () => {
  const { run } = world('sim:targets=3,distributor=1,radio=ideal');

  test('has its nodes in a document, as they are configured', async () => {
    const { exit, result } = await run('net show');
    expect(exit).toBe(0);
    const { nodes, own } = result.network;
    expect(own).toMatchObject({ address: '0x0001' });
    expect(addresses(nodes)).toEqual(['0x0001', '0x0002', '0x0100', '0x0101', '0x0102']);
    const { models } = nodes[2].elements[0];
    expect(models).toContainEqual({ id: '0x1402', bind: [0], subscribe: ['0xc000'], publish: null });
  });

  test('can be configured, and its keys refreshed: an update works all the same', async () => {
    expect((await run('keys refresh')).exit).toBe(0);
    const zip = folder.write('ready.zip', (await firmware(2000)).zip);
    expect((await run('dfu run', zip)).result.targets.map(({ phase }: Json) => phase)).toEqual(
      Array(3).fill('applied'),
    );
  });

  test('waits for a node that does not answer, until it is left out', async () => {
    const silent = world('sim:targets=2,radio=ideal,fail=0x0101@silent');
    const first = await silent.run('keys refresh');
    expect(first.exit).toBe(3);
    expect(first.result.error).toMatchObject({
      code: 'nodes-silent',
      hint: expect.stringContaining('--exclude 0x0101'),
    });
    expect((await silent.run('keys refresh')).result.error.code).toBe('key-refresh-unfinished');
    const second = await silent.run('keys refresh --resume --exclude 0x0101');
    expect([second.exit, second.result.stage]).toEqual([0, 'done']);
    const reset = await silent.run('node reset 0x0101');
    expect(reset.exit).toBe(1);
    expect(reset.result.error).toMatchObject({ code: 'no-response', hint: expect.stringContaining('node remove') });
  });

  test('needs an AppKey at the Health Server to tell how a node is', async () => {
    const { exit, result } = await run('health 0x0100');
    expect([exit, result.error.code]).toEqual([1, 'health-not-bound']);
  });
});

test('who provisions a device without the value on its label is warned, unless that is what was asked for', async () => {
  const { run } = world('sim:targets=0,unprovisioned=2,oob=static,radio=ideal');
  const [one = '', two = ''] = simLabels(parseSimUri('sim:targets=0,unprovisioned=2,oob=static')).map(({ uuid }) =>
    Buffer.from(uuid).toString('hex'),
  );
  await run('net create');
  const warned = await run('provision', one);
  const warnings = warned.events.filter(({ type }: Json) => type === 'warning');
  expect(warnings).toMatchObject([{ error: { code: 'not-authenticated' } }]);
  expect(warned.exit).toBe(0);
  const asked = await run('provision', two, '--oob', 'none');
  expect(asked.events.filter(({ type }: Json) => type === 'warning')).toEqual([]);
  expect(asked.exit).toBe(0);
});

test('devices out of reach are provisioned through a node near them', async () => {
  const uri = 'sim:targets=0,unprovisioned=2,topology=line,hops=2,models=full,radio=ideal,relays=all';
  const { run } = world(uri);
  // The far one cannot be heard: only its label tells of it.
  const [near = '', far = ''] = simLabels(parseSimUri(uri)).map(({ uuid }) => Buffer.from(uuid).toString('hex'));
  await run('net create');
  expect((await run('scan')).result.devices).toHaveLength(1);
  expect((await run('provision', near)).exit).toBe(0);
  const direct = await run('provision', far);
  expect([direct.exit, direct.result.error.code]).toEqual([4, 'link-open-failed']);
  const { exit, result } = await run('provision', far, '--via', '0x0002', '--profile', UPDATABLE);
  expect(exit).toBe(0);
  expect(result.nodes).toMatchObject([{ address: '0x0003', configured: true, defaultTtl: 6 }]);
});

describe('a network of another tool', () => {
  const uri = 'sim:targets=2,radio=ideal';
  const file = join(folder.path, 'other.json');

  test('is imported and exported unchanged, and taken over with an address of its own', async () => {
    expect((await world(uri).run('net export', file)).exit).toBe(0);
    const { run } = world(uri);
    expect((await run('net import', file)).exit).toBe(0);
    const copy = join(folder.path, 'copy.json');
    await run('net export', copy);
    expect(JSON.parse(readFileSync(copy, 'utf8'))).toEqual(JSON.parse(readFileSync(file, 'utf8')));
    const early = await run('node config all', '--profile', UPDATABLE);
    expect([early.exit, early.result.error.code]).toEqual([2, 'not-adopted']);
    const { exit, result } = await run('net adopt --name Taker');
    expect(exit).toBe(0);
    expect(result).toMatchObject({ address: '0x1001', ivIndex: 0, notices: [] });
    const config = await run('node config 0x0100', '--profile', UPDATABLE);
    expect(config.exit).toBe(0);
    expect(config.result.nodes[0].changes).toContain('Default TTL 6');
    expect((await run('net adopt')).result.error.code).toBe('already-adopted');
  });

  test.each([',link=gatt,proxies=1', ',distributor=1'])('tells its IV Index to who listens%s', async (more) => {
    const { run } = world(uri + more);
    const document = join(folder.path, `other${more}.json`);
    expect((await world(uri + more).run('net export', document)).exit).toBe(0);
    await run('net import', document);
    const { exit, result } = await run('net adopt');
    expect([exit, result.ivIndex]).toEqual([0, 0]);
    expect((await run('node config 0x0101', '--profile', UPDATABLE)).exit).toBe(0);
  });

  test.each(['', ',link=gatt'])('is not taken over when nobody tells the IV Index%s', async (more) => {
    const { run } = world(`sim:targets=1,proxies=1,radio=ideal,fail=0x0100@silent${more}`);
    await run('net import', file);
    const deaf = await run('net adopt --listen 15');
    expect([deaf.exit, deaf.result.error.code]).toEqual([1, 'no-beacon']);
    expect((await run('net adopt --iv-index 0')).exit).toBe(0);
  });

  test('that is broken is refused with its place', async () => {
    const broken = { ...JSON.parse(readFileSync(file, 'utf8')), netKeys: [] };
    const { exit, result } = await world(uri).run('net import', folder.write('broken.json', JSON.stringify(broken)));
    expect(exit).toBe(2);
    expect(result.error).toMatchObject({ code: 'bad-document', message: expect.stringContaining('/netKeys') });
  });
});

describe('the state folder', () => {
  const offline = (state: string, ...words: string[]): Promise<Outcome> =>
    meshferry([...words, '--state', state, '--json']);

  test('keeps a network without a radio, for its owner alone', async () => {
    const state = newState();
    expect((await offline(state, 'net', 'create')).exit).toBe(0);
    expect((await offline(state, 'keys', 'add', 'net')).result).toMatchObject({ kind: 'net', index: 1 });
    expect((await offline(state, 'net', 'show')).result.network.netKeys).toHaveLength(2);
    if (process.platform === 'win32') return;
    expect(statSync(state).mode & 0o777).toBe(0o700);
    expect(statSync(join(state, 'network.sqlite')).mode & 0o777).toBe(0o600);
  });

  test('belongs to one process at a time, and the error names it', async () => {
    const state = newState();
    await offline(state, 'net', 'create');
    const held = openSqliteStore(join(state, 'network.sqlite'));
    const { exit, result } = await offline(state, 'net', 'show');
    held.close();
    expect(exit).toBe(2);
    expect(result.error).toMatchObject({ code: 'store-locked', message: expect.stringContaining(`${process.pid}`) });
    expect((await offline(state, 'net', 'show')).exit).toBe(0);
  });

  test('that is damaged is refused, and left as it is', async () => {
    const state = newState();
    await offline(state, 'net', 'create');
    const file = join(state, 'network.sqlite');
    const damaged = readFileSync(file).fill(0x5a, 100);
    writeFileSync(file, damaged);
    const { exit, result } = await offline(state, 'net', 'create');
    expect([exit, result.error.code]).toEqual([2, 'store-corrupt']);
    expect(readFileSync(file).equals(damaged)).toBe(true);
  });

  test.each([
    ['a later layout', 'layout', '2', 'state-newer'],
    ['a document that is none', 'document', '{"nodes": []}', 'state-corrupt'],
    ['half a document', 'document', '{"nodes": ["0001"', 'state-corrupt'],
  ])('with %s is refused, and left as it is', async (_, record, text, code) => {
    const state = newState();
    await offline(state, 'net', 'create');
    const store = openSqliteStore(join(state, 'network.sqlite'));
    store.batch([[`network/${record}`, new TextEncoder().encode(text)]]);
    store.close();
    const before = records(state);
    for (const words of [
      ['net', 'show'],
      ['net', 'create'],
      ['keys', 'list'],
    ]) {
      const { exit, result } = await offline(state, ...words);
      expect([exit, result.error.code]).toEqual([2, code]);
    }
    expect(records(state)).toEqual(before);
  });

  function records(state: string): unknown[] {
    const store = openSqliteStore(join(state, 'network.sqlite'));
    const all = store.keys('').map((key) => [key, store.get(key)]);
    store.close();
    return all;
  }
});

describe('what cannot be ends with the reason', () => {
  const { run, uuids } = world('sim:targets=0,unprovisioned=1,radio=ideal');
  const profile = (text: string): string => folder.write('profile.json', text);

  test('a network without a folder', async () => {
    const { exit, result } = await meshferry(['net', 'create', '--bearer', 'sim:unprovisioned=1,targets=0', '--json']);
    expect([exit, result.error.code]).toEqual([2, 'no-state']);
    const first = await meshferry(['provision', '00'.repeat(16), '--bearer', 'sim:unprovisioned=1,targets=0']);
    expect(first.exit).toBe(2);
    expect(first.stderr).toContain('net create');
  });

  test('devices that are not there, twice the same, and profiles that do not fit', async () => {
    await run('net create');
    const [uuid = ''] = await uuids();
    const silent = await run('provision', '00'.repeat(16));
    expect([silent.exit, silent.result.error.code]).toEqual([4, 'link-open-failed']);
    expect((await run('provision', uuid)).exit).toBe(0);
    const twice = await run('provision', uuid);
    expect([twice.exit, twice.result.error.code]).toEqual([1, 'uuid-known']);
    expect((await run('provision', uuid, '--recover')).result.error.code).toBe('not-pending');
    const bad = await run('node config 2', '--profile', profile('{"ttl": 5}'));
    expect([bad.exit, bad.result.error.message]).toEqual([2, expect.stringContaining('/ttl')]);
    const key = await run('node config 2', '--profile', profile('{"appKeys": [7]}'));
    expect([key.exit, key.result.error.code]).toEqual([2, 'unknown-appkey']);
    const model = await run('node config 2', '--profile', profile('{"models": [{"model": "0x1000", "bind": [0]}]}'));
    expect([model.exit, model.result.error.code]).toEqual([1, 'unknown-model']);
    expect((await run('node show 0x0009')).exit).toBe(2);
    expect((await run('node remove 1')).result.error.code).toBe('own-node');
    expect((await run('provision', uuid, '--via', '1')).result.error.code).toBe('no-remote-server');
    expect((await run('keys add lamp')).exit).toBe(2);
  });

  test('before the device is a node: keys that the network has not', async () => {
    const own = world('sim:targets=0,unprovisioned=2,radio=ideal,seed=2');
    await own.run('net create');
    const [uuid = '', other = ''] = await own.uuids();
    const app = await own.run('provision', uuid, '--profile', profile('{"appKeys": [7]}'));
    expect([app.exit, app.result.error.code]).toEqual([2, 'unknown-appkey']);
    const net = await own.run('provision', uuid, '--net-key', '5');
    expect([net.exit, net.result.error.code]).toEqual([2, 'unknown-netkey']);
    expect(net.events).toHaveLength(1);
    expect((await own.run('node list')).result.nodes).toHaveLength(1);
    const unfit = profile('{"models": [{"model": "0x1000", "bind": [0]}]}');
    const half = await own.run('provision', uuid, uuid, '--profile', unfit);
    expect(half.exit).toBe(3);
    expect(half.result).toMatchObject({
      ok: false,
      nodes: [{ address: '0x0002', uuid }],
      failed: [],
      unconfigured: [{ address: '0x0002', error: { code: 'unknown-model' } }],
      error: { code: 'unknown-model' },
    });
    const text = await meshferry([
      'provision',
      uuid,
      other,
      '--bearer',
      'sim:targets=0,unprovisioned=2,radio=ideal,seed=2',
      '--state',
      own.state,
    ]);
    expect(text.exit).toBe(3);
    expect(text.stderr).toContain(`${uuid}: the node at 0x0002 has the UUID`);
  });
});
