import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Identity } from '../archive/server.ts';

/** A server that does what a test wants, while `ask` runs; https with an identity. */
export async function withServer<T>(
  answer: RequestListener,
  ask: (uri: string) => Promise<T>,
  identity?: Identity,
): Promise<T> {
  const server = identity === undefined ? createServer(answer) : createHttpsServer({ ...identity }, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await ask(
      `${identity === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    );
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
