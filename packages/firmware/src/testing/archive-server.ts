import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on the loopback interface that answers as a test wants. */
export interface TestServer {
  readonly uri: string;
  /** Host and port. */
  readonly host: string;
  /** Paths with queries, as they came. */
  readonly requests: string[];
  /** Resolves when so many requests have come. */
  heard(count: number): Promise<void>;
  close(): Promise<void>;
}

export type Answering = (request: IncomingMessage, response: ServerResponse) => void;

export async function testServer(answer: Answering): Promise<TestServer> {
  const requests: string[] = [];
  let wake: () => void = () => {};
  const server: Server = createServer((request, response) => {
    requests.push(request.url ?? '');
    answer(request, response);
    wake();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    uri: `http://${host}/lamp`,
    host,
    requests,
    heard: async (count) => {
      while (requests.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The JSON of a check answer. */
export function offerJson(firmwareId: string, size: number, chain = 1): string {
  const firmware = { firmware_id: firmwareId, dfu_chain_size: chain, firmware_image_file_size: size };
  return JSON.stringify({ manifest: { firmware } });
}

/** Answers with a status, a type and a body. */
export function reply(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
