import { describe, expect, it } from 'vitest';
import { sanitise } from './sanitise.ts';

describe('a received text', () => {
  it('of several lines loses the colours of a shell without a trace', () => {
    expect(sanitise('\u001b[1;31mnope: command not found\u001b[m\r\n', 'lines')).toBe('nope: command not found\r\n');
    expect(sanitise('\u009b31mred\u001b[8D', 'lines')).toBe('red');
    expect(sanitise('\u001b[31mred', 'line')).toBe('\ufffd[31mred');
  });

  it('shows what else would steer a terminal', () => {
    expect(sanitise('a\u001bcb\u0007\u202ec', 'line')).toBe('a\ufffdcb\ufffd\ufffdc');
    expect(sanitise('a\tb\nc', 'line')).toBe('a\ufffdb\ufffdc');
    expect(sanitise('a\tb\nc\u001b[', 'lines')).toBe('a\tb\nc\ufffd[');
  });
});
