import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { BearerGround } from '@meshferry/bearer';
import { openingError } from '@meshferry/byte-streams';
import { type Cancel, type Clock, type MeshError, toMeshError } from '@meshferry/core';
import type { SmpPlugin, SmpRoute, SmpTransport } from '@meshferry/smp';
import { serveSmpUdp } from './server.ts';
import { packetLimitOf, plainOf, SmpUdpTransport } from './transport.ts';
import { parseSmpUdpUri, type SmpUdpUri, URIS } from './uri.ts';

/** SMP over UDP, for `udp:HOST:PORT`. */
export const smpPlugin: SmpPlugin = {
  scheme: 'udp',
  summary: 'UDP, IPv4 or IPv6',
  uris: URIS,
  route: (uri, ground) => new UdpRoute(parseSmpUdpUri(uri), ground),
  serve: async (uri, { clock }, meet) => serveSmpUdp({ clock, ...parseSmpUdpUri(uri) }, meet),
};

/** A socket of its own for each link, connected: the system then passes on what comes from this address alone. */
class UdpRoute implements SmpRoute {
  readonly name: string;
  readonly #uri: SmpUdpUri;
  readonly #clock: Clock;

  constructor(uri: SmpUdpUri, { clock }: BearerGround) {
    this.name = `udp:${nameOf(uri)}`;
    this.#uri = uri;
    this.#clock = clock;
  }

  open(done: (outcome: SmpTransport | MeshError) => void): Cancel {
    let isCancelled = false;
    this.#open().then(
      (transport) => {
        if (isCancelled) transport.close();
        else done(transport);
      },
      (thrown) => {
        if (!isCancelled) done(toMeshError(thrown));
      },
    );
    return () => {
      isCancelled = true;
    };
  }

  /** There is nothing besides the links. */
  close(): void {}

  /** Whether somebody answers shows with the first request. */
  async #open(): Promise<SmpTransport> {
    const { host, port, mtu } = this.#uri;
    const name = nameOf(this.#uri);
    try {
      const { address, family } = await lookup(host);
      const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
      await connected(socket, port, address);
      const transport = new SmpUdpTransport(
        {
          name,
          limit: packetLimitOf(mtu, family === 6 ? 'IPv6' : 'IPv4'),
          send: (datagram, sent) => socket.send(datagram, sent),
          close: () => socket.close(),
        },
        this.#clock,
      );
      socket.on('message', (datagram) => transport.arrived(plainOf(datagram)));
      socket.on('error', (error) => transport.failed(error));
      return transport;
    } catch (thrown) {
      throw openingError(name, thrown);
    }
  }
}

function connected(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.connect(port, address, () => {
      socket.removeAllListeners('error');
      resolve();
    });
  });
}

function nameOf({ host, port }: SmpUdpUri): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
