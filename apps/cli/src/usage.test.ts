import { readFileSync } from 'node:fs';
import { simUriKeys } from '@meshferry/sim';
import { describe, expect, test } from 'vitest';
import { meshferry } from './testing/cli.ts';

const COMMANDS = [
  ['demo'],
  ['fw', 'inspect'],
  ['fw', 'verify'],
  ['fw', 'make'],
  ['fw', 'check'],
  ['fw', 'fetch'],
  ['fw', 'serve'],
  ['dfu', 'targets'],
  ['dfu', 'plan'],
  ['dfu', 'run'],
  ['dfu', 'status'],
  ['dfu', 'resume'],
  ['dfu', 'apply'],
  ['dfu', 'cancel'],
  ['decode'],
  ['capture'],
  ['device', 'run'],
  ['bearer', 'list'],
];

describe('help', () => {
  test.each(COMMANDS)('of "%s %s" has an example that names the command', async (...words) => {
    const command = words.filter((word) => word !== undefined);
    const { exit, stdout } = await meshferry([...command, '--help']);
    expect(exit).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  meshferry ${command.join(' ')}`));
    expect(stdout).toContain('--json');
  });

  test.each([['dfu run --help'], ['bearer list'], ['bearer list --help']])(
    'of "%s" lists every key of a simulator URI',
    async (line) => {
      const { stdout } = await meshferry(line.split(' '));
      for (const { key, allowed } of simUriKeys()) {
        expect(
          stdout.split('\n').some((line) => line.startsWith(`  ${key} `) && line.endsWith(allowed)),
          key,
        ).toBe(true);
      }
      expect(stdout).toMatch(/\n {2}loss +0 +a number from 0 to 1\n/);
    },
  );

  test('has the version of the package beside it', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    for (const option of ['--version', '-V']) {
      expect(await meshferry([option])).toMatchObject({ exit: 0, stdout: `${version}\n`, stderr: '' });
    }
  });

  test('is what a bare command shows', async () => {
    const { exit, stdout } = await meshferry([]);
    expect(exit).toBe(0);
    expect(stdout).toContain('Usage: meshferry');
  });
});

describe('what cannot be understood ends with 2 and one line that says what to type', () => {
  test.each([
    ['rum', "unknown command 'rum'", 'meshferry --help'],
    ['dfu rum', "unknown command 'rum' (did you mean run?)", 'meshferry dfu --help'],
    ['dfu', '"meshferry dfu" needs a command: targets, plan, run', 'meshferry dfu --help'],
    ['fw inspect', "missing required argument 'FILE'", 'meshferry fw inspect --help'],
    ['fw inspect a b', 'too many arguments', 'meshferry fw inspect --help'],
    ['fw inspect a --jsn', "unknown option '--jsn' (did you mean --json?)", 'meshferry fw inspect --help'],
    ['fw verify a', "required option '--key <PEM>' not specified", 'meshferry fw verify --help'],
    ['demo --log loud', 'Allowed choices are debug, info, warn, error', 'meshferry --help'],
    ['dfu run a --policy maybe', 'Allowed choices are verify, apply', 'meshferry dfu run --help'],
    ['smp lst', "unknown command 'lst' (did you mean list?)", 'meshferry smp --help'],
    ['fw inspect a --daemon', '"--daemon" comes with a later version', 'meshferry fw inspect --help'],
    ['fw fetch x', "required option '--fwid <HEX>' not specified", 'meshferry fw fetch --help'],
  ])('%s', async (line, what, help) => {
    const { exit, stdout, stderr } = await meshferry(line.split(' '));
    expect(exit).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toContain(what);
    expect(stderr).toContain(`type "${help}"`);
  });

  test('as the result line with --json', async () => {
    const { exit, stdout, stderr, result } = await meshferry(['dfu', 'rum', '--json']);
    expect(exit).toBe(2);
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(result).toEqual({
      type: 'result',
      ok: false,
      error: { code: 'unknown-command', message: expect.any(String) },
    });
  });
});

describe('bearer list', () => {
  test('says of each bearer whether it can be used and why not', async () => {
    const { exit, result } = await meshferry(['bearer', 'list', '--json']);
    expect(exit).toBe(0);
    const schemes = result.bearers.map(({ scheme }: { scheme: string }) => scheme);
    expect(schemes).toEqual(['sim', 'hci', 'noble', 'dongle']);
    expect(result.bearers[0].keys).toEqual(simUriKeys());
    for (const { usable, reason, uris } of result.bearers) {
      expect(usable).toBe(reason === null);
      expect(uris.length).toBeGreaterThan(0);
    }
  });

  test('is plain text in a pipe, and coloured only on a terminal without NO_COLOR', async () => {
    const sequence = '\u001b[';
    expect((await meshferry(['bearer', 'list'])).stdout).not.toContain(sequence);
    expect((await meshferry(['bearer', 'list'], { columns: 80 })).stdout).toContain(sequence);
    expect((await meshferry(['bearer', 'list'], { columns: 80, env: { NO_COLOR: '1' } })).stdout).not.toContain(
      sequence,
    );
    expect((await meshferry(['bearer', 'list', '--no-color'], { columns: 80 })).stdout).not.toContain(sequence);
  });
});
