import type { ControllerSettings } from './advertiser.ts';
import type { TopologyKind } from './topology.ts';
import {
  choice,
  type Key,
  logRange,
  naturalNumber,
  numberOrWord,
  optionalText,
  realNumber,
  someWords,
  vendorId,
  version,
  wordList,
} from './uri-values.ts';

/** Where a node that fails on purpose does so. */
export type FailStep = (typeof FAIL_STEPS)[number] | 'block' | 'reboot';

/** One entry of `fail`: the target at `address` fails at `step`. */
export interface Failure {
  readonly address: number;
  readonly step: FailStep;
  /** Block Number of `block` (stops answering there) and `reboot` (power cut there). */
  readonly block: number | undefined;
}

/** All that a simulator URI says [design/interfaces.md, Simulator URI]. */
export interface SimOptions {
  readonly targets: number;
  readonly unprovisioned: number;
  /** How many of the targets, the last ones, are Low Power nodes: they sleep, and hear what a Friend keeps for them. */
  readonly lowpower: number;
  /** Further nodes, from 0x0010 on, that are Friends. */
  readonly friends: number;
  /** How many of the targets, the first ones, are Proxy Servers: they connect GATT clients to the network. */
  readonly proxies: number;
  /**
   * How this process is attached: `adv` by advertising, `gatt` as the client of a proxy in its reach, and by that alone;
   * unprovisioned devices can be provisioned over it, and are proxies then.
   */
  readonly link: 'adv' | 'gatt';
  /** Whether a Distributor node stands at 0x0002. */
  readonly distributor: boolean;
  /** Whether that takes images over SMP too; it is a proxy then. */
  readonly smp: boolean;
  readonly seed: number;
  readonly topology: TopologyKind;
  /** Hops to the farthest node; undefined: as the topology has them (`full` 1, `line` one for each node). */
  readonly hops: number | undefined;
  readonly relays: 'none' | 'all' | number;
  readonly radio: 'honest' | 'ideal';
  readonly loss: number;
  /**
   * Whether nodes share the outcome of decrypting the same octets, see `sharedCrypto` of `@meshferry/crypto`: faster, and
   * the same in every other way.
   */
  readonly memo: 'on' | 'off';
  /** Of this process: `controller`, `interval`, `sets` and `rearm` of the URI. */
  readonly controller: ControllerSettings;
  /** Targets' Block Size Logs, least and most. */
  readonly block: { readonly min: number; readonly max: number };
  /** Targets' Max Total Chunks of a block. */
  readonly chunks: number;
  /** Size of a firmware slot, octets. */
  readonly slot: number;
  readonly peer: 'meshferry' | 'stock';
  /** Segments of the longest message that a target takes; undefined: 32, of `peer=stock` 6. */
  readonly segments: number | undefined;
  /** Firmware version at the start, in the full form `1.2.3+4`. */
  readonly version: string;
  /** Company ID at the start of the firmware id. */
  readonly company: number;
  readonly effect: 'none' | 'auto' | 'unprovision' | 'composition' | 'composition-norpr';
  /** Path of a PEM file with the public key that images must be signed for. */
  readonly trust: string | undefined;
  readonly fail: readonly Failure[];
  /**
   * Of targets and of devices that become ones: `target` is the composition of the nRF Connect SDK's Target sample, `full` has
   * all foundation servers besides, devices the Remote Provisioning Server, too.
   */
  readonly models: 'target' | 'full';
  /** The updatable images of each such node, in the order of their image indexes: application core, network core, a file. */
  readonly images: readonly SimImage[];
  /** Pairs of a BLOB Transfer and a Firmware Update Server on each such node, on an element each, with images of their own. */
  readonly instances: number;
  /** What new software with `effect=composition` or `composition-norpr` adds: a model on the first element, or an element. */
  readonly adds: 'model' | 'element';
  /** What unprovisioned devices can be authenticated by, see `SimLabel` and `SimUser`; none: nothing. */
  readonly oob: readonly SimOob[];
}

/** `static` and `publickey` stand on the label of a device; `output`: it shows a value, `input`: it takes one. */
export type SimOob = 'static' | 'publickey' | 'output' | 'input';

/** An updatable image of a simulated node: `app` and `net` are MCUboot images, `blob` is any file, applied without a restart. */
export type SimImage = 'app' | 'net' | 'blob';

const SIM_OOB: readonly SimOob[] = ['static', 'publickey', 'output', 'input'];

/** Steps without a Block Number. */
export const FAIL_STEPS = ['metadata', 'busy', 'full', 'silent', 'verify', 'flip', 'apply'] as const;

/** The values of a URI's keys one by one, before they are composed to {@link SimOptions}. */
export interface SimKeys {
  targets: number;
  unprovisioned: number;
  lowpower: number;
  friends: number;
  proxies: number;
  link: SimOptions['link'];
  distributor: number;
  smp: number;
  seed: number;
  topology: TopologyKind;
  hops: number | undefined;
  relays: 'none' | 'all' | number;
  radio: 'honest' | 'ideal';
  loss: number;
  memo: SimOptions['memo'];
  controller: 'interval' | 'single';
  interval: number;
  sets: number;
  rearm: number;
  block: { readonly min: number; readonly max: number };
  chunks: number;
  slot: number;
  peer: 'meshferry' | 'stock';
  segments: number | undefined;
  version: string;
  company: number;
  effect: SimOptions['effect'];
  trust: string | undefined;
  models: SimOptions['models'];
  images: SimOptions['images'];
  instances: number;
  adds: SimOptions['adds'];
  oob: SimOptions['oob'];
}

/** Every key but `fail` (a list of its own), in the order of the canonical text: default, how to read and write it. */
export const SIM_KEYS: { readonly [K in keyof SimKeys]: Key<SimKeys[K]> } = {
  targets: naturalNumber(10, 0, 1000),
  unprovisioned: naturalNumber(0, 0, 1000),
  lowpower: naturalNumber(0, 0, 1000),
  friends: naturalNumber(0, 0, 200),
  proxies: naturalNumber(0, 0, 1000),
  link: choice('adv', ['adv', 'gatt']),
  distributor: naturalNumber(0, 0, 1),
  smp: naturalNumber(0, 0, 1),
  seed: naturalNumber(1, 0, Number.MAX_SAFE_INTEGER),
  topology: choice('full', ['full', 'line', 'grid', 'random']),
  hops: naturalNumber<number | undefined>(undefined, 1, 126),
  relays: numberOrWord('none', ['none', 'all'], 0, 2000),
  radio: choice('honest', ['honest', 'ideal']),
  loss: realNumber(0, 0, 1),
  memo: choice('on', ['on', 'off']),
  controller: choice('interval', ['interval', 'single']),
  interval: realNumber(20, 10, 10_240, ' ms'),
  sets: naturalNumber(1, 1, 16),
  rearm: realNumber(1, 0, 1000, ' ms'),
  block: logRange({ min: 8, max: 12 }, 6, 32),
  chunks: naturalNumber(256, 1, 0xffff),
  slot: naturalNumber(1_048_576, 1, 0xffff_ffff, ' octets'),
  peer: choice('meshferry', ['meshferry', 'stock']),
  segments: naturalNumber<number | undefined>(undefined, 2, 32),
  version: version('0.0.0+0'),
  company: vendorId(0x0059),
  effect: choice('none', ['none', 'auto', 'unprovision', 'composition', 'composition-norpr']),
  trust: optionalText('the path of a PEM file (write %2C for a comma, %25 for a percent sign)'),
  models: choice('target', ['target', 'full']),
  images: someWords(['app'], ['app', 'net', 'blob']),
  instances: naturalNumber(1, 1, 4),
  adds: choice('model', ['model', 'element']),
  oob: wordList('none', SIM_OOB),
};
