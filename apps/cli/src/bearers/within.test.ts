import { VirtualClock } from '@meshferry/core';
import { expect, test } from 'vitest';
import { askWithin } from './within.ts';

test('what does not answer is not waited for, and what comes late is handed over', async () => {
  const clock = new VirtualClock();
  const late: string[] = [];
  let answer = (_: string): void => {};
  const promise = new Promise<string>((resolve) => {
    answer = resolve;
  });
  const asked = askWithin(
    () => promise,
    5000,
    clock,
    (value) => late.push(value),
  );
  const outcome = expect(asked).rejects.toThrow('no answer within 5 s');
  await Promise.resolve();
  clock.advance(5000);
  await outcome;
  answer('at last');
  await new Promise(setImmediate);
  expect(late).toEqual(['at last']);
});

test('an answer, or something thrown at once, leaves no timer', async () => {
  const clock = new VirtualClock();
  const thrown = (): Promise<string> => {
    throw new Error('boom');
  };
  await expect(askWithin(async () => 'yes', 5000, clock)).resolves.toBe('yes');
  await expect(askWithin(thrown, 5000, clock)).rejects.toThrow('boom');
  expect(clock.nextAt).toBeUndefined();
});
