import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { MeshError } from '@meshferry/core';
import { openingError } from './opening-error.ts';
import type { HostPort } from './place.ts';
import type { ByteStream, ByteStreamListener } from './stream.ts';

/** Where a socket is: a TCP port, or the path of a UNIX socket. */
export type SocketPlace = HostPort | { readonly path: string };

/** How long a connection may take to come about, ms. */
const CONNECT_MS = 5000;
/** Longest wait for the other end to take the last octets, ms. */
const LINGER_MS = 200;

/** Connects to a TCP port or a UNIX socket. Rejects with `bearer-unavailable`, `bearer-permission` or `bearer-failed`. */
export function openSocket(where: SocketPlace): Promise<ByteStream> {
  const name = 'path' in where ? where.path : `${where.host}:${where.port}`;
  const options: NetConnectOpts = 'path' in where ? { path: where.path } : { ...where, noDelay: true, keepAlive: true };
  return new Promise((resolve, reject) => {
    const socket = connect(options);
    const timer = setTimeout(
      () => socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
      CONNECT_MS,
    );
    const failed = (error: Error) => {
      clearTimeout(timer);
      reject(openingError(name, error));
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', failed);
      resolve(socketStream(socket, name));
    });
  });
}

/** A connected socket as a byte stream; `name` is for messages. It stays paused until somebody listens. */
export function socketStream(socket: Socket, name: string): ByteStream {
  let listener: ByteStreamListener | undefined;
  let failure: Error | undefined;
  let isOver = false;
  socket.pause();
  socket.on('error', (error) => {
    failure = error;
  });
  socket.on('close', () => {
    isOver = true;
    listener?.ended(endedError(name, failure));
  });
  return {
    write: (octets) => isOver || socket.write(octets),
    flush: (done) => {
      if (isOver || socket.writableLength === 0) queueMicrotask(done);
      else socket.write('', () => done());
    },
    listen: (next) => {
      listener = next;
      socket.on('data', (octets) => listener?.data(octets));
      socket.on('drain', () => listener?.drained?.());
      // The other end will not say more: there is nobody to talk to any more.
      socket.on('end', () => socket.destroy());
      socket.resume();
      if (isOver) queueMicrotask(() => listener?.ended(endedError(name, failure)));
    },
    close: () => {
      listener = undefined;
      isOver = true;
      // What was written still goes out, as long as the other end takes it at once.
      socket.end(() => socket.destroy());
      setTimeout(() => socket.destroy(), LINGER_MS).unref();
    },
  };
}

function endedError(name: string, cause: Error | undefined): MeshError {
  return new MeshError('bearer-lost', `the connection to ${name} ended${cause ? `: ${cause.message}` : ''}`, {
    hint: 'Start the other end again, or end what else uses it (many take one host at a time), then open it again.',
    cause,
  });
}
