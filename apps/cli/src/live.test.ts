import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { type Json, meshferry, temporaryFolder } from './testing/cli.ts';

// Real time and real sockets, in this process: what several processes do is in live.e2e.test.ts.

const folder = temporaryFolder();
afterAll(folder.remove);

const PLUGIN = [
  '--bearer-plugin',
  fileURLToPath(new URL('../../../examples/custom-bearer/src/index.ts', import.meta.url)),
];
const UDP = ['--bearer', 'udp:239.255.77.72:39998'];
let ports = 40_000 + (process.pid % 10_000);
/** An air of its own, and a folder for the state of each who is in it. */
function air() {
  const bearer = ['--bearer', `udp:239.255.77.72:${ports++}`, ...PLUGIN];
  return { bearer, as: (name: string) => [...bearer, '--state', join(folder.path, `${name} ${ports}`)] };
}
const UUID = '5d7e4f5e-0001-4002-8003-000000000005';
const OTHER = '5d7e4f5e-0001-4002-8003-000000000006';
/** A command line that runs until `end`. */
function running(argv: readonly string[]) {
  let press = (): void => {};
  const interruptAfter = new Promise<void>((resolve) => {
    press = resolve;
  });
  let said = '';
  const listen = (stdout: string): boolean => {
    said = stdout;
    return false;
  };
  const outcome = meshferry([...argv, '--json'], { interruptAfter, interruptWhen: listen });
  return {
    /** Settles when all that it has said is so. */
    until: async (is: (said: string) => boolean) => {
      while (!is(said)) await pause(20);
    },
    end: () => {
      press();
      return outcome;
    },
  };
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const codeOf = ({ exit, result }: Json): [number, string] => [exit, result.error.code];

describe('a bearer', () => {
  test('of a package of one’s own is listed beside the others, and says whether it can be used', async () => {
    const { exit, result } = await meshferry(['bearer', 'list', ...PLUGIN, '--json']);
    expect(exit).toBe(0);
    expect(result.bearers.map(({ scheme }: Json) => scheme)).toEqual(['sim', 'hci', 'noble', 'dongle', 'udp']);
    expect(result.bearers.at(-1)).toMatchObject({ usable: true, reason: null, uris: [expect.stringMatching(/^udp:/)] });
  });

  test('can be a package in the working directory: by its name, by its folder, or by the scheme of the URI', async () => {
    const cwd = join(folder.path, 'project');
    const home = join(cwd, 'node_modules', 'meshferry-bearer-tin');
    mkdirSync(home, { recursive: true });
    writeFileSync(
      join(home, 'package.json'),
      JSON.stringify({ name: 'meshferry-bearer-tin', type: 'module', exports: './tin.js' }),
    );
    writeFileSync(
      join(home, 'tin.js'),
      `const no = Object.assign(new Error('the string is cut'), { code: 'bearer-unavailable', hint: 'Tie it.' });
       export const bearer = { scheme: 'tin', summary: 'two tins and a string', uris: ['tin:1'], check: async () => no, open: async () => { throw no; } };`,
    );
    for (const name of ['meshferry-bearer-tin', './node_modules/meshferry-bearer-tin', home]) {
      const { exit, result } = await meshferry(['bearer', 'list', '--bearer-plugin', name, '--json'], { cwd });
      expect(exit).toBe(0);
      expect(result.bearers.at(-1)).toMatchObject({ scheme: 'tin', usable: false, reason: 'the string is cut' });
    }
    const opened = await meshferry(['scan', '--bearer', 'tin:1', '--json'], { cwd });
    expect(opened.exit).toBe(4);
    expect(opened.result.error.message).toContain('the string is cut');
  });

  test.each([
    ['a package that is not there', [...UDP, '--bearer-plugin', 'meshferry-bearer-nowhere'], 2, 'no-such-plugin'],
    ['a file that is not there', [...UDP, '--bearer-plugin', './nowhere.js'], 2, 'no-such-plugin'],
    ['a package that is no bearer', [...UDP, '--bearer-plugin', 'commander'], 2, 'bad-bearer-plugin'],
    ['a URI that its plugin does not understand', ['--bearer', 'udp:nonsense', ...PLUGIN], 2, 'bad-bearer-uri'],
    ['a radio that is not there', ['--bearer', 'hci:tcp:127.0.0.1:9'], 4, 'bearer-unavailable'],
    ['a proxy client without GATT', ['--bearer', 'proxy:udp:239.255.77.72:39999', ...PLUGIN], 2, 'no-central'],
    ['a URI without a scheme', ['--bearer', 'hci0'], 2, 'unknown-bearer'],
    ['a time that is none', ['--bearer', 'hci:tcp:127.0.0.1:9', '--reconnect', 'long'], 2, 'bad-seconds'],
  ])('cannot be %s', async (_, options, exit, code) => {
    const { exit: found, stdout, stderr } = await meshferry(['scan', ...options, '--state', folder.path]);
    expect(found).toBe(exit);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: [^\n]+\n {2}[^\n]+\n$/);
    expect(codeOf(await meshferry(['scan', ...options, '--state', folder.path, '--json']))).toEqual([exit, code]);
  });
});

describe('a real network', () => {
  const { as } = air();

  test('is made without its radio, and kept without one', async () => {
    const net = ['--bearer', 'hci:tcp:127.0.0.1:9', '--state', join(folder.path, 'no radio')];
    expect((await meshferry(['net', 'create', ...net, '--json'])).exit).toBe(0);
    expect((await meshferry(['keys', 'add', 'app', ...net, '--json'])).exit).toBe(0);
    const { result } = await meshferry(['net', 'show', ...net, '--json']);
    expect(result.network.appKeys.map(({ index }: Json) => index)).toEqual([0, 1]);
    expect(codeOf(await meshferry(['dfu', 'targets', ...net, '--json']))).toEqual([4, 'bearer-unavailable']);
  });

  test('must be there, and have targets', async () => {
    expect(codeOf(await meshferry(['dfu', 'targets', ...as('empty'), '--json']))).toEqual([2, 'no-network']);
    await meshferry(['net', 'create', ...as('empty')]);
    const { exit, result } = await meshferry(['dfu', 'targets', ...as('empty'), '--json']);
    expect([exit, result.error.code]).toEqual([2, 'no-targets']);
    expect(result.error.hint).toContain('Configure a node with a Firmware Update Server');
  });

  test('belongs to one process at a time; who only listens leaves it to others', async () => {
    const net = as('locked');
    await meshferry(['net', 'create', ...net]);
    const listening = running(['capture', '--out', join(folder.path, 'nothing.jsonl'), ...net]);
    const working = running(['provision', UUID, ...net]);
    await pause(500);
    expect(codeOf(await meshferry(['node', 'list', ...net, '--json']))).toEqual([2, 'store-locked']);
    expect(codeOf(await working.end())).toEqual([130, 'interrupted']);
    expect((await meshferry(['node', 'list', ...net, '--json'])).exit).toBe(0);
    expect(codeOf(await listening.end())).toEqual([130, 'interrupted']);
  });
});

describe('a device', () => {
  test('is the same one whenever it runs, and says what it is', async () => {
    const { as } = air();
    const first = running(['device', 'run', ...as('lamp')]);
    await pause(300);
    const { exit, events } = await first.end();
    expect(exit).toBe(130);
    expect(events[0]).toMatchObject({ type: 'device', address: null, version: '0.0.0' });
    const second = running(['device', 'run', '--image-version', '1.2.3', '--company', '0x1234', ...as('lamp')]);
    await pause(300);
    const again = (await second.end()).events;
    expect(again[0]).toMatchObject({ uuid: events[0].uuid, version: '1.2.3', firmwareId: '34120102030000000000' });
    const other = await meshferry(['device', 'run', '--uuid', UUID, ...as('lamp'), '--json']);
    expect(codeOf(other)).toEqual([2, 'other-device']);
  });

  test.each([
    ['without a radio', [], 'no-bearer'],
    ['in a simulated network', ['--bearer', 'sim:targets=1'], 'no-bearer'],
    ['with OOB data of no kind', ['--oob', 'secret'], 'bad-oob'],
  ])('cannot be %s', async (_, options, code) => {
    expect(codeOf(await meshferry(['device', 'run', ...options, '--json']))).toEqual([2, code]);
  });

  test('shows a value to whoever stands before it, and needs nobody where it is known by a secret', async () => {
    const { as } = air();
    const net = as('network');
    await meshferry(['net', 'create', ...net]);
    const lamp = running(['device', 'run', '--uuid', UUID, '--oob', 'output', ...as('display')]);
    const asked = await meshferry(['provision', UUID, ...net, '--json']);
    expect(codeOf(asked)).toEqual([1, 'nobody-to-ask']);
    expect((await lamp.end()).events).toContainEqual({
      type: 'show',
      action: expect.stringMatching('numeric'),
      value: expect.any(String),
    });
    const secret = `static:${'5a'.repeat(16)}`;
    const shy = running(['device', 'run', '--uuid', OTHER, '--oob', secret, ...as('shy')]);
    const { exit, result } = await meshferry(['provision', OTHER, '--oob', secret, '--require-oob', ...net, '--json']);
    expect([exit, result.nodes?.[0]?.address]).toEqual([0, '0x0002']);
    expect((await meshferry(['node', 'reset', '0x0002', ...net, '--json'])).exit).toBe(0);
    await shy.until((said) => said.split('"unprovisioned"').length > 2);
    const { events } = await shy.end();
    const lives = events.filter(({ state }: Json) => state === 'unprovisioned' || state === 'node');
    expect(lives.map(({ state }: Json) => state)).toEqual(['unprovisioned', 'node', 'unprovisioned']);
  });

  test('is found and reached by whichever radio is near it', async () => {
    const [here, there] = [air(), air()];
    const net = [...here.bearer, ...there.bearer.slice(0, 2), '--state', join(folder.path, 'both')];
    const lamps = [
      running(['device', 'run', '--uuid', UUID, ...here.as('near')]),
      running(['device', 'run', '--uuid', OTHER, ...there.as('far')]),
    ];
    await meshferry(['net', 'create', ...net]);
    const scan = await meshferry(['scan', '--seconds', '3', ...net, '--json']);
    expect(scan.result.devices.map(({ uuid }: Json) => uuid).sort()).toEqual([UUID, OTHER]);
    const { exit, result } = await meshferry(['provision', UUID, OTHER, ...net, '--json']);
    expect([exit, result.nodes?.length]).toEqual([0, 2]);
    // What they are made of was read over both.
    for (const node of result.nodes) expect(node.elements[0].models.length).toBeGreaterThan(3);
    for (const lamp of lamps) await lamp.end();
  });

  test('is heard by others: as it is scanned, captured, and decoded live', async () => {
    const { as } = air();
    const net = as('network');
    await meshferry(['net', 'create', ...net]);
    const file = join(folder.path, 'heard.jsonl');
    const capturing = running(['capture', '--out', file, ...net]);
    const decoding = running(['decode', ...net]);
    const lamp = running(['device', 'run', '--uuid', UUID, ...as('lamp')]);
    const scan = await meshferry(['scan', '--seconds', '3', ...net, '--json']);
    expect(scan.result.devices).toMatchObject([{ uuid: UUID, bearer: 'adv', rssi: null }]);
    const text = await meshferry(['scan', '--seconds', '0.1', ...net]);
    expect(text.stdout).toMatch(/devices? to be provisioned/);
    await lamp.end();
    await capturing.end();
    const heard = (await decoding.end()).events.filter(({ type }: Json) => type === 'pdu');
    expect(heard[0]).toMatchObject({ kind: 'beacon', beacon: 'unprovisioned' });
    const decoded = await meshferry(['decode', file, '--json']);
    expect(decoded.result).toMatchObject({ ok: true, beacons: heard.length });
    const short = await meshferry(['capture', '--seconds', '0.1', '--out', file, ...net]);
    expect(short.stdout).toContain('0 advertising events in 0.1 s\n');
  });
});
