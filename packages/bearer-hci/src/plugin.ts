import { readdir } from 'node:fs/promises';
import type { Bearer, BearerGround, BearerPlugin } from '@meshferry/bearer';
import { serialProblem } from '@meshferry/byte-streams';
import { MeshError } from '@meshferry/core';
import { HciBearer } from './bearer.ts';
import { openStream } from './open-stream.ts';
import { parseHciUri, URIS } from './uri.ts';

/** A Bluetooth controller over HCI, for `hci:serial:`, `hci:tcp:` and `hci:unix:`. */
export const bearer: BearerPlugin = {
  scheme: 'hci',
  summary: 'a Bluetooth controller over HCI (H4): serial port, TCP or UNIX socket',
  uris: URIS,
  check,
  open,
};

async function open(uri: string, ground: BearerGround): Promise<Bearer> {
  const stream = await openStream(parseHciUri(uri));
  return HciBearer.open(stream, ground);
}

/** Sockets can always be opened; what may be missing is the package for serial ports, or a port. */
async function check(uri?: string): Promise<MeshError | null> {
  if (uri === undefined || parseHciUri(uri).kind !== 'serial') return null;
  const problem = await serialProblem();
  if (problem !== undefined) return problem;
  return (await hasSerialPort()) ? null : noPortError();
}

/** By name, as listing ports through the package would start a program of the system. */
async function hasSerialPort(): Promise<boolean> {
  // Windows has its ports elsewhere; there the user knows the name.
  if (process.platform === 'win32') return true;
  const names = await readdir('/dev').catch(() => []);
  return names.some((name) => /^(tty(ACM|USB|AMA)\d|(cu|tty)\.usb)/.test(name));
}

function noPortError(): MeshError {
  return new MeshError('bearer-unavailable', 'there is no serial port with a controller on this machine', {
    hint: 'Plug in a board with HCI firmware (Zephyr: samples/bluetooth/hci_uart).',
  });
}
