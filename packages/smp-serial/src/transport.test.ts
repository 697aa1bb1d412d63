import type { ByteStream } from '@meshferry/byte-streams';
import { type MeshError, SeededRandom, toHex, utf8, VirtualClock } from '@meshferry/core';
import type { SmpTransport } from '@meshferry/smp';
import { describe, expect, it } from 'vitest';
import { CONSOLE_PACKET_MAX, encodeConsoleLines, type SmpSerialOptions, SmpSerialTransport } from './index.ts';
import { PacedLine, type PacedWayOptions, ZEPHYR_RECEIVER } from './testing/paced-line.ts';

const MBAUD = 1_000_000;

/** A packet that is one in its header, too. */
function packetOf(payload: number, sequence = 0): Uint8Array {
  const packet = new SeededRandom(payload).bytes(8 + payload);
  packet.set([0x0a, 0, payload >> 8, payload & 0xff, 0, 1, sequence, 1]);
  return packet;
}

/** What came out of one end. */
class Ear {
  readonly packets: string[] = [];
  readonly ends: MeshError[] = [];

  constructor(transport: SmpTransport) {
    transport.listen({
      received: (packet) => this.packets.push(toHex(packet)),
      ended: (reason) => this.ends.push(reason),
    });
  }
}

function twoEnds(
  out: PacedWayOptions,
  options: Partial<SmpSerialOptions> = {},
  server: Partial<SmpSerialOptions> = {},
) {
  const clock = new VirtualClock();
  const line = new PacedLine(clock, out);
  const client = new SmpSerialTransport(line.near, clock, { side: 'client', ...options });
  const far = new SmpSerialTransport(line.far, clock, { side: 'server', ...options, ...server });
  const [near, other] = [new Ear(client), new Ear(far)];
  return { clock, line, client, server: far, near, other };
}

/** Sends one packet after the other as soon as there is room, so many in all, and runs the clock until all is done. */
function sendAll(clock: VirtualClock, from: SmpTransport, packets: readonly Uint8Array[]): (MeshError | undefined)[] {
  const outcomes: (MeshError | undefined)[] = [];
  const next = (i: number): void => {
    if (i === packets.length) return;
    from.send(packets[i]!, (error) => {
      outcomes.push(error);
      next(i + 1);
    });
  };
  next(0);
  while (clock.step());
  return outcomes;
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('two ends of a serial line', () => {
  it.each([
    ['in lines', {}],
    ['raw', { raw: true }],
    ['in short lines', { maxLine: 32 }],
  ])('carry packets of all lengths both ways, %s', (_name, options) => {
    const { clock, client, server, near, other } = twoEnds({ baudRate: MBAUD }, options);
    const packets = [0, 1, 80, 90, 500, 2467, 65_525].map((length) => packetOf(length));
    expect(sendAll(clock, client, packets)).toEqual(packets.map(() => undefined));
    expect(sendAll(clock, server, packets)).toEqual(packets.map(() => undefined));
    expect(other.packets).toEqual(packets.map(toHex));
    expect(near.packets).toEqual(packets.map(toHex));
  });

  it('say what a client has to know', () => {
    const { client } = twoEnds({ baudRate: MBAUD });
    expect(client).toMatchObject({
      packetLimit: Number.POSITIVE_INFINITY,
      fragments: false,
      bufferOverhead: 4,
      lossy: true,
    });
    expect(twoEnds({ baudRate: MBAUD }, { raw: true }).client.bufferOverhead).toBe(0);
  });

  it('never tell of a packet before send has returned, nor twice', () => {
    const { clock, client } = twoEnds({ baudRate: MBAUD });
    let calls = 0;
    client.send(packetOf(10), () => calls++);
    expect(calls).toBe(0);
    while (clock.step());
    expect(calls).toBe(1);
  });

  it('keep packets that are sent at once in their order', () => {
    const { clock, client, other } = twoEnds({ baudRate: MBAUD });
    const packets = range(20).map((i) => packetOf(100 + i));
    for (const packet of packets) client.send(packet, () => {});
    while (clock.step());
    expect(other.packets).toEqual(packets.map(toHex));
  });

  it('pass over what a shell says, and what is too short for a packet', () => {
    const { clock, line, near } = twoEnds({ baudRate: MBAUD });
    line.far.write(utf8('uart:~$ '));
    for (const octets of encodeConsoleLines(Uint8Array.of(1, 2, 3))) line.far.write(octets);
    line.far.write(utf8('[00:01] <inf> app: hello\r\n'));
    for (const octets of encodeConsoleLines(packetOf(200))) line.far.write(octets);
    while (clock.step());
    expect(near.packets).toEqual([toHex(packetOf(200))]);
  });

  it('refuse a packet that no frame holds', () => {
    const { clock, client } = twoEnds({ baudRate: MBAUD });
    expect(sendAll(clock, client, [new Uint8Array(CONSOLE_PACKET_MAX + 1)])).toMatchObject([
      { code: 'packet-too-long', hint: expect.any(String) },
    ]);
  });

  it('a raw one goes on after noise and half a packet', () => {
    const { clock, line, client, other } = twoEnds({ baudRate: MBAUD }, { raw: true });
    line.near.write(Uint8Array.of(0xff, 0xe0, 0x0a, 0, 0, 50, 0));
    while (clock.step());
    sendAll(clock, client, [packetOf(30)]);
    expect(other.packets).toEqual([toHex(packetOf(30))]);
  });

  it.each(['pulled', 'closed here', 'closed there'])('%s: what waits ends with link-lost, once', (how) => {
    const { clock, line, client, server, near } = twoEnds({ baudRate: 9600 });
    const outcomes: (string | undefined)[] = [];
    for (const i of range(3)) client.send(packetOf(400, i), (error) => outcomes.push(error?.code));
    clock.runUntil(clock.now + 20);
    if (how === 'pulled') line.unplug();
    else if (how === 'closed here') client.close();
    else server.close();
    client.send(packetOf(1), (error) => outcomes.push(error?.code));
    while (clock.step());
    client.send(packetOf(1), (error) => outcomes.push(error?.code));
    client.close();
    while (clock.step());
    const lost = outcomes.filter((code) => code !== undefined);
    expect(outcomes).toHaveLength(5);
    expect(new Set(lost)).toEqual(new Set(['link-lost']));
    expect(lost.length).toBeGreaterThanOrEqual(3);
    expect(near.ends).toMatchObject([{ code: 'link-lost', hint: expect.any(String) }]);
  });
});

describe('the pace', () => {
  const chunks = (count: number) => range(count).map((i) => packetOf(1000 + i, i & 0xff));

  it.each([115_200, MBAUD])(
    'keeps a line of %i baud busy, and loses nothing where the receiver keeps up',
    (baudRate) => {
      const receiver = { ...ZEPHYR_RECEIVER, lineMs: 0.5 };
      const { clock, line, client, other } = twoEnds({ baudRate, receiver }, { pace: { baudRate } });
      sendAll(clock, client, chunks(50));
      expect([line.out.lost, other.packets.length]).toEqual([0, 50]);
      expect(line.out.busyShare).toBeGreaterThan(0.99);
    },
  );

  it('tells of a packet when the line has nearly carried it, where the rate is known', () => {
    const { clock, client } = twoEnds({ baudRate: 9600 }, { pace: { baudRate: 9600 } });
    let leftAt = 0;
    client.send(packetOf(1000), () => {
      leftAt = clock.now;
    });
    while (clock.step());
    // 1000 octets take 1.4 s in base64 at 960 octets/s; the last line is handed over a little ahead.
    expect(leftAt).toBeGreaterThan(1200);
    expect(leftAt).toBeLessThan(1450);
  });

  it('gives the two buffers of a receiver behind a pseudo-terminal their time', () => {
    const instant = { baudRate: Number.POSITIVE_INFINITY, receiver: ZEPHYR_RECEIVER };
    const paced = twoEnds(instant, { pace: { pauseMs: 1.5 } });
    sendAll(paced.clock, paced.client, chunks(50));
    expect([paced.line.out.lost, paced.other.packets.length]).toEqual([0, 50]);
    const careless = twoEnds(instant, { pace: { pauseMs: 0 } });
    sendAll(careless.clock, careless.client, chunks(50));
    expect(careless.line.out.lost).toBeGreaterThan(100);
  });

  it('makes nobody wait for a short packet after a rest', () => {
    const { clock, client } = twoEnds({ baudRate: Number.POSITIVE_INFINITY }, { pace: { pauseMs: 10 } });
    clock.runUntil(100);
    const before = clock.now;
    sendAll(clock, client, [packetOf(150)]);
    expect(clock.now).toBe(before);
  });

  it('slows down for a receiver that loses lines until all come through, without being told', () => {
    // Nobody foresees a receiver that needs 4 ms for a line which takes 1.3 ms.
    const receiver = { ...ZEPHYR_RECEIVER, lineMs: 4 };
    const { clock, line, client, other } = twoEnds({ baudRate: MBAUD, receiver }, { pace: { baudRate: MBAUD } });
    let sent = 0;
    for (const [i, chunk] of chunks(200).entries()) {
      // What an upload does: again under another number until it has come.
      for (let attempt = 0; other.packets.length <= i && attempt < 10; attempt++) {
        const again = chunk.slice();
        again[6] = sent++ & 0xff;
        sendAll(clock, client, [again]);
      }
      expect(other.packets.length).toBe(i + 1);
    }
    expect(sent).toBeLessThan(215);
    expect(line.out.lost).toBeLessThan(100);
  });

  it('is the old one again some time after a single loss', () => {
    const spoil = (octets: Uint8Array, number: number) => (number === 20 ? undefined : octets);
    const { clock, line, client, other } = twoEnds({ baudRate: MBAUD, spoil }, { pace: { baudRate: MBAUD } });
    const all = chunks(400);
    all.splice(3, 0, all[1]!);
    sendAll(clock, client, all);
    expect(other.packets.length).toBe(400);
    // 64 packets with a pause of 1 ms for lines of 1.3 ms, 64 with half of it, then none.
    expect(line.out.busyShare).toBeGreaterThan(0.8);
    const [busyMs, lastAt] = [line.out.busyMs, line.out.lastAt];
    sendAll(
      clock,
      client,
      range(50).map((i) => packetOf(1800 + i)),
    );
    expect((line.out.busyMs - busyMs) / (line.out.lastAt - lastAt)).toBeGreaterThan(0.98);
  });

  it('heeds a stream that holds back', () => {
    const clock = new VirtualClock();
    let [written, drained]: [number, (() => void) | undefined] = [0, undefined];
    const stream: ByteStream = {
      write: () => ++written % 3 !== 0,
      listen: (listener) => {
        drained = () => listener.drained?.();
      },
      close: () => {},
    };
    const client = new SmpSerialTransport(stream, clock, { side: 'client' });
    let done = false;
    client.send(packetOf(500), () => {
      done = true;
    });
    const lines = encodeConsoleLines(packetOf(500)).length + 1;
    while (clock.step());
    expect([written, done]).toEqual([3, false]);
    drained!();
    while (clock.step());
    expect([written, done]).toEqual([6, false]);
    drained!();
    while (clock.step());
    expect([written, done]).toEqual([lines, true]);
  });
});
