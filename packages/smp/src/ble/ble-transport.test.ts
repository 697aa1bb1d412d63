import { readFileSync } from 'node:fs';
import { type GattLink, memoryGattLinks } from '@meshferry/bearer';
import { fromHex, type MeshError, SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SmpBleOptions, SmpBleTransport } from './ble-transport.ts';

interface Fragmentation {
  readonly attMtu: number;
  readonly packet: string;
  readonly writes: string[];
  readonly response: string;
  readonly notifications: string[];
}

const { bleFragmentation } = JSON.parse(readFileSync(new URL('../vectors/smp.json', import.meta.url), 'utf8')) as {
  bleFragmentation: Fragmentation[];
};

/** A request of `length` octets in all, and an answer to it. */
function request(length: number, sequence = 0): Uint8Array {
  return packet(length, 0x0a, sequence);
}

function answer(length: number, sequence = 0): Uint8Array {
  return packet(length, 0x0b, sequence);
}

function packet(length: number, first: number, sequence: number): Uint8Array {
  const octets = new SeededRandom(length * 256 + sequence).bytes(length);
  octets.set([first, 0, (length - 8) >> 8, (length - 8) & 0xff, 0, 1, sequence, 1]);
  return octets;
}

/** One transport over a link whose other end is in the test's hands. */
function oneEnd(options: Partial<SmpBleOptions> & { mtu?: number } = {}) {
  const clock = new VirtualClock();
  const { client, server } = memoryGattLinks(clock, { mtu: options.mtu ?? 23, valueMs: 1 });
  const [own, other] = options.side === 'server' ? [server, client] : [client, server];
  const junk: string[] = [];
  const packets: string[] = [];
  const ended: string[] = [];
  const values: string[] = [];
  const transport = new SmpBleTransport(own, clock, {
    side: 'client',
    dropped: (reason, octets) => junk.push(`${octets.length}: ${reason}`),
    ...options,
  });
  transport.listen({ received: (octets) => packets.push(toHex(octets)), ended: (reason) => ended.push(reason.code) });
  other.listen({ received: (value) => values.push(toHex(value)), disconnected: () => {} });
  /** Gives values to the transport. */
  const hear = (...given: Uint8Array[]) => {
    for (const value of given) other.send(value, () => {});
    clock.advance(given.length);
  };
  return { clock, transport, other, junk, packets, ended, values, hear };
}

describe('packets over a GATT link', () => {
  it.each(bleFragmentation)('are cut at MTU $attMtu as recorded, and answers put together', (vector) => {
    const { clock, transport, values, packets, hear } = oneEnd({ mtu: vector.attMtu });
    expect(transport.packetLimit).toBe(vector.attMtu - 3);
    transport.send(fromHex(vector.packet), () => {});
    clock.advance(1000);
    expect(values).toEqual(vector.writes);
    hear(...vector.notifications.map(fromHex));
    expect(packets).toEqual([vector.response]);
  });

  it.each(bleFragmentation)('are put together at MTU $attMtu by the server, and its answers cut', (vector) => {
    const { clock, transport, values, packets, hear } = oneEnd({ side: 'server', mtu: vector.attMtu });
    hear(...vector.writes.map(fromHex));
    expect(packets).toEqual([vector.packet]);
    transport.send(fromHex(vector.response), () => {});
    clock.advance(1000);
    expect(values).toEqual(vector.notifications);
  });

  it('arrive at any MTU from 23 to 498 as they were sent, one after the other', () => {
    const sizes = fc.array(fc.integer({ min: 8, max: 1500 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.integer({ min: 23, max: 498 }), sizes, (mtu, lengths) => {
        const clock = new VirtualClock();
        const links = memoryGattLinks(clock, { mtu, valueMs: 1 });
        const client = new SmpBleTransport(links.client, clock, { side: 'client' });
        const server = new SmpBleTransport(links.server, clock, { side: 'server' });
        const heard: string[] = [];
        const back: string[] = [];
        server.listen({
          received: (octets) => {
            heard.push(toHex(octets));
            const { length } = octets;
            server.send(answer(length, octets[6]), () => {});
          },
          ended: () => {},
        });
        client.listen({ received: (octets) => back.push(toHex(octets)), ended: () => {} });
        const done: number[] = [];
        for (const [i, length] of lengths.entries()) client.send(request(length, i), () => done.push(i));
        clock.advance(10_000);
        expect(heard).toEqual(lengths.map((length, i) => toHex(request(length, i))));
        expect(back).toEqual(lengths.map((length, i) => toHex(answer(length, i))));
        expect(done).toEqual(lengths.map((_, i) => i));
      }),
      { numRuns: 1000 },
    );
  });

  it('grow with the MTU of the link', () => {
    const clock = new VirtualClock();
    const { client, server } = memoryGattLinks(clock, { mtu: 498, valueMs: 1 });
    let mtu = 23;
    const link: GattLink = {
      get mtu() {
        return mtu;
      },
      send: (value, done) => client.send(value, done),
      listen: (listener) => client.listen(listener),
      disconnect: () => client.disconnect(),
    };
    const transport = new SmpBleTransport(link, clock, { side: 'client' });
    const lengths: number[] = [];
    server.listen({ received: (value) => lengths.push(value.length), disconnected: () => {} });
    transport.send(request(300), () => {});
    clock.advance(2);
    mtu = 103;
    clock.advance(100);
    // The third piece was handed over with the second.
    expect(lengths).toEqual([20, 20, 20, 100, 100, 40]);
    expect(transport.packetLimit).toBe(100);
  });

  it('are taken one at a time: the next begins when the last piece has left', () => {
    const { clock, transport, values } = oneEnd();
    const log: string[] = [];
    transport.send(request(50, 1), () => log.push('first'));
    transport.send(request(10, 2), () => log.push('second'));
    clock.advance(2.5);
    expect(log).toEqual([]);
    clock.advance(0.5);
    expect(log).toEqual(['first']);
    clock.advance(1);
    expect(log).toEqual(['first', 'second']);
    expect(values.map((value) => value.length / 2)).toEqual([20, 20, 10, 10]);
  });
});

describe('a client', () => {
  it('takes several answers in one notification, and cuts at any octet', () => {
    const lengths = fc.array(fc.integer({ min: 8, max: 120 }), { minLength: 1, maxLength: 6 });
    const cuts = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(lengths, cuts, (answers, pieces) => {
        const { clock, transport, packets, hear, junk } = oneEnd({ mtu: 498 });
        for (const i of answers.keys()) transport.send(request(8, i), () => {});
        clock.advance(100);
        const stream = answers.map((length, i) => toHex(answer(length, i))).join('');
        const whole = fromHex(stream);
        const values: Uint8Array[] = [];
        for (let at = 0, i = 0; at < whole.length; i++) {
          const to = Math.min(whole.length, at + pieces[i % pieces.length]!);
          values.push(whole.subarray(at, to));
          at = to;
        }
        hear(...values);
        expect(packets.join('')).toBe(stream);
        expect(packets.length).toBe(answers.length);
        expect(junk).toEqual([]);
      }),
      { numRuns: 10_000 },
    );
  });

  it('finds the next answer whichever notifications are lost or doubled', () => {
    const fate = fc.array(fc.constantFrom('kept', 'lost', 'doubled'), { minLength: 3, maxLength: 12 });
    fc.assert(
      fc.property(fate, fc.integer({ min: 20, max: 200 }), (fates, length) => {
        const { clock, transport, packets, hear } = oneEnd({ mtu: 23 });
        transport.send(request(8, 1), () => {});
        transport.send(request(8, 2), () => {});
        clock.advance(10);
        const first = pieces(answer(length, 1), 20);
        hear(...first.flatMap((piece, i) => times(piece, fates[i % fates.length]!)));
        hear(...pieces(answer(60, 2), 20));
        expect(packets.at(-1)).toBe(toHex(answer(60, 2)));
        if (first.every((_, i) => fates[i % fates.length] === 'kept')) expect(packets.length).toBe(2);
      }),
      { numRuns: 10_000 },
    );
  });

  it('drops and reports what is behind an answer and no answer itself', () => {
    const { transport, clock, packets, junk, hear } = oneEnd({ mtu: 100 });
    transport.send(request(8, 1), () => {});
    clock.advance(5);
    const value = new Uint8Array(50).fill(0x55);
    value.set(answer(20, 1));
    hear(value);
    expect(packets).toEqual([toHex(answer(20, 1))]);
    expect(junk).toEqual(['30: octets behind a packet']);
  });

  it('drops a first piece that is shorter than a header once the answer comes', () => {
    const { transport, clock, packets, junk, hear } = oneEnd();
    transport.send(request(8, 1), () => {});
    clock.advance(5);
    hear(Uint8Array.of(1, 2, 3), answer(12, 1));
    expect(packets).toEqual([toHex(answer(12, 1))]);
    expect(junk).toEqual(['3: the rest of the packet is missing']);
  });

  it('gives up a half answer after a while', () => {
    const { clock, packets, junk, hear } = oneEnd({ giveUpMs: 3000 });
    hear(answer(40).subarray(0, 20));
    clock.advance(2999);
    expect(junk).toEqual([]);
    clock.advance(2);
    expect(junk).toEqual(['0: no further piece for 3000 ms']);
    hear(answer(12));
    expect(packets).toEqual([toHex(answer(12))]);
  });
});

describe('a server', () => {
  it('drops a first piece shorter than a header, too many octets, and too long packets, without a word', () => {
    const { packets, junk, hear } = oneEnd({ side: 'server', mtu: 100, bufferOctets: 200 });
    hear(Uint8Array.of(0x0a, 0, 0, 1));
    hear(request(30).subarray(0, 20), request(30).subarray(0, 20));
    const longer = new Uint8Array(25).fill(9);
    longer.set(request(20));
    hear(longer, request(201).subarray(0, 97));
    hear(request(12));
    expect(packets).toEqual([toHex(request(12))]);
    expect(junk).toEqual([
      '4: first piece shorter than a header',
      '20: more octets than the header announces',
      '25: more octets than the header announces',
      '97: packet longer than the buffer',
    ]);
  });

  it('answers one packet only of the script that failed [spec: smp-seed-errata section 2]', () => {
    const { packets, hear } = oneEnd({ side: 'server', mtu: 498, bufferOctets: 2475 });
    const upload = new Uint8Array(309).fill(0x20);
    upload.set(fromHex('000000012d010000'));
    hear(upload, fromHex('0000000000000000'), fromHex('00000006020000007b7d'), fromHex('0001000000000000'));
    expect(packets).toEqual(['0000000000000000']);
  });

  it('keeps a half packet for ever, as Zephyr, or gives it up when asked to', () => {
    for (const giveUpMs of [undefined, 1000]) {
      const { clock, packets, hear } = oneEnd({ side: 'server', ...(giveUpMs !== undefined && { giveUpMs }) });
      hear(request(40).subarray(0, 20));
      clock.advance(3_600_000);
      hear(request(12));
      expect(packets).toEqual(giveUpMs === undefined ? [] : [toHex(request(12))]);
    }
  });

  it('that does not put together takes each write as a packet', () => {
    const { packets, hear, junk } = oneEnd({ side: 'server', reassembles: false });
    hear(request(40).subarray(0, 20), request(40).subarray(20), Uint8Array.of(1));
    expect(packets).toEqual([toHex(request(40).subarray(0, 20)), toHex(request(40).subarray(20))]);
    expect(junk).toEqual(['1: shorter than a header']);
  });
});

describe('the end of a link', () => {
  it('fails everything that waits, once, and tells', () => {
    const { clock, transport, other, ended } = oneEnd();
    const outcomes: (string | undefined)[] = [];
    const note = (error?: MeshError) => outcomes.push(error?.code);
    transport.send(request(50, 1), note);
    transport.send(request(50, 2), note);
    clock.advance(1);
    other.disconnect();
    clock.advance(1);
    expect(outcomes).toEqual(['link-lost', 'link-lost']);
    transport.send(request(8), note);
    expect(outcomes.length).toBe(2);
    clock.advance(1);
    expect(outcomes).toEqual(['link-lost', 'link-lost', 'link-lost']);
    expect(ended).toEqual(['link-lost']);
    transport.close();
    clock.advance(1);
    expect(ended).toEqual(['link-lost']);
  });

  it('is made where a packet could be sent half only: the rest would spoil the next', () => {
    const clock = new VirtualClock();
    const { client } = memoryGattLinks(clock, { mtu: 23, valueMs: 1 });
    let sends = 0;
    const shrinking: GattLink = {
      mtu: 43,
      send: (value, done) => client.send(++sends === 1 ? value.subarray(0, 20) : value, done),
      listen: (listener) => client.listen(listener),
      disconnect: () => client.disconnect(),
    };
    const transport = new SmpBleTransport(shrinking, clock, { side: 'client' });
    const ended: string[] = [];
    transport.listen({ received: () => {}, ended: ({ code }) => ended.push(code) });
    const outcomes: (string | undefined)[] = [];
    transport.send(request(90), (error) => outcomes.push(error?.code));
    transport.send(request(90), (error) => outcomes.push(error?.code));
    clock.advance(100);
    expect(outcomes).toEqual(['link-lost', 'link-lost']);
    expect(ended).toEqual(['link-lost']);
  });
});

function pieces(octets: Uint8Array, size: number): Uint8Array[] {
  const cut: Uint8Array[] = [];
  for (let at = 0; at < octets.length; at += size) cut.push(octets.subarray(at, at + size));
  return cut;
}

function times(piece: Uint8Array, fate: string): Uint8Array[] {
  if (fate === 'lost') return [];
  return fate === 'kept' ? [piece] : [piece, piece];
}
