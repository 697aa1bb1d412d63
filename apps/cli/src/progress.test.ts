import { stripVTControlCharacters } from 'node:util';
import { MeshError } from '@meshferry/core';
import type { JobProgress, TargetProgress } from '@meshferry/node';
import { describe, expect, test } from 'vitest';
import { formatRate, formatSeconds, formatSize, quoteArguments } from './shell/format.ts';
import { styleOf } from './shell/style.ts';
import { ProgressBars } from './update/progress-bars.ts';
import { ProgressLines } from './update/progress-lines.ts';
import { progressEvent } from './update/progress-view.ts';

function target(address: number, change: Partial<TargetProgress> = {}): TargetProgress {
  const unknown = { effect: null, firmwareIdBefore: null, firmwareIdAfter: null, error: null, notice: null };
  return { address, phase: 'transferring', percent: 50, ...unknown, ...change };
}

function progress(change: Partial<JobProgress> = {}): JobProgress {
  return {
    phase: 'transferring',
    percent: 50,
    blocks: { done: 5, of: 10 },
    bytesPerSecond: 402,
    updateSecondsLeft: null,
    secondsLeft: 70,
    elapsedSeconds: 65,
    chunksSent: 100,
    chunksResent: 3,
    targets: [target(0x0100), target(0x0101)],
    ...change,
  };
}

describe('lines in a pipe', () => {
  test('one for each phase and each 10 %, with blocks, rate and time left', () => {
    const lines: string[] = [];
    const view = new ProgressLines((line) => lines.push(line));
    view.show(progress({ phase: 'checking', percent: 0, elapsedSeconds: 0 }));
    for (let percent = 0; percent <= 100; percent++) view.show(progress({ percent, elapsedSeconds: percent }));
    view.show(progress({ phase: 'applying', percent: 100, elapsedSeconds: 120 }));
    view.show(progress({ phase: 'done', percent: 100, elapsedSeconds: 130 }));
    expect(lines).toHaveLength(1 + 1 + 10 + 1);
    expect(lines[0]).toBe('      0.0 s  asking the targets');
    expect(lines[2]).toBe('       10 s   10 %  5/10 blocks, 402 B/s, 1 min 10 s left');
    expect(lines.at(-1)).toBe('2 min 00 s  applying'.padStart(lines.at(-1)?.length ?? 0));
  });

  test('a target that fails is named once, with its reason', () => {
    const lines: string[] = [];
    const view = new ProgressLines((line) => lines.push(line));
    const error = new MeshError('target-silent', '0x0101 did not answer');
    const failed = progress({ targets: [target(0x0100), target(0x0101, { phase: 'failed', error })] });
    view.show(failed);
    view.show(failed);
    expect(lines.filter((line) => line.includes('failed: 0x0101 did not answer'))).toHaveLength(1);
  });
});

describe('bars on a terminal', () => {
  function draw(shown: readonly JobProgress[], columns = 80, targets = 2): string {
    let screen = '';
    let now = 0;
    const sink = {
      write: (text: string) => {
        screen += text;
      },
    };
    const io = {
      stdout: sink,
      stderr: sink,
      env: {},
      isTTY: true,
      columns,
      cwd: '/',
      signals: { listen: () => () => {} },
      now: () => now,
      wallTime: () => 0,
    };
    const bars = new ProgressBars(io, styleOf(false), targets);
    for (const one of shown) {
      bars.show(one);
      now += 1000;
    }
    bars.close();
    return screen;
  }

  test('one for all and one for each target, redrawn in place', () => {
    const screen = draw([progress(), progress({ percent: 75 })]);
    const frames = screen.split('\u001b[4A');
    expect(frames).toHaveLength(3);
    expect(frames[0]).toContain('sending the image  5/10 blocks, 402 B/s, 1 min 10 s left');
    expect(frames[0]).toContain('all    ████████████░░░░░░░░░░░░  50 %');
    expect(frames[0]).toContain('0x0101 ████████████░░░░░░░░░░░░  50 % transferring');
    expect(frames[1]).toContain('75 %');
  });

  test('no line is wider than the terminal', () => {
    const error = new MeshError('x', 'a reason that is much longer than any terminal is wide '.repeat(5));
    const screen = draw([progress({ targets: [target(0x0100, { phase: 'failed', error })] })], 40);
    for (const line of stripVTControlCharacters(screen).split('\n')) {
      expect(line.replace('\r', '').length).toBeLessThan(40);
    }
  });

  test('many targets are counted instead', () => {
    const targets = Array.from({ length: 100 }, (_, i) => target(0x0100 + i, i < 3 ? { phase: 'failed' } : {}));
    expect(draw([progress({ targets })], 80, 100)).toContain('3 failed, 97 transferring');
  });

  test('the cursor is hidden while they move and back at the end', () => {
    const screen = draw([progress()]);
    expect(screen.startsWith('\u001b[?25l')).toBe(true);
    expect(screen.endsWith('\u001b[?25h')).toBe(true);
  });
});

test('an event holds everything, addresses as text', () => {
  const event = progressEvent(progress());
  expect(event).toMatchObject({ phase: 'transferring', percent: 50, blocks: { done: 5, of: 10 }, secondsLeft: 70 });
  expect(event.targets).toEqual([
    { address: '0x0100', phase: 'transferring', percent: 50, error: null },
    { address: '0x0101', phase: 'transferring', percent: 50, error: null },
  ]);
});

test.each([
  [formatSeconds(0.04), '0.0 s'],
  [formatSeconds(9.94), '9.9 s'],
  [formatSeconds(59.6), '1 min 00 s'],
  [formatSeconds(3599), '59 min 59 s'],
  [formatSeconds(3720), '1 h 02 min'],
  [formatRate(999), '999 B/s'],
  [formatRate(1234), '1.2 kB/s'],
  [formatSize(343044), '343 044 octets'],
  [quoteArguments(['--state', "a b'c"]), "--state 'a b'\\''c'"],
])('%s', (text, expected) => {
  expect(text).toBe(expected);
});
