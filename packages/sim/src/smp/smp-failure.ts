import { badValue } from '../uri-syntax.ts';

/** What fails on purpose, and where. */
export type SimSmpFailStep = keyof typeof STEPS;

/** One entry of `fail`: `step` fails at `value`, whose meaning depends on it. */
export interface SimSmpFailure {
  readonly step: SimSmpFailStep;
  readonly value: number;
}

/** Most that each number can be, and what it says. */
const STEPS = {
  reboot: { max: 100, about: 'reboot@PERCENT of an upload (once)' },
  disconnect: { max: 100, about: 'disconnect@PERCENT of an upload (once)' },
  flash: { max: 0xffff_ffff, about: 'flash@OFFSET of the slot that is uploaded to: cells that cannot be written' },
  power: { max: 0xffff_ffff, about: 'power@N: lost after so many flash operations of the bootloader (once)' },
  upload: { max: 255, about: 'upload@CODE, test@CODE, confirm@CODE: refused with that code of the image group' },
  test: { max: 255, about: undefined },
  confirm: { max: 255, about: undefined },
  reset: { max: 255, about: 'reset@CODE: refused with that code of the OS group unless it is forced' },
  busy: { max: 0xffff_ffff, about: 'busy@N: the N-th request is answered by busy (once, as all that follow)' },
  request: { max: 0xffff_ffff, about: 'request@N: the N-th is not heard' },
  answer: { max: 0xffff_ffff, about: 'answer@N: the N-th is not sent' },
  stale: { max: 0xffff_ffff, about: 'stale@N, sequence@N, extra@N, malformed@N: so is the N-th answer' },
  sequence: { max: 0xffff_ffff, about: undefined },
  extra: { max: 0xffff_ffff, about: undefined },
  malformed: { max: 0xffff_ffff, about: undefined },
} as const;

const ABOUTS = Object.values(STEPS).flatMap(({ about }) => about ?? []);

/** What `fail` can say. */
export const FAILURES_ALLOWED: string = `STEP@NUMBER: ${ABOUTS.join('; ')}; several joined by +`;

/** Reads a list of failures. Throws `bad-sim-uri`. */
export function readSmpFailures(text: string): SimSmpFailure[] {
  return text.split(/[+;]/).map((entry) => {
    const [, step = '', digits = ''] = /^([a-z]+)@(\d{1,10}|0x[0-9a-f]{1,8})%?$/i.exec(entry.trim()) ?? [];
    const value = Number(digits);
    if (!isStep(step) || value > STEPS[step].max) throw badValue('fail', entry, FAILURES_ALLOWED);
    return { step, value };
  });
}

export function writeSmpFailure({ step, value }: SimSmpFailure): string {
  return `${step}@${value}`;
}

function isStep(text: string): text is SimSmpFailStep {
  return Object.hasOwn(STEPS, text);
}
