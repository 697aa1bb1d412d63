import { formatAddress, parseAddress, type Unicast } from '@meshferry/core';
import { FAIL_STEPS, type FailStep, type Failure, SIM_KEYS, type SimKeys, type SimOptions } from './uri-keys.ts';
import { badUri, badValue, givenTwice, pairsOf, unknownKey } from './uri-syntax.ts';

export type { Failure, SimImage, SimOob, SimOptions } from './uri-keys.ts';
export { FAIL_STEPS, type FailStep } from './uri-keys.ts';

/** Addresses of a simulated network [design/interfaces.md, Simulator URI]. */
export const SIM_PROCESS_ADDRESS = 0x0001;
export const SIM_DISTRIBUTOR_ADDRESS = 0x0002;
/** Of the first Friend; the others follow. */
export const SIM_FIRST_FRIEND_ADDRESS = 0x0010;
/** Of the first target; the others follow, see {@link simTargetAddress}. */
export const SIM_FIRST_TARGET_ADDRESS = 0x0100;

/** Address of the primary element of a target: each has as many elements as `instances` says. */
export function simTargetAddress({ instances }: Pick<SimOptions, 'instances'>, number: number): Unicast {
  return SIM_FIRST_TARGET_ADDRESS + number * instances;
}

type KeyName = keyof SimKeys;
const KNOWN = [...Object.keys(SIM_KEYS), 'fail'];
const FAIL_ALLOWED = `ADDR@STEP with STEP one of ${FAIL_STEPS.join(', ')}, blockN, rebootN; several joined by +`;

/**
 * Reads `sim:KEY=VALUE,KEY=VALUE…` [design/interfaces.md, Simulator URI]; `sim:` alone is all defaults. Entries of `fail`
 * are joined by `+` or `;`, or the key is repeated: `fail=0x0100@metadata+0x0103@silent`.
 *
 * Throws `bad-sim-uri` that names the key, its value and what is allowed; also for `sim:smp…`, see `parseSimSmpUri`.
 */
export function parseSimUri(text: string): SimOptions {
  const body = bodyOf(text);
  const values: Partial<Record<KeyName, unknown>> = {};
  const failures: Failure[] = [];
  for (const { key, value } of pairsOf(body, KNOWN)) {
    if (key === 'fail') failures.push(...readFailures(value));
    else if (!isKey(key)) throw unknownKey(key, KNOWN);
    else if (key in values) throw givenTwice(key);
    else values[key] = readValue(key, value);
  }
  const keys = values as Partial<SimKeys>;
  return checked(compose(keys, failures), keys.topology !== undefined);
}

/**
 * The shortest text that says the same: keys in a fixed order, defaults left out. Two URIs name the same simulated
 * world exactly when their canonical texts are equal.
 */
export function canonicalSimUri(options: SimOptions): string {
  const { controller } = options;
  const keys: SimKeys = {
    ...options,
    distributor: options.distributor ? 1 : 0,
    smp: options.smp ? 1 : 0,
    controller: controller.kind,
    interval: controller.intervalMs,
    sets: controller.sets,
    rearm: controller.rearmMs,
  };
  const parts = (Object.keys(SIM_KEYS) as KeyName[]).flatMap((name) => writeKey(name, keys) ?? []);
  const fail = [...options.fail].sort((a, b) => a.address - b.address).map(writeFailure);
  if (fail.length > 0) parts.push(`fail=${fail.join('+')}`);
  return `sim:${parts.join(',')}`;
}

/** What a URI can say, for help texts: each key with its default (`–` for none) and what is allowed. */
export function simUriKeys(): readonly { readonly key: string; readonly initial: string; readonly allowed: string }[] {
  const keys = (Object.keys(SIM_KEYS) as KeyName[]).map((key) => ({ key, ...describeKey(key) }));
  return [...keys, { key: 'fail', initial: '–', allowed: FAIL_ALLOWED }];
}

function describeKey<K extends KeyName>(name: K): { initial: string; allowed: string } {
  const { initial, allowed, write } = SIM_KEYS[name];
  return { initial: initial === undefined ? '–' : write(initial), allowed };
}

function bodyOf(text: string): string {
  const [, body] = /^sim(?::(.*))?$/s.exec(text.trim()) ?? [];
  if (body === undefined && text.trim() !== 'sim') {
    throw badUri(`"${text}" does not start with "sim:"`, 'Write sim:KEY=VALUE,… such as sim:targets=10,loss=0.1.');
  }
  if (body !== undefined && /^smp\s*(,|$)/.test(body)) {
    throw badUri(
      'sim:smp is a simulated SMP device, not a mesh',
      'Use it with the smp commands, such as: meshferry smp info --bearer sim:smp. A mesh is sim:targets=10.',
    );
  }
  return body ?? '';
}

function isKey(key: string): key is KeyName {
  return Object.hasOwn(SIM_KEYS, key);
}

function readValue(key: KeyName, text: string): unknown {
  const value = SIM_KEYS[key].read(text);
  if (value === undefined) throw badValue(key, text, SIM_KEYS[key].allowed);
  return value;
}

function writeKey<K extends KeyName>(name: K, values: SimKeys): string | undefined {
  const { initial, write } = SIM_KEYS[name];
  if (values[name] === undefined) return undefined;
  const text = write(values[name]);
  return initial !== undefined && text === write(initial) ? undefined : `${name}=${text}`;
}

function readFailures(text: string): Failure[] {
  return text.split(/[+;]/).map((entry) => {
    const [, address = '', step = '', block] = /^([^@]+)@([a-z]+)(\d+)?$/.exec(entry.trim()) ?? [];
    const numbered = step === 'block' || step === 'reboot';
    const known = numbered ? block !== undefined : (FAIL_STEPS as readonly string[]).includes(step) && !block;
    if (!known || !/^(0x[0-9a-f]{1,4}|\d{1,5})$/i.test(address)) throw badValue('fail', entry, FAIL_ALLOWED);
    const blockNumber = block === undefined ? undefined : Number(block);
    return { address: parseAddress(address), step: step as FailStep, block: blockNumber };
  });
}

function writeFailure(failure: Failure): string {
  return `${formatAddress(failure.address)}@${failure.step}${failure.block ?? ''}`;
}

function compose(keys: Partial<SimKeys>, fail: readonly Failure[]): SimOptions {
  const get = <K extends KeyName>(name: K): SimKeys[K] => keys[name] ?? (SIM_KEYS[name].initial as SimKeys[K]);
  return {
    targets: get('targets'),
    unprovisioned: get('unprovisioned'),
    lowpower: get('lowpower'),
    friends: get('friends'),
    proxies: get('proxies'),
    link: get('link'),
    distributor: get('distributor') === 1,
    smp: get('smp') === 1,
    seed: get('seed'),
    // Several hops are only possible in another shape than the default: without a word on it, a line.
    topology: keys.topology ?? ((keys.hops ?? 1) > 1 ? 'line' : 'full'),
    hops: keys.hops === 1 && (keys.topology ?? 'full') === 'full' ? undefined : keys.hops,
    relays: get('relays'),
    radio: get('radio'),
    loss: get('loss'),
    memo: get('memo'),
    controller: {
      kind: get('controller'),
      intervalMs: get('interval'),
      sets: get('sets'),
      rearmMs: get('rearm'),
    },
    block: get('block'),
    chunks: get('chunks'),
    slot: get('slot'),
    peer: get('peer'),
    segments: get('segments'),
    version: get('version'),
    company: get('company'),
    effect: get('effect'),
    trust: get('trust'),
    fail,
    models: get('models'),
    images: get('images'),
    instances: get('instances'),
    adds: get('adds'),
    oob: get('oob'),
  };
}

/** What no key can say alone. */
function checked(options: SimOptions, topologyGiven: boolean): SimOptions {
  const { targets, unprovisioned, lowpower, friends, proxies, distributor, hops, fail } = options;
  const others = targets + unprovisioned + friends + (distributor ? 1 : 0);
  if (lowpower > targets)
    throw badValue('lowpower', String(lowpower), `at most the number of targets, ${targets} here`);
  if (lowpower > 0 && friends === 0) {
    throw badValue('lowpower', String(lowpower), '0 without a Friend, which they need to hear anything; add friends=1');
  }
  if (proxies > targets - lowpower) {
    const awake = targets - lowpower;
    throw badValue('proxies', String(proxies), `at most the number of targets that do not sleep, ${awake} here`);
  }
  if (options.smp && !distributor) throw badValue('smp', '1', '0 without a Distributor; add distributor=1');
  if (options.link === 'gatt' && proxies === 0 && unprovisioned === 0 && !options.smp) {
    throw badValue('link', 'gatt', 'adv without a proxy to connect to or a device to provision; add proxies=1');
  }
  if (hops !== undefined && options.topology === 'full' && topologyGiven) {
    throw badValue('hops', String(hops), '1 with topology=full; use topology=line for several hops');
  }
  if (hops !== undefined && hops > Math.max(1, others)) {
    throw badValue('hops', String(hops), `at most one for each other node, ${others} here`);
  }
  if (typeof options.relays === 'number' && options.relays > others) {
    throw badValue('relays', String(options.relays), `at most the number of other nodes, ${others} here`);
  }
  const last = simTargetAddress(options, targets - 1);
  for (const failure of fail) {
    const place = failure.address - SIM_FIRST_TARGET_ADDRESS;
    const isTarget = place >= 0 && failure.address <= last && place % options.instances === 0;
    if (isTarget) continue;
    if (distributor && failure.address === SIM_DISTRIBUTOR_ADDRESS) {
      if (failure.step === 'silent') continue;
      if (options.smp && (failure.step === 'block' || failure.step === 'reboot')) continue;
      throw badValue(
        'fail',
        writeFailure(failure),
        'of a Distributor silent; with smp=1 blockN and rebootN of its upload',
      );
    }
    const range = targets === 0 ? 'none here' : `${formatAddress(SIM_FIRST_TARGET_ADDRESS)} to ${formatAddress(last)}`;
    throw badValue('fail', writeFailure(failure), `the address of a target: ${range}`);
  }
  return options;
}
