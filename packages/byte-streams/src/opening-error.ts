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
    says: /EBUSY|EADDRINUSE|EAGAIN|EWOULDBLOCK|cannot lock port|locked|access denied/i,
    code: 'bearer-busy',
    message: (name) => `${name} is in use by another program`,
    hint: 'Close the other program that has it open.',
  },
  {
    says: /ENOENT|ENXIO|ENODEV|no such file|file not found/i,
    code: 'bearer-unavailable',
    message: (name) => `there is no ${name}`,
    hint: 'Plug the device in, or correct the name in the URI.',
  },
  {
    says: /ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN/,
    code: 'bearer-unavailable',
    message: (name) => `nothing answers at ${name}`,
    hint: 'Start the program that offers the device there, or correct the address in the URI.',
  },
];

/**
 * Why a port or socket could not be opened, as the error that people see: `bearer-permission`, `bearer-busy`, `bearer-unavailable`,
 * or `bearer-failed` for what is none of these. `thrown`: what the system said; undefined if it closed without a word.
 */
export function openingError(name: string, thrown: unknown): MeshError {
  const told = whatWasTold(thrown);
  const kind = KINDS.find(({ says }) => says.test(told));
  if (kind !== undefined) return new MeshError(kind.code, kind.message(name), { hint: kind.hint, cause: thrown });
  return new MeshError('bearer-failed', `cannot open ${name}: ${told}`, {
    hint: 'Check that it is a serial port or a socket.',
    cause: thrown,
  });
}

function whatWasTold(thrown: unknown): string {
  if (thrown === undefined) return 'it closed at once';
  if (!(thrown instanceof Error)) return String(thrown);
  const { code = '' } = thrown as NodeJS.ErrnoException;
  return thrown.message.includes(code) ? thrown.message : `${code} ${thrown.message}`;
}
