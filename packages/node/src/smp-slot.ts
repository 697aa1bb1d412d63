import { toHex, type Unicast } from '@meshferry/core';
import { isRefusal, type ShellOutput, type SmpClient, SmpGroup, SmpRefusedError } from '@meshferry/smp';
import { noRoomInSlots, noSlotCommand, slotRefused } from './smp-carrier-errors.ts';

/** What a slot is made for. */
export interface WantedSlot {
  /** Octets of the image. */
  readonly size: number;
  readonly firmwareId: Uint8Array;
  readonly metadata: Uint8Array;
}

const COMMAND = ['mesh', 'models', 'dfu', 'slot', 'add'];
/** The words of Zephyr's shell; before 2023 it said ID. */
const ADDED = /\b(?:index|id):\s*(\d+)/i;
/** Colours for a terminal, as the SMP client hands them over. */
const COLOUR = /\ufffd\[[\d;]*[a-z]/gi;
const NO_ROOM = /failed to reserve|no (?:room|space|slot)/i;
const UNKNOWN = /not found|unknown (?:command|parameter)|wrong parameter count|subcommands:|usage:/i;
/** Error numbers that commands of Zephyr return. */
const Errno = { noExec: -8, noMemory: -12, exists: -17, noSpace: -28, notSupported: -134 } as const;
const COMMAND_TOO_LONG = 2;
const NOT_SUPPORTED = 8;

/**
 * Has the Distributor make a slot for an image [spec: smp section 5.3]. Gives the Firmware Image Index that it has; undefined
 * when the Distributor says only that there is one of this Firmware ID. Rejects with `distributor-no-slot-command`,
 * `no-room-on-distributor`, `distributor-slot-refused`, and with what ends the connection.
 */
export async function addSlot(client: SmpClient, address: Unicast, slot: WantedSlot): Promise<number | undefined> {
  const { size, firmwareId, metadata } = slot;
  const argv = [...COMMAND, String(size), toHex(firmwareId), ...(metadata.length > 0 ? [toHex(metadata)] : [])];
  return slotIndex(address, size, await execute(client, address, argv));
}

/** What the output of the command says. Throws as {@link addSlot} rejects. */
export function slotIndex(address: Unicast, size: number, { o, ret }: ShellOutput): number | undefined {
  const output = o.replace(COLOUR, '');
  const [, index] = ADDED.exec(output) ?? [];
  if (ret === 0 && index !== undefined) return Number(index);
  if (ret === Errno.exists) return undefined;
  const said = output.replace(/\s+/g, ' ').trim();
  if (NO_ROOM.test(output) || ret === Errno.noMemory || ret === Errno.noSpace) throw noRoomInSlots(address, size, said);
  if (UNKNOWN.test(output) || ret === Errno.noExec || ret === Errno.notSupported) throw noSlotCommand(address, said);
  throw slotRefused(address, said === '' ? `error ${ret}` : `${said} (${ret})`);
}

async function execute(client: SmpClient, address: Unicast, argv: readonly string[]): Promise<ShellOutput> {
  try {
    return await client.shell.execute(argv);
  } catch (thrown) {
    if (!(thrown instanceof SmpRefusedError)) throw thrown;
    const { message } = thrown;
    if (isRefusal(thrown, 'smp', NOT_SUPPORTED)) throw noSlotCommand(address, 'it has no shell group', thrown);
    const isTooLong = isRefusal(thrown, SmpGroup.shell, COMMAND_TOO_LONG);
    throw slotRefused(address, isTooLong ? 'its shell takes no line as long as the metadata needs' : message, thrown);
  }
}
