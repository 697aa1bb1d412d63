import { fromHex, MeshError, toHex } from '@meshferry/core';
import { DistributionPhase, type FirmwareDistributionServer } from '@meshferry/dfu';
import type { SmpServerOptions } from '@meshferry/smp';
import type { SlotFilling } from './distributor-filling.ts';

type ShellOutput = NonNullable<ReturnType<NonNullable<SmpServerOptions['shell']>>>;

/** Error numbers of Zephyr. */
const Errno = { notExecutable: -8, busy: -16, invalid: -22 } as const;
const USAGE: Readonly<Record<string, string>> = {
  add: 'add <Size> [<FwID>] [<Metadata>]',
  del: 'del <SlotIdx>',
  'del-all': 'del-all',
  get: 'get <SlotIdx>',
};

/**
 * `mesh models dfu slot …`, as Zephyr's shell has it and Nordic's Distributor sample offers it over SMP: slots for images
 * that come over SMP instead of the mesh [spec: smp section 5.3]. Undefined for what it does not know.
 */
export function distributorShell(
  argv: readonly string[],
  distribution: FirmwareDistributionServer,
  filling: SlotFilling,
): ShellOutput | undefined {
  const [mesh, models, dfu, slot, command = '', ...args] = argv;
  if (`${mesh} ${models} ${dfu} ${slot}` !== 'mesh models dfu slot') return undefined;
  const { slots } = distribution;
  switch (command) {
    case 'add':
      return args.length < 1 || args.length > 3 ? wrongCount(command) : add(args, filling);
    case 'del': {
      const index = numberOf(args[0]);
      if (args.length !== 1) return wrongCount(command);
      if (index === undefined) return unreadable();
      if (slots.images[index] === undefined) return said(0, `No slot at ${index}`);
      if (isInUse(distribution)) return said(0, `Failed deleting slot ${index} (err: ${Errno.busy})`);
      slots.delete(index);
      return said(0, `Slot ${index} deleted.`);
    }
    case 'del-all':
      if (isInUse(distribution)) return said(0, `Failed deleting slots (err: ${Errno.busy})`);
      slots.deleteAll();
      return said(0, 'All slots deleted.');
    case 'get': {
      const index = numberOf(args[0]);
      if (args.length !== 1) return wrongCount(command);
      if (index === undefined) return unreadable();
      const image = slots.images[index];
      if (image === undefined) return said(0, `No slot at ${index}`);
      const { size, firmwareId, metadata } = image;
      const rows = [`Size:     ${size} bytes`, `FWID:     ${toHex(firmwareId)}`, `Metadata: ${toHex(metadata)}`];
      return said(0, `Slot ${index}:`, ...rows.map((row) => `\t${row}`));
    }
    default:
      return said(Errno.notExecutable, 'slot - Slot commands', 'Subcommands:', ...Object.values(USAGE));
  }
}

function add([sizeText, idText = '', metadataText = '']: readonly string[], filling: SlotFilling): ShellOutput {
  const size = numberOf(sizeText);
  const firmwareId = octetsOf(idText);
  const metadata = octetsOf(metadataText);
  if (size === undefined || firmwareId === undefined || metadata === undefined) return unreadable();
  const begun = `Adding slot (size: ${size})`;
  const added = filling.begin({ firmwareId, metadata, size });
  if (typeof added === 'number') return said(0, begun, `Slot added. Index: ${added}`);
  if (added.code === 'bad-image') return said(Errno.invalid, begun, `Failed to commit slot: ${Errno.invalid}`);
  return said(0, begun, 'Failed to reserve slot.');
}

/** A distribution knows its image by its index. */
function isInUse({ phase }: FirmwareDistributionServer): boolean {
  return phase !== DistributionPhase.idle;
}

function numberOf(text = ''): number | undefined {
  return /^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text) ? Number(text) : undefined;
}

function octetsOf(text: string): Uint8Array | undefined {
  try {
    return fromHex(text);
  } catch (thrown) {
    if (thrown instanceof MeshError) return undefined;
    throw thrown;
  }
}

function unreadable(): ShellOutput {
  return said(Errno.invalid, 'Unable to parse input string argument');
}

function wrongCount(command: string): ShellOutput {
  return said(Errno.invalid, `${command}: wrong parameter count`, USAGE[command] ?? '');
}

function said(ret: number, ...lines: readonly string[]): ShellOutput {
  return { output: lines.map((line) => `${line}\r\n`).join(''), ret };
}
