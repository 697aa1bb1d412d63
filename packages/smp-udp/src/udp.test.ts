import { createSocket } from 'node:dgram';
import { hostClock, hostRandom, MeshError, silent, VirtualClock } from '@meshferry/core';
import type { SmpTransport } from '@meshferry/smp';
import { afterEach, describe, expect, it } from 'vitest';
import { parseSmpUdpUri, serveSmpUdp, smpPlugin } from './index.ts';
import { SmpUdpTransport } from './transport.ts';

const clock = hostClock(globalThis);
const ground = { clock, random: hostRandom(globalThis.crypto), log: silent };

const toEnd: (() => unknown)[] = [];
afterEach(() => {
  for (const end of toEnd.splice(0).reverse()) end();
});

describe('the URI of a device', () => {
  it.each([
    ['udp:192.0.2.1', { host: '192.0.2.1', port: 1337, mtu: 1500 }],
    ['udp:board.local:4000?mtu=1280', { host: 'board.local', port: 4000, mtu: 1280 }],
    ['udp:[2001:db8::1]', { host: '2001:db8::1', port: 1337 }],
    ['udp:[fe80::1%eth0]:1338', { host: 'fe80::1%eth0', port: 1338 }],
  ])('%s', (uri, expected) => {
    expect(parseSmpUdpUri(uri)).toMatchObject(expected);
  });

  it.each(['udp:', 'udp::1337', 'udp:a:0', 'udp:a:99999', 'udp:::1', 'udp:a?mtu=5', 'udp:a?fast', 'serial:a'])(
    '%s is none',
    (uri) => {
      expect(() => smpPlugin.route(uri, ground)).toThrow(
        expect.objectContaining({ code: 'bad-smp-uri', hint: expect.stringContaining('udp:') }),
      );
    },
  );

  it('as the plugin shows it can be typed', () => {
    expect(smpPlugin.scheme).toBe('udp');
    for (const uri of smpPlugin.uris) expect(smpPlugin.route(uri, ground).name).toContain('1337');
  });
});

/** Answers each packet with its octets, the operation one higher. */
function answering(transport: SmpTransport): void {
  transport.listen({
    received: (packet) => {
      const answer = Uint8Array.from(packet);
      answer[0]!++;
      transport.send(answer, () => {});
    },
    ended: () => {},
  });
}

async function serve(host?: string): Promise<number> {
  const server = await serveSmpUdp({ clock, port: 0, ...(host !== undefined && { host }) }, answering);
  toEnd.push(() => server.close());
  return server.port;
}

async function open(uri: string): Promise<SmpTransport> {
  const outcome = await new Promise<SmpTransport | MeshError>((resolve) => smpPlugin.route(uri, ground).open(resolve));
  if (outcome instanceof MeshError) throw outcome;
  toEnd.push(() => outcome.close());
  return outcome;
}

const packetOf = (payload: number) => Uint8Array.from({ length: 8 + payload }, (_, i) => (i === 0 ? 8 : i & 0xff));
const sent = (transport: SmpTransport, packet: Uint8Array) =>
  new Promise<MeshError | undefined>((resolve) => transport.send(packet, resolve));

async function ask(transport: SmpTransport, payload: number): Promise<void> {
  const answer = new Promise<Uint8Array>((resolve) => transport.listen({ received: resolve, ended: () => {} }));
  expect(await sent(transport, packetOf(payload))).toBeUndefined();
  const expected = packetOf(payload);
  expected[0] = 9;
  expect(Uint8Array.from(await answer)).toEqual(expected);
}

const hasIpv6 = await new Promise<boolean>((resolve) => {
  const socket = createSocket('udp6');
  socket.once('error', () => resolve(false));
  socket.bind(0, '::1', () => socket.close(() => resolve(true)));
});
if (!hasIpv6) console.warn('no IPv6 here: its test is skipped');

describe('over real sockets', () => {
  it('packets of all lengths that fit go there and back', async () => {
    const transport = await open(`udp:127.0.0.1:${await serve()}`);
    expect(transport).toMatchObject({ packetLimit: 1472, fragments: false, bufferOverhead: 0, lossy: true });
    for (const payload of [0, 1, 500, 1464]) await ask(transport, payload);
    expect(await sent(transport, packetOf(1465))).toMatchObject({ code: 'packet-too-long', hint: expect.any(String) });
    await ask(transport, 1);
  });

  it('by name, and by the MTU of the path', async () => {
    const transport = await open(`udp:localhost:${await serve()}?mtu=576`);
    expect([548, 528]).toContain(transport.packetLimit);
    if (transport.packetLimit === 548) await ask(transport, 540);
  });

  it('an answer that is longer than the path allows a request is sent all the same', async () => {
    const server = await serveSmpUdp({ clock, port: 0 }, (transport) =>
      transport.listen({ received: () => transport.send(packetOf(2040), () => {}), ended: () => {} }),
    );
    toEnd.push(() => server.close());
    const transport = await open(`udp:127.0.0.1:${server.port}`);
    const answer = new Promise<Uint8Array>((resolve) => transport.listen({ received: resolve, ended: () => {} }));
    await sent(transport, packetOf(1));
    expect((await answer).length).toBe(2048);
  });

  it.skipIf(!hasIpv6)('by IPv6', async () => {
    const transport = await open(`udp:[::1]:${await serve('::1')}`);
    expect(transport.packetLimit).toBe(1452);
    await ask(transport, 1444);
  });

  it('each asker gets his own answers', async () => {
    const port = await serve();
    const transports = await Promise.all([1, 2, 3].map(() => open(`udp:127.0.0.1:${port}`)));
    await Promise.all(transports.map((transport, i) => ask(transport, 100 * i)));
  });

  it('what comes from another address, or is no packet, is not heard', async () => {
    const device = createSocket('udp4');
    await new Promise<void>((resolve) => device.bind(0, '127.0.0.1', resolve));
    const stranger = createSocket('udp4');
    toEnd.push(
      () => device.close(),
      () => stranger.close(),
    );
    const asked = new Promise<number>((resolve) => device.once('message', (_, { port }) => resolve(port)));
    const transport = await open(`udp:127.0.0.1:${device.address().port}`);
    const heard: string[] = [];
    const isDone = new Promise<void>((resolve) => {
      transport.listen({
        received: (packet) => {
          heard.push(Buffer.from(packet).toString('hex'));
          resolve();
        },
        ended: (reason) => heard.push(reason.code),
      });
    });
    await sent(transport, packetOf(0));
    const port = await asked;
    await new Promise<void>((resolve) => stranger.send(packetOf(1), port, '127.0.0.1', () => resolve()));
    await new Promise<void>((resolve) => device.send(Uint8Array.of(1, 2, 3), port, '127.0.0.1', () => resolve()));
    device.send(packetOf(2), port, '127.0.0.1');
    await isDone;
    expect(heard).toEqual([Buffer.from(packetOf(2)).toString('hex')]);
  });

  it('where nobody listens the link ends, and says so', async () => {
    const server = await serveSmpUdp({ clock, port: 0 }, answering);
    server.close();
    const transport = await open(`udp:127.0.0.1:${server.port}`);
    const ended = new Promise<MeshError>((resolve) => transport.listen({ received: () => {}, ended: resolve }));
    await sent(transport, packetOf(0));
    expect(await ended).toMatchObject({
      code: 'link-lost',
      message: expect.stringContaining('refuses'),
      hint: expect.stringContaining('1337'),
    });
    expect(await sent(transport, packetOf(0))).toMatchObject({ code: 'link-lost' });
  });

  it('closed it ends once, and says nothing more', async () => {
    const port = await serve();
    const transport = await open(`udp:127.0.0.1:${port}`);
    const ends: string[] = [];
    const ended = new Promise<void>((resolve) =>
      transport.listen({
        received: () => {},
        ended: ({ code }) => {
          ends.push(code);
          resolve();
        },
      }),
    );
    transport.close();
    transport.close();
    await ended;
    expect(ends).toEqual(['link-lost']);
    expect(await sent(transport, packetOf(0))).toMatchObject({ code: 'link-lost' });
  });

  it('a port in use, or a name that is none, is told', async () => {
    const port = await serve();
    await expect(serveSmpUdp({ clock, port }, answering)).rejects.toMatchObject({ code: 'bearer-busy' });
    await expect(open('udp:meshferry.invalid')).rejects.toMatchObject({
      code: 'bearer-unavailable',
      hint: expect.any(String),
    });
    smpPlugin.route('udp:127.0.0.1', ground).open(() => expect.fail('it was cancelled'))();
  });

  it('the server forgets the first of very many askers', async () => {
    const [met, ended]: [number[], number[]] = [[], []];
    const server = await serveSmpUdp({ clock, port: 0 }, (transport) => {
      const number = met.push(met.length);
      transport.listen({ received: () => {}, ended: () => ended.push(number) });
    });
    for (let i = 0; i < 66; i++) {
      const transport = await open(`udp:127.0.0.1:${server.port}`);
      await sent(transport, packetOf(0));
      while (met.length <= i) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    while (ended.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(ended).toEqual([1, 2]);
    server.close();
    while (ended.length < 66) await new Promise((resolve) => setTimeout(resolve, 1));
  });
});

it('a datagram that the system does not send ends the link', () => {
  const virtual = new VirtualClock();
  let closed = 0;
  const transport = new SmpUdpTransport(
    {
      name: 'x',
      limit: 100,
      send: (_, done) => virtual.after(1, () => done(Object.assign(new Error('no route'), { code: 'ENETUNREACH' }))),
      close: () => closed++,
    },
    virtual,
  );
  const told: string[] = [];
  transport.listen({ received: () => told.push('received'), ended: ({ message }) => told.push(message) });
  transport.send(packetOf(0), (error) => told.push(error?.code ?? 'sent'));
  virtual.runUntil(10);
  transport.arrived(packetOf(0));
  expect([told, closed]).toEqual([['link-lost', expect.stringContaining('no route')], 1]);
});
