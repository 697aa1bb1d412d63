import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { hostClock, hostRandom } from '@meshferry/core';
import { EmulatedAir } from '../../../../packages/bearer-hci/src/testing/emulated-air.ts';
import { socketStream } from '../../../../packages/bearer-hci/src/testing/socket.ts';

/** Two pseudo-terminals that are the ends of one line, by socat, until the function given back is called. */
export async function ptyPair(one: string, other: string): Promise<() => void> {
  const child = spawn('socat', [`pty,raw,echo=0,link=${one}`, `pty,raw,echo=0,link=${other}`], { stdio: 'ignore' });
  while (!existsSync(one) || !existsSync(other)) await wait(20);
  return () => child.kill();
}

/** Emulated Bluetooth controllers in one air, in real time: whoever connects gets one of his own. */
export class Controllers {
  readonly air: EmulatedAir = new EmulatedAir(hostClock(globalThis), hostRandom(globalThis.crypto));
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #ends: (() => void)[] = [];

  /** A TCP port; 0: any. */
  async tcp(port = 0): Promise<number> {
    const server = await this.#serve({ host: '127.0.0.1', port });
    return (server.address() as AddressInfo).port;
  }

  /** A UNIX socket. */
  async unix(path: string): Promise<void> {
    await this.#serve({ path });
  }

  /** A pseudo-terminal with a controller behind it, by socat. */
  async serial(path: string): Promise<void> {
    const port = await this.tcp();
    const child = spawn('socat', [`pty,raw,echo=0,link=${path}`, `tcp:127.0.0.1:${port}`], { stdio: 'ignore' });
    this.#ends.push(() => child.kill());
    while (!existsSync(path)) await wait(20);
  }

  /** As if all of them were unplugged. */
  unplug(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    for (const end of this.#ends) end();
    this.unplug();
    for (const server of this.#servers) server.close();
  }

  async #serve(where: { host: string; port: number } | { path: string }): Promise<Server> {
    const server = createServer({ noDelay: true }, (socket) => this.#attach(socket));
    this.#servers.push(server);
    server.listen(where);
    await once(server, 'listening');
    return server;
  }

  #attach(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    this.air.attach(socketStream(socket, 'host'));
  }
}

export const hasSocat: boolean = spawnSync('socat', ['-V']).status === 0;
