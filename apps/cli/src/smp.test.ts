import { createSocket } from 'node:dgram';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BearerGround } from '@meshferry/bearer';
import { bearer as hci } from '@meshferry/bearer-hci';
import { hostClock, hostRandom, SeededRandom, silent, toHex } from '@meshferry/core';
import { generateSigningKey, parseImage } from '@meshferry/firmware';
import { afterAll, describe, expect, test } from 'vitest';
import { firmware, type Json, meshferry, type RunOptions, temporaryFolder } from './testing/cli.ts';
import { Controllers } from './testing/controllers.ts';
import { groundTruth, sharedFirmware } from './testing/shared-firmware.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const made = await firmware(60_000);
const image = folder.write('app_update.bin', made.image);
const pkg = folder.write('dfu_application.zip', made.zip);
const unsigned = folder.write('unsigned.bin', (await firmware(20_000, { key: null })).image);
const stranger = generateSigningKey(new SeededRandom('stranger'), 'stranger');
const foreign = folder.write('foreign.bin', (await firmware(20_000, { key: stranger })).image);
const raw = folder.write('zephyr.bin', new SeededRandom('raw').bytes(5000));
const parsed = parseImage(made.image);
const hash = parsed.ok ? toHex(parsed.value.hash) : '';

const ground: BearerGround = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };
let states = 0;
/** A state folder that nobody has used. */
const newState = () => join(folder.path, `state-${states++}`);
const smp = (line: string, uri = 'sim:smp', options: RunOptions & { readonly state?: string } = {}) =>
  meshferry(
    ['smp', ...line.split(' '), '--bearer', uri, ...(options.state === undefined ? [] : ['--state', options.state])],
    options,
  );
const codeOf = (result: Json): string | undefined => result.error?.code;

describe('smp update', () => {
  test('updates a device in the simulator: upload, test, reset, look, confirm', async () => {
    const state = newState();
    const { exit, result, events } = await smp(`update ${image} --json`, 'sim:smp', { state });
    expect([exit, result.ok, result.outcome]).toEqual([0, true, 'updated']);
    expect(result.images).toMatchObject([
      { image: 0, version: '2.0.0+0', hash, versionBefore: '0.0.0', state: 'kept' },
    ]);
    const phases = events.filter(({ type }) => type === 'progress').map(({ phase }) => phase);
    expect([...new Set(phases)]).toEqual(
      expect.arrayContaining(['uploading', 'testing', 'resetting', 'reconnecting', 'checking', 'confirming']),
    );
    const listed = await smp('list --json', 'sim:smp', { state });
    expect(listed.result.images).toMatchObject([
      { slot: 0, version: '2.0.0', hash, active: true, confirmed: true },
      { slot: 1, version: '0.0.0', active: false },
    ]);
    const again = await smp(`update ${image} --json`, 'sim:smp', { state });
    expect([again.exit, again.result.outcome]).toEqual([0, 'current']);
  });

  test('takes the package as well, and shows people what it is going to do', async () => {
    const { exit, stdout, stderr } = await smp(`update ${pkg}`);
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/1\. upload image 0 .*2\.0\.0/);
    expect(stdout).toContain('the new image runs and is confirmed');
  });

  test('draws one line on a terminal', async () => {
    const { exit, stdout } = await smp(`update ${pkg} --no-color`, 'sim:smp', { columns: 100 });
    expect(exit).toBe(0);
    expect(stdout).toContain('█');
  });

  test.each([
    [unsigned, 'sim:smp', 'smp-bootloader-refused', 'it is not signed'],
    [foreign, 'sim:smp', 'smp-bootloader-refused', 'key'],
    [image, 'sim:smp,ignore=test', 'smp-not-pending', 'does not list it as pending'],
    [image, 'sim:smp,ignore=reset', 'smp-not-reset', 'resets'],
    [image, 'sim:smp,ignore=confirm', 'smp-confirm-refused', 'confirm'],
    [image, 'sim:smp,version=3.0.0+0,downgrade=0', 'smp-downgrade', 'older than what runs (3.0.0)'],
    [image, 'sim:smp,slot=32768', 'smp-image-too-large', 'slot'],
    [`${image} --mode upload-only`, 'sim:smp', 'smp-not-selected', 'nothing told the bootloader'],
    [`${image} --image 1`, 'sim:smp', 'smp-no-such-image', 'image 1'],
    [foreign, 'sim:smp,mode=single', 'smp-still-in-recovery', 'recovery'],
    [image, 'sim:smp,mode=single,ignore=reset', 'smp-single-slot', 'came back 2 times'],
  ])('%s over %s ends with 1 and the cause %s', async (line, uri, code, words) => {
    const { exit, result } = await smp(`update ${line} --json`, uri);
    expect([exit, result.ok, codeOf(result)]).toEqual([1, false, code]);
    expect(result.error.message).toContain(words);
    expect(result.error.hint).toMatch(/\w/);
  });

  test('updates a device with one slot by the serial recovery of its bootloader', async () => {
    const state = newState();
    const uri = 'sim:smp,mode=single';
    const { exit, result } = await smp(`update ${image} --json`, uri, { state });
    expect([exit, result.outcome]).toEqual([0, 'updated']);
    expect((await smp('list --json', uri, { state })).result.images).toMatchObject([
      { slot: 0, hash, active: true, confirmed: true },
    ]);
  });

  test('sends nothing that no bootloader starts', async () => {
    const { exit, stderr } = await smp(`update ${raw}`);
    expect(exit).toBe(2);
    expect(stderr).toContain('MCUboot');
  });

  test('with --plan changes nothing', async () => {
    const state = newState();
    const { exit, result } = await smp(`update ${image} --plan --json`, 'sim:smp', { state });
    expect([exit, result.ok]).toEqual([0, true]);
    expect(result.steps.length).toBeGreaterThan(3);
    expect(result.etaSeconds).toBeGreaterThan(0);
    const { result: list } = await smp('list --json', 'sim:smp', { state });
    expect(list.images).toHaveLength(1);
  });

  test('interrupted and typed again goes on where it was', async () => {
    const state = newState();
    const uri = 'sim:smp,mtu=65,packets=1';
    const first = await smp(`update ${image}`, uri, { state, interruptWhen: (stdout) => / 4\d %/.test(stdout) });
    expect(first.exit).toBe(130);
    expect(first.stderr).toContain(`meshferry smp update ${image} --bearer ${uri} --state ${state}`);
    const other = await smp(`update ${foreign}`, uri, { state });
    expect(other.exit).toBe(2);
    expect(other.stderr).toContain('was not finished');
    const second = await smp(`update ${image} --json`, uri, { state });
    expect([second.exit, second.result.outcome]).toEqual([0, 'updated']);
    expect(second.result.stats.bytesSent).toBeLessThan(made.image.length * 0.75);
  });

  test('given up, another file can be sent', async () => {
    const state = newState();
    const uri = 'sim:smp,mtu=65,packets=1';
    await smp(`update ${foreign}`, uri, { state, interruptWhen: (stdout) => / [2-5]\d %/.test(stdout) });
    const cancelled = await smp('cancel --json', uri, { state });
    expect([cancelled.exit, cancelled.result.wasReset]).toEqual([0, false]);
    expect((await smp('cancel', uri, { state })).exit).toBe(2);
    expect((await smp(`update ${image} --json`, uri, { state })).result.outcome).toBe('updated');
  });

  test('reverts when nobody confirms, and the next update says what runs', async () => {
    const state = newState();
    const tested = await smp(`update ${image} --mode test-only --json`, 'sim:smp', { state });
    expect([tested.exit, tested.result.outcome]).toEqual([0, 'unconfirmed']);
    await smp('reset', 'sim:smp', { state });
    const { result } = await smp('list --json', 'sim:smp', { state });
    expect(result.images).toMatchObject([
      { slot: 0, version: '0.0.0', active: true },
      { slot: 1, version: '2.0.0' },
    ]);
  });

  test.runIf(groundTruth !== null)(
    'brings both images of a package to run, by confirming them before the reset',
    async () => {
      const file = sharedFirmware('synthetic/multi-image-format1.zip');
      const { exit, result } = await smp(`update ${file} --ignore-dependencies --json`, 'sim:smp,images=2,trust=any');
      expect([exit, result.outcome, result.mode]).toEqual([0, 'updated', 'confirm-only']);
      expect(result.notes).toContainEqual(expect.objectContaining({ severity: 'warning', code: 'several-images' }));
    },
  );

  test.runIf(groundTruth !== null)('brings real firmware of the Zephyr project to run', async () => {
    const file = sharedFirmware('zephyr/hello_world.signed.bin');
    const { exit, result } = await smp(`update ${file} --json`, 'sim:smp,version=0.0.0+1');
    expect([exit, result.outcome]).toEqual([0, 'updated']);
  });
});

describe('single steps', () => {
  test('do by hand what smp update does', async () => {
    const state = newState();
    const step = (line: string) => smp(`${line} --json`, 'sim:smp', { state });
    const uploaded = await step(`upload ${image}`);
    expect([uploaded.exit, uploaded.result.moved]).toEqual([0, made.image.length]);
    expect((await step(`test ${image}`)).result.images).toMatchObject([{ slot: 0 }, { slot: 1, hash, pending: true }]);
    expect((await step('reset')).exit).toBe(0);
    expect((await step('list')).result.images).toMatchObject([{ slot: 0, hash, active: true, confirmed: false }, {}]);
    expect((await step('confirm')).result.images).toMatchObject([{ slot: 0, hash, confirmed: true }, {}]);
    expect((await step('erase')).exit).toBe(0);
    expect((await step('list')).result.images).toHaveLength(1);
    expect((await step(`test ${hash}`)).exit).toBe(1);
  });

  test('say what the device refuses, and what to do', async () => {
    const { exit, stderr } = await smp(`test ${'00'.repeat(32)}`);
    expect(exit).toBe(1);
    expect(stderr).toMatch(/error: .*refused: .*\n {2}\S/);
  });

  test('info, echo, shell, tasks, stat', async () => {
    const info = await smp('info --json');
    expect(info.result).toMatchObject({ bootloader: 'MCUboot', mode: 3, buffers: { bufSize: 2475, bufCount: 4 } });
    expect((await smp('echo hello')).stdout).toBe('hello\n');
    expect((await smp('stat --json')).result.ok).toBe(true);
    expect((await smp('shell none')).exit).toBe(1);
    expect((await smp('datetime yesterday')).exit).toBe(2);
  });

  test('settings are set, kept over a reset, and deleted', async () => {
    const state = newState();
    const step = (line: string) => smp(`settings ${line}`, 'sim:smp', { state });
    expect((await step('set app/val 01ff')).exit).toBe(0);
    expect((await step('save')).exit).toBe(0);
    await smp('reset', 'sim:smp', { state });
    expect((await step('get app/val')).stdout).toBe('01ff\n');
    expect((await step('set app/val xyz')).exit).toBe(2);
    expect((await step('delete app/val')).exit).toBe(0);
    expect((await step('get app/val')).exit).toBe(1);
  });

  test('the clock of the device is set, and goes on', async () => {
    const state = newState();
    expect((await smp('datetime', 'sim:smp', { state })).stdout).toBe('2026-01-01T00:00:00\n');
    expect((await smp('datetime 2026-11-22T12:00:00', 'sim:smp', { state })).exit).toBe(0);
    expect((await smp('datetime', 'sim:smp', { state })).stdout).toMatch(/^2026-11-22T12:00:0\d\n$/);
  });

  test('files go to the device and come back', async () => {
    const state = newState();
    const file = folder.write('config.bin', new SeededRandom('config').bytes(3000));
    expect((await smp(`fs put ${file} /lfs1/config.bin --json`, 'sim:smp', { state })).result.verified).toBe(true);
    expect((await smp('fs status /lfs1/config.bin --json', 'sim:smp', { state })).result.size).toBe(3000);
    const back = join(folder.path, 'back.bin');
    expect((await smp(`fs get /lfs1/config.bin ${back}`, 'sim:smp', { state })).exit).toBe(0);
    expect(readFileSync(back)).toEqual(readFileSync(file));
    expect((await smp('fs hash /lfs1/config.bin --type sha256 --json', 'sim:smp', { state })).result.hash).toMatch(
      /^[0-9a-f]{64}$/,
    );
    const missing = await smp(`fs get /lfs1/none ${join(folder.path, 'none')}`, 'sim:smp', { state });
    expect([missing.exit, existsSync(join(folder.path, 'none'))]).toEqual([1, false]);
  });

  test('explain reads octets as a device does', async () => {
    const good = await meshferry(['smp', 'explain', '0800000100010d00a0']);
    expect(good.exit).toBe(0);
    const bad = await meshferry([
      'smp',
      'explain',
      '00',
      '00',
      '00',
      '06',
      '02',
      '00',
      '00',
      '00',
      '7b',
      '7d',
      '--json',
    ]);
    expect([bad.exit, bad.result.ok]).toEqual([1, false]);
    expect(bad.result.faults.map(({ kind }: Json) => kind)).toContain('length-does-not-fit');
  });
});

describe('the device is named by --bearer', () => {
  test.each([
    ['smp list', 'no-bearer'],
    ['smp list --bearer sim:smp --bearer sim:smp', 'several-bearers'],
    ['smp list --bearer hci:tcp:127.0.0.1:9', 'no-device'],
    ['smp list --bearer noble:', 'no-device'],
    ['smp list --bearer sim:smp,colour=red', 'bad-sim-uri'],
    ['smp list --bearer sim:targets=3', 'bad-sim-uri'],
    ['smp list --bearer udp:', 'bad-smp-uri'],
    ['smp scan --bearer sim:smp', 'scan-not-supported'],
    ['smp list --bearer carrier-pigeon:coo', 'no-device'],
  ])('%s: %s', async (line, code) => {
    const { exit, result } = await meshferry([...line.split(' '), '--json'], { cwd: folder.path });
    expect([exit, codeOf(result)]).toEqual([2, code]);
  });

  test.each([['udp:127.0.0.1:9'], ['serial:/dev/there-is-none']])('%s is not there: exit 4', async (uri) => {
    const { exit, stderr } = await smp('list', uri, { state: newState() });
    expect(exit).toBe(4);
    expect(stderr).toMatch(/error: .+\n {2}\S/);
  });
});

describe('over Bluetooth', () => {
  const controllers = new Controllers();
  afterAll(() => controllers.close());

  test('smp scan shows who is there, and tells of those that it leaves out', async () => {
    const radio = `hci:tcp:127.0.0.1:${await controllers.tcp()}`;
    const scan = (...more: string[]) =>
      meshferry(['smp', 'scan', '--seconds', '1', '--bearer', radio, ...more], { env: { HOME: folder.path } });
    expect((await scan()).stdout).toContain('nobody is in range');
    const other = await hci.open(radio, ground);
    const data = new Uint8Array(9);
    const stop = other.peripheral!.advertise({ service: 0x1828, data, intervalMs: 50, privateAddress: false });
    const { stdout } = await scan();
    expect(stdout).not.toContain('nobody');
    expect(stdout).toContain('1 more without a name');
    expect((await scan('--all')).stdout).toContain('mesh proxy');
    expect((await scan('--json')).result).toMatchObject({ devices: [], leftOut: 1 });
    stop();
    other.close();
  });
});

describe('smp serve', () => {
  test('is a device for clients at a UDP port, in real time, and remembers', async () => {
    const state = newState();
    const { at, stop } = await serve('sim:smp,boot=10', state);
    const updated = await smp(`update ${image} --json --swap-time 0.1`, at, { state: newState() });
    const { exit, stdout } = await stop();
    expect([updated.exit, updated.result.outcome, exit]).toEqual([0, 'updated', 130]);
    expect(stdout).toMatch(/runs 0\.0\.0\+0\n.*resets\nruns 2\.0\.0\+0/s);
    const { result } = await smp('list --json', 'sim:smp,boot=10', { state });
    expect(result.images).toMatchObject([{ version: '2.0.0', confirmed: true }, { version: '0.0.0' }]);
  });

  test('two devices are updated at the same time out of one state folder, and one is asked meanwhile', async () => {
    const devices = await Promise.all([1, 2].map(() => serve('sim:smp,boot=10', newState())));
    const state = newState();
    const ended = await Promise.all([
      ...devices.map(({ at }) => smp(`update ${image} --json --swap-time 0.1`, at, { state })),
      smp('echo here --json', devices[0]!.at, { state }),
    ]);
    await Promise.all(devices.map(({ stop }) => stop()));
    expect(ended.map(({ exit, result }) => [exit, result.outcome ?? result.r])).toEqual([
      [0, 'updated'],
      [0, 'updated'],
      [0, 'here'],
    ]);
  });

  test.each([
    ['smp serve', 'no-place'],
    ['smp serve --at udp:127.0.0.1:0x', 'bad-smp-uri'],
    ['smp serve --at pigeon:coo', 'unknown-bearer'],
  ])('%s: %s', async (line, code) => {
    const { exit, result } = await meshferry([...line.split(' '), '--json']);
    expect([exit, codeOf(result)]).toEqual([2, code]);
  });
});

/** A simulated device at a UDP port of its own; `stop` presses Ctrl-C. */
async function serve(uri: string, state: string) {
  const at = `udp:127.0.0.1:${await freePort()}`;
  let served = (): void => {};
  const isServed = new Promise<void>((resolve) => {
    served = resolve;
  });
  let end = (): void => {};
  const isOver = new Promise<void>((resolve) => {
    end = resolve;
  });
  const serving = meshferry(['smp', 'serve', '--at', at, '--bearer', uri, '--state', state], {
    interruptWhen: (stdout) => {
      if (stdout.includes('is served at')) served();
      return false;
    },
    interruptAfter: isOver,
  });
  await isServed;
  const stop = () => {
    end();
    return serving;
  };
  return { at, stop };
}

function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
