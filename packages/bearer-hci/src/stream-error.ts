import { MeshError } from '@meshferry/core';

/** Why a port or socket could not be opened, as the error that people see. */
export function openingError(name: string, thrown: unknown): MeshError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const told = `${code} ${error.message}`;
  const make = (kind: string, message: string, hint: string) => new MeshError(kind, message, { hint, cause: error });
  if (/EACCES|EPERM|[Pp]ermission denied/.test(told)) {
    return make(
      'bearer-permission',
      `no permission to open ${name}`,
      'On Linux add yourself to the group of the device (often `sudo usermod -aG dialout $USER`) and log in again.',
    );
  }
  if (/EBUSY|EAGAIN|[Cc]annot lock port|[Ll]ocked|Access denied/.test(told)) {
    return make('bearer-busy', `${name} is in use by another program`, 'Close the other program that has it open.');
  }
  if (/ENOENT|ENXIO|ENODEV|No such file|File not found/.test(told)) {
    return make(
      'bearer-unavailable',
      `there is no ${name}`,
      'Plug the device in, or correct the name in the bearer URI.',
    );
  }
  if (/ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN/.test(told)) {
    return make(
      'bearer-unavailable',
      `nothing answers at ${name}${code ? ` (${code})` : ''}`,
      'Start the program that offers the controller there, or correct the address in the bearer URI.',
    );
  }
  return make('bearer-failed', `cannot open ${name}: ${error.message}`, 'Check that it is a serial port or socket.');
}
