import { MeshError } from '@meshferry/core';
import type { ByteStream, ByteStreamListener } from './stream.ts';
import { openingError } from './stream-error.ts';

/** What is used of the package `serialport`; all of it native, so it is imported when a port is opened, not before. */
type SerialPortModule = typeof import('serialport');

/** Loads `serialport`. Rejects with `bearer-unavailable` and the command that installs it. */
export async function loadSerialPort(): Promise<SerialPortModule> {
  try {
    return await import('serialport');
  } catch (cause) {
    throw new MeshError('bearer-unavailable', 'serial ports need the package serialport, which cannot be loaded', {
      hint: 'Install it with `npm install serialport@13`.',
      cause,
    });
  }
}

/**
 * Opens a serial port: 8 data bits, no parity, 1 stop bit, RTS/CTS or not, exclusively, DTR set as USB firmware expects. Rejects
 * with `bearer-unavailable`, `bearer-permission`, `bearer-busy` or `bearer-failed`.
 */
export async function openSerial(path: string, baudRate: number, rtscts: boolean): Promise<ByteStream> {
  const { SerialPort } = await loadSerialPort();
  // `lock` asks the kernel for the port alone (TIOCEXCL).
  const port = new SerialPort({ path, baudRate, rtscts, lock: true, hupcl: false, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error ? reject(openingError(path, error)) : resolve()));
  });
  // A pseudo-terminal has no modem lines and a port without them works as well.
  await new Promise<void>((resolve) => port.set({ dtr: true, rts: true }, () => resolve()));
  let listener: ByteStreamListener | undefined;
  let failure: Error | undefined;
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    listener?.ended(lostError(path, failure));
  };
  port.on('error', (error) => {
    failure = error;
    if (port.isOpen) port.close(() => end());
    else end();
  });
  port.on('close', (error: Error | undefined) => {
    failure ??= error;
    end();
  });
  return {
    write: (octets) => over || port.write(octets),
    listen: (next) => {
      listener = next;
      port.on('data', (octets: Uint8Array) => listener?.data(octets));
      port.on('drain', () => listener?.drained());
      if (over) queueMicrotask(() => listener?.ended(lostError(path, failure)));
    },
    close: () => {
      listener = undefined;
      if (over) return;
      over = true;
      const close = () => port.isOpen && port.close(() => {});
      // What was written still goes out; a line held by flow control does not keep the port open for it.
      const timer = setTimeout(close, LINGER_MS);
      port.drain(() => {
        clearTimeout(timer);
        close();
      });
    },
  };
}

/** Longest wait for the last octets to leave, ms. */
const LINGER_MS = 200;

function lostError(path: string, failure: Error | undefined): MeshError {
  return new MeshError('bearer-lost', `the serial port ${path} is gone${failure ? `: ${failure.message}` : ''}`, {
    hint: 'Plug the device in again, then open the bearer again.',
    cause: failure,
  });
}
