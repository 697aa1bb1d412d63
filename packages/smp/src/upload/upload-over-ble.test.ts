import { type GattLink, type GattLinkListener, memoryGattLinks } from '@meshferry/bearer';
import { concat, MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { SmpBleTransport } from '../ble/ble-transport.ts';
import { SmpClient } from '../client/client.ts';
import type { SmpKnowledge } from '../client/client-types.ts';
import { wantsReconnect } from '../client/errors.ts';
import { settled } from '../client/testing/packet-link.ts';
import type { SmpServerOptions } from '../server/server-options.ts';
import { SmpServer } from '../server/smp-server.ts';
import { hostOf, IMAGE_MAGIC, MemorySlot } from '../testing/ideal-host.ts';
import { type ImageUploadOptions, startImageUpload } from './image-upload.ts';

/** Not a real image, but what a server takes for one: it looks at the beginning only. */
function imageOf(octets: number): Uint8Array {
  const image = new SeededRandom('over BLE').bytes(octets);
  image.set(IMAGE_MAGIC);
  return image;
}

interface WorldOptions {
  readonly mtu?: number;
  readonly octets?: number;
  readonly reassembles?: boolean;
  readonly valueMs?: number;
  readonly server?: Partial<SmpServerOptions>;
  /** Round the client's end of each link. */
  readonly wrap?: (link: GattLink, clock: VirtualClock) => GattLink;
}

/** A device with Zephyr's server, and as many links to it as a test wants. */
function world(options: WorldOptions = {}) {
  const { mtu = 247, octets = 20_000, valueMs = 2, reassembles = true, wrap = (link) => link } = options;
  const clock = new VirtualClock();
  const image = imageOf(octets);
  const slot = new MemorySlot(octets);
  const buffers = { size: 1024, count: 4 };
  const server = new SmpServer({ clock, buffers, images: hostOf(slot), ...options.server });
  const knowledge: SmpKnowledge = {};
  let links = 0;
  const connect = () => {
    links++;
    const { client, server: serverEnd } = memoryGattLinks(clock, { mtu, valueMs });
    const { size } = server.buffers;
    server.attach(new SmpBleTransport(serverEnd, clock, { side: 'server', reassembles, bufferOctets: size }));
    const transport = new SmpBleTransport(wrap(client, clock), clock, { side: 'client' });
    return { link: client, client: new SmpClient(transport, clock, { knowledge }) };
  };
  /** As an update does: a new link where that helps, ten at most. */
  const upload = async (
    uploadOptions: ImageUploadOptions = {},
    begun: (link: GattLink, client: SmpClient) => void = () => {},
  ) => {
    const causes: string[] = [];
    for (;;) {
      const { client, link } = connect();
      begun(link, client);
      try {
        await startImageUpload(client, image, uploadOptions).finished;
        client.close();
        return { outcome: 'done', causes };
      } catch (error) {
        if (!(error instanceof MeshError)) throw error;
        client.close();
        causes.push(error.code);
        if (!wantsReconnect(error) || causes.length > 10) return { outcome: error.code, causes };
      }
    }
  };
  const isRight = () => slot.octets.subarray(0, octets).every((octet, i) => octet === image[i]);
  return { clock, server, knowledge, connect, upload, isRight, image, slot, links: () => links };
}

describe('uploads over BLE', () => {
  it.each([23, 27, 64, 65, 100, 185, 247, 251, 498])('bring every octet at MTU %i, in pieces', async (mtu) => {
    const { clock, upload, isRight, knowledge } = world({ mtu, octets: 8000 });
    expect(await settled(clock, upload())).toEqual({ outcome: 'done', causes: [] });
    expect(isRight()).toBe(true);
    expect(knowledge).toEqual({ protocol: 2, reassembles: true });
  });

  it.each([65, 100, 185, 247, 498])('do so at MTU %i to a device that puts nothing together', async (mtu) => {
    const { clock, upload, isRight, knowledge, links } = world({ mtu, octets: 8000, reassembles: false });
    expect(await settled(clock, upload())).toEqual({ outcome: 'done', causes: [] });
    expect(isRight()).toBe(true);
    // It calls the first piece corrupt, so that no new link is needed.
    expect(knowledge.reassembles).toBe(false);
    expect(links()).toBe(1);
  });

  it('say so at an MTU too small for a device that puts nothing together', async () => {
    const { clock, upload } = world({ mtu: 23, reassembles: false });
    expect((await settled(clock, upload())).outcome).toBe('smp-packet-too-small');
  });

  it('find out once what a device makes of pieces, and remember it for the next link', async () => {
    const { clock, upload, knowledge, connect } = world({ octets: 4000 });
    await settled(clock, upload());
    const { client } = connect();
    const packets: number[] = [];
    const { transport } = client;
    const send = transport.send.bind(transport);
    transport.send = (packet, done) => {
      packets.push(packet[5]! * 256 + packet[7]!);
      send(packet, done);
    };
    expect(await settled(clock, client.capacity.limits())).toEqual({ packet: 1024, window: 3 });
    expect(packets).toEqual([6]);
    expect(knowledge.reassembles).toBe(true);
  });

  it('connect anew where pieces are not answered, and then send whole packets', async () => {
    // A server that puts together packets up to its buffer, but tells of a larger one.
    const clock = new VirtualClock();
    const octets = 5000;
    const slot = new MemorySlot(octets);
    const knowledge: SmpKnowledge = {};
    const server = new SmpServer({ clock, buffers: { size: 2000, count: 4 }, images: hostOf(slot) });
    const connect = () => {
      const { client, server: end } = memoryGattLinks(clock, { mtu: 247, valueMs: 2 });
      server.attach(new SmpBleTransport(end, clock, { side: 'server', bufferOctets: 244 }));
      return new SmpClient(new SmpBleTransport(client, clock, { side: 'client' }), clock, { knowledge });
    };
    const failed: unknown = await settled(
      clock,
      startImageUpload(connect(), imageOf(octets)).finished.catch((error: MeshError) => error),
    );
    expect(failed).toMatchObject({ code: 'smp-no-reassembly' });
    expect(wantsReconnect(failed)).toBe(true);
    expect(knowledge.reassembles).toBe(false);
    expect((await settled(clock, startImageUpload(connect(), imageOf(octets)).finished)).total).toBe(octets);
  });

  it('need a new link where the firmware has changed to one that puts nothing together', async () => {
    const { clock, upload, isRight, knowledge } = world({ reassembles: false });
    knowledge.reassembles = true;
    expect(await settled(clock, upload())).toEqual({ outcome: 'done', causes: ['smp-no-reassembly'] });
    expect(isRight()).toBe(true);
  });

  it('to a device that does not tell its buffers go one packet with each write', async () => {
    const { clock, upload, isRight, knowledge } = world({ server: { parameters: false } });
    expect(await settled(clock, upload())).toEqual({ outcome: 'done', causes: [] });
    expect(isRight()).toBe(true);
    expect(knowledge.reassembles).toBeUndefined();
  });

  it('to an old server speak its version', async () => {
    for (const protocol of ['v1', 'v2'] as const) {
      const { clock, upload, isRight } = world({ server: { protocol }, octets: 5000 });
      expect((await settled(clock, upload())).outcome).toBe('done');
      expect(isRight()).toBe(true);
    }
  });
});

describe('a link that is lost', () => {
  it('at any percent: the upload goes on where it was', async () => {
    for (let percent = 0; percent <= 100; percent++) {
      const { clock, upload, isRight, links, image } = world({ octets: 10_000 });
      let isCut = false;
      let link: GattLink | undefined;
      const onProgress = ({ offset }: { offset: number }) => {
        if (isCut || offset < (image.length * percent) / 100) return;
        isCut = true;
        link?.disconnect();
      };
      const result = await settled(
        clock,
        upload({ onProgress }, (next) => {
          link = next;
        }),
      );
      expect(result.outcome, `${percent} %`).toBe('done');
      expect(isRight()).toBe(true);
      // At the end there is nothing left to connect for.
      expect(links()).toBe(percent === 100 ? 1 : 2);
    }
  });

  it('at any moment, again and again', async () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = new SeededRandom(`cuts ${seed}`);
      const { clock, upload, isRight } = world({ octets: 30_000, mtu: 23 + Math.floor(random.uniform() * 400) });
      const cuts = 1 + Math.floor(random.uniform() * 8);
      let cut = 0;
      const result = await settled(
        clock,
        upload({}, (link) => {
          if (cut++ < cuts) clock.after(random.uniform() * 800, () => link.disconnect());
        }),
      );
      expect(result.outcome).toBe('done');
      expect(isRight()).toBe(true);
    }
  });
});

/** What comes of a notification. */
type Spoil = (value: Uint8Array) => readonly { readonly value: Uint8Array; readonly afterMs: number }[];

/** A link that spoils notifications. */
class BadNotifications implements GattLink {
  readonly #inner: GattLink;
  readonly #clock: VirtualClock;
  readonly #spoil: Spoil;

  constructor(inner: GattLink, clock: VirtualClock, spoil: Spoil) {
    this.#inner = inner;
    this.#clock = clock;
    this.#spoil = spoil;
  }

  get mtu(): number {
    return this.#inner.mtu;
  }

  send(value: Uint8Array, done: (error?: MeshError) => void): void {
    this.#inner.send(value, done);
  }

  listen(listener: GattLinkListener): void {
    let open = true;
    this.#inner.listen({
      received: (value) => {
        for (const { value: piece, afterMs } of this.#spoil(value)) {
          if (afterMs === 0) listener.received(piece);
          else this.#clock.after(afterMs, () => open && listener.received(piece));
        }
      },
      disconnected: () => {
        open = false;
        listener.disconnected();
      },
    });
  }

  disconnect(): void {
    this.#inner.disconnect();
  }
}

describe('notifications', () => {
  it('cut and merged at any octet are put together', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const random = new SeededRandom(`cut ${seed}`);
      let rest = new Uint8Array();
      const spoil = (value: Uint8Array) => {
        rest = concat(rest, value) as Uint8Array<ArrayBuffer>;
        const pieces: { value: Uint8Array; afterMs: number }[] = [];
        while (rest.length > 0) {
          const length = 1 + Math.floor(random.uniform() * 40);
          // Sometimes an end waits for what comes next, or for nothing.
          pieces.push({ value: rest.subarray(0, length), afterMs: 0 });
          rest = rest.subarray(length) as Uint8Array<ArrayBuffer>;
        }
        return pieces;
      };
      const { clock, upload, isRight } = world({
        octets: 10_000,
        wrap: (link, time) => new BadNotifications(link, time, spoil),
      });
      expect(await settled(clock, upload())).toEqual({ outcome: 'done', causes: [] });
      expect(isRight()).toBe(true);
    }
  });

  it('lost, doubled, late, spoilt: an upload ends with every octet, or with its cause', async () => {
    const outcomes = new Map<string, number>();
    for (let seed = 0; seed < 120; seed++) {
      const random = new SeededRandom(`bad ${seed}`);
      const loss = random.uniform() * 0.1;
      const spoil = (value: Uint8Array) => {
        const dice = random.uniform();
        if (dice < loss) return [];
        const afterMs = random.uniform() < 0.05 ? random.uniform() * 15_000 : 0;
        if (dice < loss + 0.05) {
          return [
            { value, afterMs },
            { value, afterMs: afterMs + 1 },
          ];
        }
        if (dice > 0.99) {
          const spoilt = value.slice();
          spoilt[Math.floor(random.uniform() * spoilt.length)]! ^= 1 << Math.floor(random.uniform() * 8);
          return [{ value: spoilt, afterMs }];
        }
        return [{ value, afterMs }];
      };
      const mtu = 23 + Math.floor(random.uniform() * 476);
      const { clock, upload, isRight } = world({
        octets: 8000,
        mtu,
        wrap: (link, time) => new BadNotifications(link, time, spoil),
      });
      const { outcome } = await settled(clock, upload(), 7_200_000);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (outcome === 'done') expect(isRight()).toBe(true);
    }
    // A bit that is turned over may make an offset that there is not, or a refusal out of an answer.
    const allowed = ['done', 'smp-bad-offset', 'smp-no-progress', 'smp-refused', 'smp-timeout', 'smp-malformed-answer'];
    expect(allowed).toEqual(expect.arrayContaining([...outcomes.keys()]));
    expect(outcomes.get('done')).toBeGreaterThan(100);
  });
});

describe('a server that does wrong', () => {
  it.each([
    ['loses every 5th answer', { dropResponse: (n: number) => n % 5 === 0 }],
    ['answers every 3rd twice', { repeatResponse: (n: number) => n % 3 === 0 }],
    ['sends stale answers before others', { staleResponse: (n: number) => n % 2 === 0 }],
    ['has wrong sequence numbers now and then', { wrongSequence: (n: number) => n % 7 === 0 }],
    ['sends octets behind its answers', { extraOctets: (n: number) => n % 2 === 1 }],
    ['sends malformed answers now and then', { malformedResponse: (n: number) => n % 6 === 0 }],
    ['is busy now and then', { busy: (n: number) => n % 4 === 0 }],
    ['is slow now and then', { delayResponse: (n: number) => (n % 9 === 0 ? 4000 : 0) }],
    ['does not hear every 11th request', { dropRequest: (n: number) => n % 11 === 0 }],
  ])('and %s gets every octet', async (_, faults) => {
    const { clock, upload, isRight } = world({ server: { faults }, octets: 12_000 });
    const { outcome } = await settled(clock, upload());
    expect(outcome).toBe('done');
    expect(isRight()).toBe(true);
  });

  it('and whose flash fails is given up, with the cause', async () => {
    const { clock, upload } = world({ server: { faults: { flashErrorAt: 5000 } } });
    expect(await settled(clock, upload())).toEqual({ outcome: 'smp-refused', causes: ['smp-refused'] });
  });
});
