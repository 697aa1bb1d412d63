import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';

/** A server on the loopback interface that sends octets as a test wants: no HTTP unless the test writes it. */
export interface RawServer {
  readonly port: number;
  readonly uri: string;
  close(): Promise<void>;
}

/** `answer` is called once the head of a request has come. */
export async function rawServer(answer: (socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let heard = '';
    socket.on('error', () => {});
    socket.on('data', (octets) => {
      if (heard.includes('\r\n\r\n')) return;
      heard += octets.toString('latin1');
      if (heard.includes('\r\n\r\n')) answer(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    uri: `http://127.0.0.1:${port}/lamp`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** The head of an answer with these headers, and what follows it. */
export function rawAnswer(headers: string, body: Uint8Array = new Uint8Array(0)): Buffer {
  return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${headers}\r\n`), body]);
}
