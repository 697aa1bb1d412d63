/**
 * A bearer of one's own: UDP multicast on this computer; a datagram is 8 octets that name its sender, AD type and data.
 * All in one air: `--bearer udp:239.255.77.70:5077 --bearer-plugin @meshferry/example-custom-bearer`.
 *
 * @packageDocumentation
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import type { Advertising, Bearer, BearerGround, BearerPlugin, Heard, Sent } from '@meshferry/bearer';
import { concat, Emitter, equal, MeshError, type Timer, toMeshError } from '@meshferry/core';

const [SENDER, HEADER, DATA_MAX, RSSI_UNKNOWN, LOOPBACK] = [8, 9, 29, 127, '127.0.0.1'] as const;
const problem = (code: string, what: string, hint: string) => new MeshError(code, `UDP multicast: ${what}`, { hint });

/** A socket in the group that the URI names, on this computer alone. */
async function join(uri: string) {
  const [, group = '', port = ''] = /^udp:(2(?:2[4-9]|3\d)\.[\d.]+):(\d{1,5})$/.exec(uri) ?? [];
  if (!isIPv4(group) || Number(port) < 1 || Number(port) > 0xffff) {
    throw problem('bad-bearer-uri', `"${uri}" names no group and port`, 'For example udp:239.255.77.70:5077.');
  }
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    // Bound to the group, it hears no other group on that port; Windows cannot do that.
    await once(socket.bind(Number(port), process.platform === 'win32' ? undefined : group), 'listening');
    socket.addMembership(group, LOOPBACK);
    socket.setMulticastInterface(LOOPBACK);
  } catch (thrown) {
    socket.close();
    throw problem('bearer-unavailable', toMeshError(thrown).message, 'Choose another group or port.');
  }
  return { socket: socket.on('error', () => {}), group, port: Number(port) };
}

async function open(uri: string, { clock, random }: BearerGround): Promise<Bearer> {
  const { socket, group, port } = await join(uri);
  const sender = random.bytes(SENDER);
  const waiting = new Set<() => void>(); // for one of the sets, in order
  const underWay = new Set<(outcome: Sent | MeshError) => void>();
  const timers = new Set<Timer>();
  const ads = new Emitter<Heard>();
  let [onAir, ended]: [number, MeshError?] = [0];
  const later = (ms: number, run: () => void) => {
    const timer = clock.after(ms, () => timers.delete(timer) && run());
    timers.add(timer);
  };

  const advertising: Advertising = {
    sets: 4,
    minIntervalMs: 1,
    send: ({ type, data }, { count, intervalMs }, done) => {
      const datagram = concat(sender, Uint8Array.of(type), data);
      let [left, start] = [count, 0];
      const finish = (outcome: Sent | MeshError) => underWay.delete(finish) && done(outcome);
      /** Sends one copy. An interval later the set sends the next one, or what waits. */
      const transmit = () => {
        if (left === count) [start] = [clock.now, onAir++, waiting.delete(transmit)];
        const isLast = --left <= 0;
        socket.send(datagram, port, group, (failure) => {
          if (failure !== null) finish(problem('bearer-failed', failure.message, 'Is the loopback interface up?'));
          else if (isLast) finish({ start, end: clock.now });
        });
        later(isLast ? advertising.minIntervalMs : Math.max(intervalMs, 1), () => {
          if (!isLast && underWay.has(finish)) return transmit();
          onAir--;
          for (const next of waiting) return next();
        });
      };
      underWay.add(finish);
      const refusal = data.length > DATA_MAX ? problem('ad-too-long', `${data.length} octets`, '29 fit.') : ended;
      if (refusal !== undefined) later(0, () => finish(refusal));
      else if (onAir < advertising.sets) transmit();
      else waiting.add(transmit);
      return () => underWay.delete(finish) && waiting.delete(transmit);
    },
    receive: (types, heard) => ads.subscribe((ad) => types.includes(ad.type) && heard(ad)),
  };
  socket.on('message', (datagram) => {
    const data = new Uint8Array(datagram.subarray(HEADER));
    if (datagram.length < HEADER || data.length > DATA_MAX || equal(datagram.subarray(0, SENDER), sender)) return;
    ads.emit({ type: datagram[SENDER] as number, data, rssi: RSSI_UNKNOWN, at: clock.now });
  });
  const close = () => {
    if (ended === undefined) socket.close();
    ended ??= problem('bearer-closed', 'it was closed', 'Open it again.');
    for (const timer of timers) timer.cancel();
    for (const finish of [...underWay]) finish(ended);
  };
  return { advertising, close };
}

/** What the scheme of a URI leads to. */
export const bearer: BearerPlugin = {
  scheme: 'udp',
  summary: 'UDP multicast on this computer',
  uris: ['udp:239.255.77.70:5077'],
  check: () => join('udp:239.255.77.70:5077').then(({ socket }) => socket.close() && null, toMeshError),
  open,
};
