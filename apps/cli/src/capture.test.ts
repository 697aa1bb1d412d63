import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { CaptureKeys } from './capture/capture-keys.ts';
import { firmware, type Json, meshferry, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const NETWORK = ['--bearer', 'sim:targets=2'];
const path = (name: string): string => join(folder.path, name);

describe('capture', () => {
  test('every format holds the same, and decode reads it with the keys beside it', async () => {
    const results: Json[] = [];
    for (const name of ['a.jsonl', 'a.jsonl.gz', 'a.pcap']) {
      const recorded = await meshferry(['capture', ...NETWORK, '--out', path(name), '--json']);
      expect(recorded.exit).toBe(0);
      expect(recorded.result).toMatchObject({ ok: true, file: path(name), simulatedSeconds: expect.any(Number) });
      const { result, events } = await meshferry(['decode', path(name), '--json']);
      expect(result).toMatchObject({ pdus: recorded.result.events, errors: {} });
      expect(result.decrypted + result.beacons).toBe(result.pdus);
      const names = new Set(events.map(({ message }) => message?.name));
      expect([...names]).toEqual(expect.arrayContaining(['BLOB Chunk Transfer', 'Firmware Update Apply']));
      expect(names).not.toContain(null);
      results.push(events);
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    expect(JSON.parse(readFileSync(path('a.jsonl'), 'utf8').split('\n')[0] as string)).toEqual({
      t: expect.any(Number),
      d: 0,
      ch: [37, 38, 39],
      pdu: 2,
      ad: 42,
      p: expect.stringMatching(/^[0-9a-f]{28,58}$/),
    });
  });

  test('keys are readable by their owner alone', () => {
    for (const file of ['a.keys.json', 'a.wireshark/btmesh_nw_keys', 'a.wireshark/btmesh_dev_keys']) {
      expect(statSync(path(file)).mode & 0o077).toBe(0);
    }
  });

  test('the keys are those of every node there is', async () => {
    const uri = 'sim:targets=4,lowpower=2,friends=2,proxies=1,distributor=1';
    const record = ['capture', '--bearer', uri, '--out', path('n.jsonl'), '--seconds', '20'];
    expect((await meshferry(record)).exit).toBe(0);
    const { devKeys } = JSON.parse(readFileSync(path('n.keys.json'), 'utf8')) as CaptureKeys;
    const known = devKeys.map(({ addr }) => addr);
    expect(known).toEqual([0x0001, 0x0002, 0x0010, 0x0011, 0x0100, 0x0101, 0x0102, 0x0103]);
    const { events } = await meshferry(['decode', path('n.jsonl'), '--json']);
    const sources = new Set(events.flatMap(({ src }) => (src === undefined ? [] : [Number(src)])));
    expect(sources.has(0x0010) && sources.has(0x0103)).toBe(true);
    for (const source of sources) expect(known).toContain(source);
  });

  test('--seconds is simulated time', async () => {
    const { result } = await meshferry(['capture', ...NETWORK, '--out', path('s.jsonl'), '--seconds', '2', '--json']);
    expect(result.simulatedSeconds).toBeCloseTo(2);
    const lines = readFileSync(path('s.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(result.events);
    expect(JSON.parse(lines.at(-1) as string).t).toBeLessThan(2e6);
  });

  test('for people: what was recorded, and where', async () => {
    const { stdout } = await meshferry(['capture', ...NETWORK, '--out', path('p.pcap'), '--seconds', '1']);
    expect(stdout).toMatch(/\d+ advertising events in 1\.0 s of simulated time/);
    for (const file of ['p.pcap', 'p.keys.json', 'p.wireshark']) expect(stdout).toContain(path(file));
  });

  test('Ctrl-C ends live decoding with 130, after a whole line', async () => {
    const interruptWhen = (text: string): boolean => text.length > 1000;
    const { exit, events, result } = await meshferry(['decode', '--bearer', 'sim:targets=20', '--json'], {
      interruptWhen,
    });
    expect(exit).toBe(130);
    expect(events.length).toBeGreaterThan(1);
    expect(result).toMatchObject({ ok: false, error: { code: 'interrupted' } });
  });

  test('decode --bearer says the same live', async () => {
    const { events: recorded } = await meshferry(['decode', path('a.jsonl'), '--json']);
    const { events: live, exit } = await meshferry(['decode', ...NETWORK, '--json']);
    expect(exit).toBe(0);
    expect(live).toEqual(recorded);
  });

  test.each([
    ['no bearer', ['--out', 'x.pcap'], 'no bearer given'],
    ['another format', [...NETWORK, '--out', 'x.txt'], 'End its name in .pcap, .jsonl or .jsonl.gz'],
    ['a file that cannot be', [...NETWORK, '--out', '/dev/null/x.pcap'], 'cannot write'],
    ['no time', [...NETWORK, '--out', 'x.pcap', '--seconds', '0'], 'not a time in seconds'],
    ['no targets', ['--bearer', 'sim:targets=0', '--out', 'x.pcap'], 'no targets'],
  ])('%s ends with 2', async (_, options, message) => {
    const { exit, stderr } = await meshferry(['capture', ...options], { cwd: folder.path });
    expect(exit).toBe(2);
    expect(stderr).toContain(message);
  });

  test('dfu run --capture records an update', async () => {
    const { zip } = await firmware(2000);
    const update = ['dfu', 'run', folder.write('update.zip', zip), ...NETWORK, '--capture', path('run.jsonl.gz')];
    expect((await meshferry([...update, '--json'])).exit).toBe(0);
    const { result, events } = await meshferry(['decode', path('run.jsonl.gz'), '--json']);
    expect(result.decrypted + result.beacons).toBe(result.pdus);
    const applied = events.filter(({ message }) => message?.name === 'Firmware Update Apply');
    expect(new Set(applied.map(({ dst }) => dst))).toEqual(new Set(['0x0100', '0x0101']));
  });
});
