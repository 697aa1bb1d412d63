import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import { MeshError, toMeshError } from '@meshferry/core';

const LOOPBACK = '127.0.0.1';

/** What all sockets of one group and port on this computer share. */
export interface Multicast {
  /** `sent` is called once, never before this returned. */
  send(datagram: Uint8Array, sent: (error?: MeshError) => void): void;
  /** `heard` gets every datagram, those sent here too. */
  listen(heard: (datagram: Uint8Array) => void): void;
  /** Harmless the second time. */
  close(): void;
}

/** Joins the group of a URI, `udp:239.x.y.z:PORT`. Rejects with `bad-bearer-uri`, `bearer-unavailable`. */
export async function join(uri: string): Promise<Multicast> {
  const [, group = '', digits = ''] = /^udp:(2(?:2[4-9]|3\d)\.[\d.]+):(\d+)$/.exec(uri) ?? [];
  const port = Number(digits);
  if (!isIPv4(group) || port < 1 || port > 0xffff) {
    throw problem('bad-bearer-uri', `"${uri}" names no group and port`, 'For example udp:239.255.77.70:5077.');
  }
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    // Bound to the group, it hears no other group on that port; Windows cannot do that.
    await once(socket.bind(port, process.platform === 'win32' ? undefined : group), 'listening');
    socket.addMembership(group, LOOPBACK);
    socket.setMulticastInterface(LOOPBACK);
  } catch (error) {
    socket.close();
    throw problem('bearer-unavailable', toMeshError(error).message, 'Choose another group or port.');
  }
  socket.on('error', () => {}); // a datagram that could not be received is lost, as on any air
  let isOpen = true;
  return {
    send: (datagram, sent) =>
      socket.send(datagram, port, group, (error) => {
        if (error === null) sent();
        else sent(problem('bearer-failed', error.message, 'Is the loopback interface up?'));
      }),
    listen: (heard) => void socket.on('message', (datagram) => heard(new Uint8Array(datagram))),
    close: () => {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
}

export function problem(code: string, what: string, hint: string): MeshError {
  return new MeshError(code, `UDP multicast: ${what}`, { hint });
}
