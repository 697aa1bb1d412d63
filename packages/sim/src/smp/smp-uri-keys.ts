import { BOOT_MODES, type BootMode, type PersonalityName } from '@meshferry/smp';
import { choice, type Key, naturalNumber, optionalText, realNumber, version, wordList } from '../uri-values.ts';

/** Requests that can be answered without being carried out. */
export type IgnoredRequest = 'test' | 'confirm' | 'reset';

/** All that a `sim:smp` URI says but its failures, see `SimSmpOptions`. */
export interface SimSmpKeys {
  /** Of the image that runs at first, in the full form `1.2.3+4`. */
  version: string;
  /** Whether the bootloader lets an older image replace a newer one: 0 or 1. */
  downgrade: number;
  mode: BootMode;
  /** 2: application and network core. */
  images: number;
  /** Octets of a slot; whole sectors. */
  slot: number;
  /** Path of a PEM file with the public key that images must be signed for, or `any`; undefined: MCUboot's sample keys. */
  trust: string | undefined;
  /** 1: a server that knows SMP version 1 alone. */
  smp: number;
  /** Whose ways the server has. */
  server: PersonalityName;
  mtu: number;
  /** Connection interval, ms, and values of an event each way. */
  interval: number;
  packets: number;
  /** Of the serial line that it is reached over instead of Bluetooth; undefined: 115200 with one slot, else Bluetooth. */
  baud: number | undefined;
  bufsize: number;
  bufcount: number;
  /** Whether packets that come in several writes are put together: 0 or 1. */
  reassembly: number;
  /** Whether it tells its buffers, its bootloader, and reasons of errors; whether it checks an uploaded file: 0 or 1. */
  params: number;
  bootinfo: number;
  verbose: number;
  check: number;
  /** Octets of the hashes that images are tested and confirmed by; a real build takes one length alone. */
  hash: 'any' | '32' | '48' | '64';
  /** Octets of what the flash erases and writes at once, and the ms that a sector and 1024 octets take. */
  sector: number;
  align: number;
  erase: number;
  write: number;
  /** From power to the application, ms. */
  boot: number;
  /** Between two commands with the same state: `stays` on, or `cycles`, so that the bootloader has its say. */
  power: 'stays' | 'cycles';
  /** What it advertises. */
  name: string | undefined;
  /** `changes`: a new one at each start. */
  address: 'stays' | 'changes';
  ignore: readonly IgnoredRequest[];
  /** Chances that a notification is lost, and that it comes twice. */
  loss: number;
  twice: number;
  /** Notifications come up to so much later, ms, in their order. */
  delay: number;
  /** 1: notifications are cut and joined at any octet. */
  recut: number;
  seed: number;
}

const MODES = Object.keys(BOOT_MODES) as BootMode[];
const yes = naturalNumber(1, 0, 1);
const no = naturalNumber(0, 0, 1);

/** Every key but `fail`, in the order of the canonical text. */
export const SIM_SMP_KEYS: { readonly [K in keyof SimSmpKeys]: Key<SimSmpKeys[K]> } = {
  version: version('0.0.0+0'),
  downgrade: yes,
  mode: choice('move', MODES),
  images: naturalNumber(1, 1, 2),
  slot: naturalNumber(512 * 1024, 0x8000, 0x100_0000, ' octets'),
  trust: optionalText('the path of a PEM file (write %2C for a comma, %25 for a percent sign), or any'),
  smp: naturalNumber(2, 1, 2),
  server: choice('zephyr-4.4.0', ['zephyr-4.4.0', 'zephyr-3.4.99']),
  mtu: naturalNumber(498, 23, 517),
  interval: realNumber(15, 7.5, 4000, ' ms'),
  packets: naturalNumber(6, 1, 100),
  baud: naturalNumber<number | undefined>(undefined, 1200, 4_000_000, ' (a serial line instead of Bluetooth)'),
  bufsize: naturalNumber(2475, 64, 65_535, ' octets'),
  // A request and its answer take one each.
  bufcount: naturalNumber(4, 2, 255),
  reassembly: yes,
  params: yes,
  bootinfo: yes,
  verbose: no,
  check: no,
  hash: choice('any', ['any', '32', '48', '64']),
  sector: naturalNumber(4096, 256, 0x2_0000, ' octets'),
  align: naturalNumber(4, 1, 32, ' octets'),
  // As the RRAM of an nRF54L15. That of an nRF52840 is erase=85,write=10.
  erase: realNumber(6, 0, 10_000, ' ms'),
  write: realNumber(1.4, 0, 10_000, ' ms'),
  boot: realNumber(300, 0, 600_000, ' ms'),
  power: choice('stays', ['stays', 'cycles']),
  name: optionalText('a name of up to 29 octets (write %2C for a comma, %25 for a percent sign)'),
  address: choice('stays', ['stays', 'changes']),
  ignore: wordList('none', ['test', 'confirm', 'reset']),
  loss: realNumber(0, 0, 1),
  twice: realNumber(0, 0, 1),
  delay: realNumber(0, 0, 60_000, ' ms'),
  recut: no,
  seed: naturalNumber(1, 0, Number.MAX_SAFE_INTEGER),
};
