import { MeshError } from '@meshferry/core';
import { portError } from './port-error.ts';
import type { ByteStream, ByteStreamListener } from './stream.ts';

/** Native code, so it is imported when a port is opened, not before. */
type SerialPortModule = typeof import('serialport');

/** Longest wait for the last octets to leave, ms. */
const LINGER_MS = 200;

/** Loads the package `serialport`. Rejects with `bearer-unavailable` and the command that installs it. */
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
 * Opens a serial port for this process alone: 8 data bits, no parity, 1 stop bit, no flow control (frames and credits do
 * without), DTR set, which USB firmware takes for "somebody is there". Rejects as `BearerPlugin.open` does.
 */
export async function openSerial(path: string, baudRate: number): Promise<ByteStream> {
  const { SerialPort } = await loadSerialPort();
  const port = new SerialPort({ path, baudRate, lock: true, hupcl: true, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error ? reject(portError(path, error)) : resolve()));
  });
  // A pseudo-terminal has no modem lines, and works as well.
  await new Promise<void>((resolve) => port.set({ dtr: true, rts: true }, () => resolve()));
  let listener: ByteStreamListener | undefined;
  let failure: Error | undefined;
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    listener?.ended(lostError(path, failure));
  };
  port.on('error', (error) => {
    failure ??= error;
    if (port.isOpen) port.close(() => end());
    else end();
  });
  port.on('close', (error: Error | undefined) => {
    failure ??= error;
    end();
  });
  return {
    write: (octets) => void (isOver || port.write(octets)),
    listen: (next) => {
      listener = next;
      port.on('data', (octets: Uint8Array) => listener?.data(octets));
      if (isOver) queueMicrotask(() => listener?.ended(lostError(path, failure)));
    },
    close: () => {
      listener = undefined;
      if (isOver) return;
      isOver = true;
      const close = () => port.isOpen && port.close(() => {});
      const timer = setTimeout(close, LINGER_MS);
      port.drain(() => {
        clearTimeout(timer);
        close();
      });
    },
  };
}

function lostError(path: string, cause: Error | undefined): MeshError {
  return new MeshError('bearer-lost', `the dongle at ${path} is gone`, {
    hint: 'Plug it in again, then open the bearer again.',
    cause,
  });
}
