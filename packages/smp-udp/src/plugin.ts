import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { openingError } from '@meshferry/byte-streams';
import type { Clock } from '@meshferry/core';
import { type SmpPlugin, type SmpTransport, simpleRoute } from '@meshferry/smp';
import { serveSmpUdp } from './server.ts';
import { packetLimitOf, plainOf, SmpUdpTransport } from './transport.ts';
import { parseSmpUdpUri, type SmpUdpUri, URIS } from './uri.ts';

/** SMP over UDP, for `udp:HOST:PORT`. */
export const smpPlugin: SmpPlugin = {
  scheme: 'udp',
  summary: 'UDP, IPv4 or IPv6',
  uris: URIS,
  route: (uri, { clock }) => {
    const place = parseSmpUdpUri(uri);
    const name = nameOf(place);
    return simpleRoute(`udp:${name}`, () => connect(place, name, clock));
  },
  serve: async (uri, { clock }, meet) => serveSmpUdp({ clock, ...parseSmpUdpUri(uri) }, meet),
};

/**
 * A socket of its own for each link, connected: the system then passes on what comes from this address alone. Whether somebody
 * answers shows with the first request.
 */
async function connect({ host, port, mtu }: SmpUdpUri, name: string, clock: Clock): Promise<SmpTransport> {
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
      clock,
    );
    socket.on('message', (datagram) => transport.arrived(plainOf(datagram)));
    socket.on('error', (error) => transport.failed(error));
    return transport;
  } catch (thrown) {
    throw openingError(name, thrown);
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
