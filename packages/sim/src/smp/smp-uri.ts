import { badUri, badValue, givenTwice, pairsOf, unknownKey } from '../uri-syntax.ts';
import { FAILURES_ALLOWED, readSmpFailures, type SimSmpFailure, writeSmpFailure } from './smp-failure.ts';
import { SIM_SMP_KEYS, type SimSmpKeys } from './smp-uri-keys.ts';

/** All that a URI of a simulated SMP device says [design/interfaces.md, sim:smp]. */
export interface SimSmpOptions extends Readonly<SimSmpKeys> {
  readonly fail: readonly SimSmpFailure[];
}

type KeyName = keyof SimSmpKeys;
const NAMES = Object.keys(SIM_SMP_KEYS) as KeyName[];
const KNOWN: readonly string[] = [...NAMES, 'fail'];

/** Whether a URI names a simulated SMP device: `sim:smp`, `sim:smp,KEY=VALUE…`. */
export function isSimSmpUri(text: string): boolean {
  return /^sim:smp\s*(,|$)/.test(text.trim());
}

/**
 * Reads `sim:smp,KEY=VALUE,KEY=VALUE…`; `sim:smp` alone is all defaults. Throws `bad-sim-uri` that names the key, its value and
 * what is allowed.
 */
export function parseSimSmpUri(text: string): SimSmpOptions {
  if (!isSimSmpUri(text))
    throw badUri(`"${text}" does not start with "sim:smp"`, 'Write sim:smp or sim:smp,KEY=VALUE,….');
  const comma = text.indexOf(',');
  const values: Partial<Record<KeyName, unknown>> = {};
  const fail: SimSmpFailure[] = [];
  for (const { key, value } of comma < 0 ? [] : pairsOf(text.slice(comma + 1), KNOWN)) {
    if (key === 'fail') fail.push(...readSmpFailures(value));
    else if (!isKey(key)) throw unknownKey(key, KNOWN);
    else if (key in values) throw givenTwice(key);
    else values[key] = readValue(key, value);
  }
  const initial = Object.fromEntries(NAMES.map((name) => [name, SIM_SMP_KEYS[name].initial]));
  return checked({ ...(initial as unknown as SimSmpKeys), ...(values as Partial<SimSmpKeys>), fail });
}

/** The shortest text that says the same; two URIs name the same device exactly when their canonical texts are equal. */
export function canonicalSimSmpUri(options: SimSmpOptions): string {
  const parts = NAMES.flatMap((name) => writeKey(name, options) ?? []);
  const fail = options.fail.map(writeSmpFailure).sort();
  if (fail.length > 0) parts.push(`fail=${fail.join('+')}`);
  return ['sim:smp', ...parts].join(',');
}

/** What such a URI can say, for help texts: each key with its default (`–` for none) and what is allowed. */
export function simSmpUriKeys(): readonly {
  readonly key: string;
  readonly initial: string;
  readonly allowed: string;
}[] {
  const keys = NAMES.map((key) => ({ key, ...describeKey(key) }));
  return [...keys, { key: 'fail', initial: '–', allowed: FAILURES_ALLOWED }];
}

function describeKey<K extends KeyName>(name: K): { initial: string; allowed: string } {
  const { initial, allowed, write } = SIM_SMP_KEYS[name];
  return { initial: initial === undefined ? '–' : write(initial), allowed };
}

function isKey(key: string): key is KeyName {
  return Object.hasOwn(SIM_SMP_KEYS, key);
}

function readValue(key: KeyName, text: string): unknown {
  const value = SIM_SMP_KEYS[key].read(text);
  if (value === undefined) throw badValue(key, text, SIM_SMP_KEYS[key].allowed);
  return value;
}

function writeKey<K extends KeyName>(name: K, values: SimSmpKeys): string | undefined {
  const { initial, write } = SIM_SMP_KEYS[name];
  if (values[name] === undefined) return undefined;
  const text = write(values[name]);
  return initial !== undefined && text === write(initial) ? undefined : `${name}=${text}`;
}

/** What no key can say alone. */
function checked(options: SimSmpOptions): SimSmpOptions {
  const { slot, sector, align, images, mode } = options;
  if ((align & (align - 1)) !== 0) throw badValue('align', String(align), '1, 2, 4, 8, 16 or 32');
  if (sector % align !== 0) throw badValue('sector', String(sector), `a multiple of align, ${align} here`);
  if (slot % sector !== 0) throw badValue('slot', String(slot), `a multiple of sector, ${sector} here`);
  // The bootloader takes the sectors of the trailer and one more.
  if (slot / sector < 6) throw badValue('slot', String(slot), `at least 6 sectors of ${sector}`);
  if (images > 1 && (mode === 'single' || mode === 'single-ram' || mode === 'loader')) {
    throw badValue('images', String(images), `1 with mode=${mode}`);
  }
  return options;
}
