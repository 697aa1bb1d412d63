import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ArchiveAnswer, answerRequest } from './answer.ts';
import type { Release } from './releases.ts';

/** Certificate and private key in PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** How {@link startArchiveServer} listens. */
export interface ServeOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Serves https; without it http. */
  readonly identity?: Identity;
  /** Called when an answer was sent, or given up. */
  readonly answered: (request: IncomingMessage, answer: ArchiveAnswer) => void;
}

/** A running server. */
export interface ArchiveServer {
  readonly port: number;
  /** Stops at once, requests under way included. */
  close(): Promise<void>;
}

/** Whoever is slower, or asks for more, is cut off. */
const LIMITS: ServerOptions = {
  maxHeaderSize: 8192,
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 5000,
};
const MOST_CONNECTIONS = 64;
const IDLE_MS = 30_000;

/** Serves releases; rejects with the error of the socket when it cannot listen. */
export async function startArchiveServer(releases: readonly Release[], options: ServeOptions): Promise<ArchiveServer> {
  const listener: RequestListener = (request, response) => {
    const answer = answerRequest(releases, request.method ?? '', request.url ?? '');
    const headers = {
      ...answer.headers,
      'content-length': Buffer.byteLength(answer.body),
      'cache-control': 'no-store',
    };
    // A body that was not asked for is not waited for.
    if (request.method !== 'GET' && request.method !== 'HEAD') response.shouldKeepAlive = false;
    response.on('close', () => options.answered(request, answer));
    response.writeHead(answer.status, headers);
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  };
  const { identity } = options;
  const server: Server = identity
    ? createHttpsServer({ ...LIMITS, ...identity }, listener)
    : createHttpServer(LIMITS, listener);
  server.maxConnections = MOST_CONNECTIONS;
  server.setTimeout(IDLE_MS);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
