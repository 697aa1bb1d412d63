import type { BearerGround } from '@meshferry/bearer';
import { toMeshError } from '@meshferry/core';
import type { SmpOffer, SmpTransport, SmpTransportListener } from '@meshferry/smp';
import { openStream } from './stream.ts';
import { SmpSerialTransport } from './transport.ts';
import type { SmpSerialUri } from './uri.ts';

/** Between the end of a link and the next opening of the port, ms: a device that resets is away for some time, too. */
const AGAIN_MS = 200;

/** The device's end of a line: one link at a time, for whoever is at the other end. */
export async function serveSerial(
  uri: SmpSerialUri,
  { clock, log }: BearerGround,
  meet: (transport: SmpTransport) => void,
): Promise<SmpOffer> {
  let transport: SmpTransport | undefined;
  let isOpen = true;
  const open = async (): Promise<void> => {
    const stream = await openStream(uri);
    const server = new SmpSerialTransport(stream, clock, { side: 'server', raw: uri.raw, name: uri.name, log });
    if (!isOpen) {
      server.close();
      return;
    }
    transport = server;
    meet(whenEnded(server, again));
  };
  const again = (): void => {
    transport = undefined;
    if (!isOpen) return;
    clock.after(AGAIN_MS, () => {
      if (!isOpen) return;
      open().catch((thrown) => {
        log('warn', 'a port that is served cannot be opened again', {
          port: uri.name,
          reason: toMeshError(thrown).message,
        });
        again();
      });
    });
  };
  await open();
  return {
    close: () => {
      isOpen = false;
      transport?.close();
    },
  };
}

/** The same transport; `ended` is told besides its listener, also where there is none. */
function whenEnded(transport: SmpTransport, ended: () => void): SmpTransport {
  let listener: SmpTransportListener | undefined;
  transport.listen({
    received: (packet) => listener?.received(packet),
    ended: (reason) => {
      listener?.ended(reason);
      ended();
    },
  });
  return {
    get packetLimit() {
      return transport.packetLimit;
    },
    fragments: transport.fragments,
    bufferOverhead: transport.bufferOverhead,
    lossy: transport.lossy,
    send: (packet, done) => transport.send(packet, done),
    listen: (given) => {
      listener = given;
    },
    close: () => transport.close(),
  };
}
