import { hostClock, hostRandom, MeshError, SeededRandom, silent } from '@meshferry/core';
import { SmpClient, SmpServer, type SmpTransport, uploadImage } from '@meshferry/smp';
import { expect, it } from 'vitest';
import { hostOf, IMAGE_MAGIC, MemorySlot } from '../../smp/src/testing/ideal-host.ts';
import { serveSmpUdp, smpPlugin } from './index.ts';

const clock = hostClock(globalThis);
const ground = { clock, random: hostRandom(globalThis.crypto), log: silent };

it.each([
  ['nothing gets lost', undefined],
  ['a datagram gets lost now and then', 17],
])('a device takes an image in a window of requests over UDP, where %s', async (_name, every) => {
  const image = new SeededRandom('image').bytes(60_000);
  image.set(IMAGE_MAGIC);
  const slot = new MemorySlot(80_000);
  const server = new SmpServer({ clock, buffers: { size: 2048, count: 4 }, images: hostOf(slot) });
  const port = await serveSmpUdp({ clock, port: 0 }, (transport) => server.attach(losing(transport, every)));
  const route = smpPlugin.route(`udp:127.0.0.1:${port.port}`, ground);
  const transport = await new Promise<SmpTransport | MeshError>((resolve) => route.open(resolve));
  if (transport instanceof MeshError) throw transport;
  const client = new SmpClient(transport, clock);
  const { moved } = await uploadImage(client, image);
  client.close();
  port.close();
  expect(moved).toBe(image.length);
  expect(slot.octets.subarray(0, image.length)).toEqual(image);
});

/** A transport that loses one packet of so many that come. */
function losing(transport: SmpTransport, every: number | undefined): SmpTransport {
  if (every === undefined) return transport;
  let count = 0;
  return {
    packetLimit: transport.packetLimit,
    fragments: transport.fragments,
    bufferOverhead: transport.bufferOverhead,
    lossy: transport.lossy,
    send: (packet, done) => transport.send(packet, done),
    listen: ({ received, ended }) =>
      transport.listen({ received: (packet) => void (++count % every !== 0 && received(packet)), ended }),
    close: () => transport.close(),
  };
}
