import { connect, type NetConnectOpts } from 'node:net';
import { MeshError } from '@meshferry/core';
import { portError } from './port-error.ts';
import { openSerial } from './serial.ts';
import type { ByteStream, ByteStreamListener } from './stream.ts';
import type { DongleUri } from './uri.ts';

/** How long a connection may take to come about, ms. */
const CONNECT_MS = 5000;
/** Longest wait for the other end to take the last octets, ms. */
const LINGER_MS = 200;

/** Opens what a URI names. Rejects with `bearer-unavailable`, `bearer-permission`, `bearer-busy` or `bearer-failed`. */
export async function openStream(uri: DongleUri): Promise<ByteStream> {
  if (uri.kind === 'serial') return openSerial(uri.path, uri.baudRate);
  const { name } = uri;
  return openSocket(name, uri.kind === 'unix' ? { path: uri.path } : { host: uri.host, port: uri.port, noDelay: true });
}

function openSocket(name: string, options: NetConnectOpts): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const socket = connect(options);
    const timer = setTimeout(() => socket.destroy(new Error('ETIMEDOUT: no answer')), CONNECT_MS);
    let listener: ByteStreamListener | undefined;
    let failure: Error | undefined;
    let isOver = false;
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => {
      clearTimeout(timer);
      isOver = true;
      reject(portError(name, failure)); // nothing happens once it was resolved
      listener?.ended(endedError(name, failure));
    });
    socket.on('connect', () => {
      clearTimeout(timer);
      socket.on('end', () => socket.destroy()); // the other end will not say more
      resolve({
        write: (octets) => void (isOver || socket.write(octets)),
        listen: (next) => {
          listener = next;
          socket.on('data', (octets) => listener?.data(octets));
          if (isOver) queueMicrotask(() => listener?.ended(endedError(name, failure)));
        },
        close: () => {
          listener = undefined;
          if (isOver) return;
          isOver = true;
          const linger = setTimeout(() => socket.destroy(), LINGER_MS);
          socket.on('close', () => clearTimeout(linger));
          socket.end(() => socket.destroy());
        },
      });
    });
  });
}

function endedError(name: string, cause: Error | undefined): MeshError {
  return new MeshError('bearer-lost', `the connection to ${name} ended${cause ? `: ${cause.message}` : ''}`, {
    hint: 'Start the other end again, then open the bearer again.',
    cause,
  });
}
