import { createSocket, type RemoteInfo } from 'node:dgram';
import { openingError } from '@meshferry/byte-streams';
import type { Clock } from '@meshferry/core';
import type { SmpTransport } from '@meshferry/smp';
import { packetLimitOf, plainOf, SmpUdpTransport } from './transport.ts';
import { SMP_PORT } from './uri.ts';

/** Where a server listens. */
export interface SmpUdpServerOptions {
  readonly clock: Clock;
  /** Default 1337; 0: any that is free. */
  readonly port?: number;
  /** Address of this machine to listen at. Default `127.0.0.1`: whoever can send to it can change the firmware. */
  readonly host?: string;
}

/** A UDP port that is being served. */
export interface SmpUdpServer {
  readonly port: number;
  /** Ends all links and frees the port. */
  close(): void;
}

/** Octets of the longest IP packet. */
const LONGEST_DATAGRAM = 65_535;
/** Askers that are remembered; of more the one that asked first is forgotten. */
const ASKERS_MAX = 64;

/**
 * Serves SMP on a UDP port: `meet` gets a transport for each address that asks, with its first packet to come, for example
 * `(transport) => server.attach(transport)`. Rejects with `bearer-busy`, `bearer-permission`, `bearer-unavailable` or `bearer-failed`.
 */
export async function serveSmpUdp(
  options: SmpUdpServerOptions,
  meet: (transport: SmpTransport) => void,
): Promise<SmpUdpServer> {
  const { clock, port = SMP_PORT, host = '127.0.0.1' } = options;
  const family = host.includes(':') ? 'IPv6' : 'IPv4';
  const socket = createSocket(family === 'IPv6' ? 'udp6' : 'udp4');
  const askers = new Map<string, SmpUdpTransport>();

  const join = (name: string, { address, port: from }: RemoteInfo): SmpUdpTransport => {
    const [oldest] = askers.values();
    if (askers.size >= ASKERS_MAX) oldest?.close();
    const asker = new SmpUdpTransport(
      {
        name,
        // An answer has the length that it has: on a path that is narrower IP cuts it, as that of a Zephyr server.
        limit: packetLimitOf(LONGEST_DATAGRAM, family),
        send: (datagram, sent) => socket.send(datagram, from, address, sent),
        close: () => askers.delete(name),
      },
      clock,
    );
    askers.set(name, asker);
    meet(asker);
    return asker;
  };

  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => reject(openingError(`UDP port ${port}`, error)));
    socket.bind(port, host, resolve);
  });
  socket.removeAllListeners('error');
  // That an asker has gone says nothing about the others.
  socket.on('error', () => {});
  socket.on('message', (datagram, from) => {
    const name = `${from.address}:${from.port}`;
    (askers.get(name) ?? join(name, from)).arrived(plainOf(datagram));
  });
  return {
    port: socket.address().port,
    close: () => {
      for (const asker of [...askers.values()]) asker.close();
      socket.close();
    },
  };
}
