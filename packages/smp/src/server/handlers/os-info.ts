import type { Personality } from '../personality.ts';
import type { OsFacts } from '../server-options.ts';

/** The letters in the order of the output, whatever the order they were asked in [spec: smp section 4.1]. */
const LETTERS: readonly (readonly [letter: string, fact: keyof OsFacts])[] = [
  ['s', 'kernelName'],
  ['n', 'nodeName'],
  ['r', 'kernelRelease'],
  ['v', 'kernelVersion'],
  ['b', 'buildTime'],
  ['m', 'machine'],
  ['p', 'processor'],
  ['i', 'platform'],
  ['o', 'osName'],
];

/** What a device says that was told nothing else. */
export function osFacts(personality: Personality, given: Partial<OsFacts>): OsFacts {
  return {
    kernelName: 'Zephyr',
    nodeName: 'unknown',
    kernelRelease: '',
    kernelVersion: personality.version,
    buildTime: undefined,
    machine: 'arm',
    processor: 'cortex-m4',
    platform: 'simulated',
    osName: 'Zephyr',
    ...given,
  };
}

/** The output for a format; undefined when one of its letters is unknown. */
export function osInfo(facts: OsFacts, format: string): string | undefined {
  const known = LETTERS.filter(([, fact]) => facts[fact] !== undefined);
  const all = format.includes('a');
  for (const letter of format) {
    if (letter !== 'a' && !known.some(([name]) => name === letter)) return undefined;
  }
  const asked = known.filter(([letter]) => all || format.includes(letter) || (format === '' && letter === 's'));
  return asked.map(([, fact]) => facts[fact]).join(' ');
}
