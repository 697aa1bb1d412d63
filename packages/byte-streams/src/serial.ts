import { MeshError, toMeshError } from '@meshferry/core';
import { openingError } from './opening-error.ts';
import type { ByteStream, ByteStreamListener } from './stream.ts';
import { watchForUnplug } from './unplugged.ts';

/** How {@link openSerial} opens a port. */
export interface SerialOptions {
  /** Bits a second. */
  readonly baudRate: number;
  /** Flow control by the lines RTS and CTS. Default: none. */
  readonly rtscts?: boolean;
  /** Whether closing the port hangs up (DTR falls), by which a device knows that its host has gone. Default: not. */
  readonly hangUp?: boolean;
}

/** What the system knows of a serial port. */
export interface SerialPortInfo {
  readonly path: string;
  /** USB vendor id in hex; undefined for a port of the board itself. */
  readonly vendorId: string | undefined;
}

/** Native code, so it is imported when a port is opened, not before. */
type SerialPortModule = typeof import('serialport');

/** Longest wait for the last octets to leave, ms. */
const LINGER_MS = 200;

/** Why no serial port can be opened here at all: `bearer-unavailable` with the command that helps; undefined: they can. */
export async function serialProblem(): Promise<MeshError | undefined> {
  try {
    await loadSerialPort();
    return undefined;
  } catch (thrown) {
    return toMeshError(thrown);
  }
}

/** The serial ports of this machine; undefined where they cannot be listed. Rejects with `bearer-unavailable` as {@link openSerial}. */
export async function listSerialPorts(): Promise<readonly SerialPortInfo[] | undefined> {
  const { SerialPort } = await loadSerialPort();
  const ports = await SerialPort.list().catch(() => undefined);
  return ports?.map(({ path, vendorId }) => ({ path, vendorId }));
}

/**
 * Opens a serial port for this process alone: 8 data bits, no parity, 1 stop bit, DTR set, which USB firmware takes for "somebody
 * is there". Rejects with `bearer-unavailable`, `bearer-permission`, `bearer-busy` or `bearer-failed`.
 */
export async function openSerial(path: string, options: SerialOptions): Promise<ByteStream> {
  const { SerialPort } = await loadSerialPort();
  const { baudRate, rtscts = false, hangUp = false } = options;
  // `lock` asks the kernel for the port alone (TIOCEXCL).
  const port = new SerialPort({ path, baudRate, rtscts, lock: true, hupcl: hangUp, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error ? reject(openingError(path, error)) : resolve()));
  });
  // A pseudo-terminal has no modem lines and a port without them works as well.
  await new Promise<void>((resolve) => port.set({ dtr: true, rts: true }, () => resolve()));
  let listener: ByteStreamListener | undefined;
  let failure: Error | undefined;
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    unwatch();
    listener?.ended(lostError(path, failure));
  };
  const unwatch = watchForUnplug(path, () => (port.isOpen ? port.close(() => end()) : end()));
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
    write: (octets) => isOver || port.write(octets),
    flush: (done) => {
      if (isOver) queueMicrotask(done);
      else port.drain(() => done());
    },
    listen: (next) => {
      listener = next;
      port.on('data', (octets: Uint8Array) => listener?.data(octets));
      port.on('drain', () => listener?.drained?.());
      if (isOver) queueMicrotask(() => listener?.ended(lostError(path, failure)));
    },
    close: () => {
      listener = undefined;
      if (isOver) return;
      isOver = true;
      unwatch();
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

async function loadSerialPort(): Promise<SerialPortModule> {
  try {
    return await import('serialport');
  } catch (cause) {
    throw new MeshError('bearer-unavailable', 'serial ports need the package serialport, which cannot be loaded', {
      hint: 'Install it with `npm install serialport@13`.',
      cause,
    });
  }
}

function lostError(path: string, cause: Error | undefined): MeshError {
  return new MeshError('bearer-lost', `the serial port ${path} is gone${cause ? `: ${cause.message}` : ''}`, {
    hint: 'Plug the device in again, then open it again.',
    cause,
  });
}
