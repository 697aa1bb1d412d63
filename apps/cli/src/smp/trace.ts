import { describePackets, type SmpTraceEvent, type SmpTransport } from '@meshferry/smp';
import type { Shell } from '../shell/shell.ts';

/** Logs every packet in words at level `debug`; it costs nothing where nobody reads it. */
export function tracePackets({ log, options }: Shell): (event: SmpTraceEvent) => void {
  if (options.log !== 'debug') return () => {};
  return (event) => {
    for (const packet of describePackets(event.packet)) {
      log('debug', `smp ${event.kind}`, { packet, ...(event.kind === 'dropped' && { reason: event.reason }) });
    }
  };
}

/** A transport whose packets are logged likewise, as the server at this end of it gets and sends them. */
export function traceTransport({ log, options }: Shell, transport: SmpTransport): SmpTransport {
  if (options.log !== 'debug') return transport;
  const tell = (what: string, octets: Uint8Array): void => {
    for (const packet of describePackets(octets)) log('debug', `smp ${what}`, { packet });
  };
  return {
    get packetLimit() {
      return transport.packetLimit;
    },
    fragments: transport.fragments,
    bufferOverhead: transport.bufferOverhead,
    lossy: transport.lossy,
    send: (packet, done) => {
      tell('sent', packet);
      transport.send(packet, done);
    },
    listen: (listener) =>
      transport.listen({
        received: (packet) => {
          tell('received', packet);
          listener.received(packet);
        },
        ended: (reason) => listener.ended(reason),
      }),
    close: () => transport.close(),
  };
}
