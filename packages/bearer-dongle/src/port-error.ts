import { MeshError } from '@meshferry/core';

/** What a port or socket says when it cannot be opened, and what that means for people. */
const KINDS: readonly { says: RegExp; code: string; message: (name: string) => string; hint: string }[] = [
  {
    says: /EACCES|EPERM|permission denied/i,
    code: 'bearer-permission',
    message: (name) => `no permission to open ${name}`,
    hint: 'On Linux add yourself to the group of the device (often `sudo usermod -aG dialout $USER`) and log in again.',
  },
  {
    says: /EBUSY|EAGAIN|EWOULDBLOCK|cannot lock port|access denied/i,
    code: 'bearer-busy',
    message: (name) => `${name} is in use by another program`,
    hint: 'Close the other program that has it open.',
  },
  {
    says: /ENOENT|ENXIO|ENODEV|no such file|file not found/i,
    code: 'bearer-unavailable',
    message: (name) => `there is no ${name}`,
    hint: 'Plug the dongle in, or correct the name in the bearer URI.',
  },
  {
    says: /ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN/,
    code: 'bearer-unavailable',
    message: (name) => `nothing answers at ${name}`,
    hint: 'Start the program that offers the dongle there, or correct the address in the bearer URI.',
  },
];

/** Why a port or socket could not be opened: one of the errors of `BearerPlugin.open`. */
export function portError(name: string, cause: Error | undefined): MeshError {
  const told = `${(cause as NodeJS.ErrnoException | undefined)?.code ?? ''} ${cause?.message ?? 'it closed at once'}`;
  const kind = KINDS.find(({ says }) => says.test(told));
  if (kind !== undefined) return new MeshError(kind.code, kind.message(name), { hint: kind.hint, cause });
  return new MeshError('bearer-failed', `cannot open ${name}: ${told.trim()}`, {
    hint: 'Check that it is a serial port or a socket.',
    cause,
  });
}
