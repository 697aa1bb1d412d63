import { MeshError, SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { SmpClient } from '../client/client.ts';
import { wantsReconnect } from '../client/errors.ts';
import { PacketLink, type PacketLinkOptions, settled } from '../client/testing/packet-link.ts';
import { refusal, TestDevice, type TestDeviceOptions } from '../client/testing/test-device.ts';
import { ImageUpload } from '../messages/image.ts';
import { decodeHeader } from '../packet.ts';
import { type ImageUploadOptions, startImageUpload } from './image-upload.ts';
import type { TransferProgress } from './progress.ts';

const content = new SeededRandom('image').bytes(20_000);

function bench(device: TestDeviceOptions = {}, link: PacketLinkOptions = {}) {
  const clock = new VirtualClock();
  const target = new TestDevice(clock, device);
  const connect = () => new PacketLink(clock, target.receive, link);
  const transport = connect();
  const client = new SmpClient(transport, clock);
  const progress: TransferProgress[] = [];
  const onProgress = (step: TransferProgress) => progress.push(step);
  const start = (options: ImageUploadOptions = {}) => startImageUpload(client, content, { onProgress, ...options });
  const upload = (options?: ImageUploadOptions) => settled(clock, start(options).finished);
  const failure = (options?: ImageUploadOptions) =>
    settled(
      clock,
      start(options).finished.then(
        () => Promise.reject(new Error('it should have failed')),
        (error: MeshError) => error,
      ),
    );
  const again = (options: ImageUploadOptions = {}) => {
    const next = new SmpClient(connect(), clock);
    return settled(clock, startImageUpload(next, content, { onProgress, ...options }).finished);
  };
  return { clock, target, transport, client, progress, start, upload, failure, again };
}

/** The upload requests among packets: offset and octets. */
function chunks(packets: readonly Uint8Array[]): string[] {
  return packets.flatMap((packet) => {
    const header = decodeHeader(packet)!;
    const request = ImageUpload.decodeRequest(packet.subarray(8));
    if (header.group !== 1 || !request.ok) return [];
    return [`${request.value.off}+${request.value.data?.length}`];
  });
}

/** Loses what `lost` says, by the number of the upload packet in this direction, from 1. */
function losing(...lost: number[]) {
  let count = 0;
  return (packet: Uint8Array) => {
    if (packet[5] === 1 && packet[4] === 0) count++;
    return lost.includes(count) && packet[5] === 1 ? [] : [{ afterMs: 0, packet }];
  };
}

const whole = { total: 20_000, moved: 20_000, match: undefined };

describe('an upload', () => {
  it('brings every octet, the window full from the second chunk on', async () => {
    const { upload, target, transport, progress } = bench({ workMs: 20 });
    expect(await upload()).toEqual(whole);
    expect(target.content).toEqual(content);
    expect(target.overruns).toBe(0);
    // The buffers are 1024 octets: 957 of data in the first, 1000 in others.
    expect(chunks(transport.sent).slice(0, 3)).toEqual(['0+957', '957+1000', '1957+1000']);
    expect(transport.sent.every(({ length }) => length <= 1024)).toBe(true);
    expect(progress.at(-1)).toMatchObject({ offset: 20_000, total: 20_000 });
  });

  it('sends number, length, hash and "upgrade" in the first chunk only', async () => {
    const { upload, transport } = bench();
    await upload({ image: 2, upgradeOnly: true });
    const [first, ...others] = transport.sent.slice(1).map((packet) => ImageUpload.decodeRequest(packet.subarray(8)));
    expect(first).toMatchObject({
      ok: true,
      value: { image: 2, len: 20_000, off: 0, sha: portableCrypto.sha256(content), upgrade: true },
    });
    for (const other of others) expect(other.ok && Object.keys(other.value)).toEqual(['off', 'data']);
  });

  it('waits for the erasing of the slot, and sends nothing meanwhile', async () => {
    const { upload, transport, clock } = bench({ eraseMs: 35_000 });
    const finished = upload({ window: 8 });
    expect(await finished).toEqual(whole);
    expect(clock.now).toBeGreaterThan(35_000);
    expect(chunks(transport.sent)[0]).toBe('0+957');
    expect(chunks(transport.sent).filter((chunk) => chunk.startsWith('0+')).length).toBe(1);
  });

  it('goes in a window of one where the device does not tell its buffers, in the packets of the link', async () => {
    const { upload, transport } = bench({ noParameters: true, bufCount: 2 }, { limit: 300 });
    expect(await upload()).toEqual(whole);
    expect(Math.max(...transport.sent.map(({ length }) => length))).toBe(300);
  });

  it('keeps to alignment, window and buffer size when asked to', async () => {
    const { upload, transport, clock } = bench({ workMs: 50, bufCount: 9 });
    await upload({ alignment: 16, window: 2, bufferSize: 300 });
    const lengths = chunks(transport.sent).map((chunk) => Number(chunk.split('+')[1]));
    expect(lengths.slice(0, -1).every((length) => length % 16 === 0 && length > 200)).toBe(true);
    // Two of them are worked on one after the other, 50 ms each.
    expect(clock.now).toBeGreaterThan(lengths.length * 50);
  });

  it('leaves the hash out where a packet is too small for both, and refuses smaller ones', async () => {
    for (const [limit, sha] of [
      [98, true],
      [97, false],
      [60, false],
    ] as const) {
      const { upload, transport } = bench({ bufSize: limit }, { limit });
      expect(await upload()).toEqual(whole);
      const first = ImageUpload.decodeRequest(transport.sent[1]!.subarray(8));
      expect(first.ok && first.value.sha !== undefined).toBe(sha);
    }
    const { failure } = bench({ bufSize: 59 });
    const error = await failure();
    expect(error.code).toBe('smp-packet-too-small');
    expect(error.hint).toContain('MTU');
  });

  it('of less than a chunk is one request', async () => {
    const clock = new VirtualClock();
    const target = new TestDevice(clock);
    const client = new SmpClient(new PacketLink(clock, target.receive), clock);
    const small = content.subarray(0, 40);
    expect(await settled(clock, client.image.upload(small))).toEqual({ total: 40, moved: 40, match: undefined });
    expect(target.content).toEqual(small);
  });
});

describe('the answered offset counts', () => {
  it('a lost chunk: what came behind it is sent again from the gap on, once all are answered', async () => {
    const { upload, target, transport } = bench({ workMs: 5 }, { toDevice: losing(3) });
    expect(await upload()).toEqual(whole);
    expect(target.content).toEqual(content);
    expect(chunks(transport.sent).slice(1, 7)).toEqual([
      '957+1000',
      '1957+1000',
      '2957+1000',
      '3957+1000',
      '1957+1000',
      '2957+1000',
    ]);
  });

  it('a lost answer costs nothing: a later one tells', async () => {
    const { upload, transport, clock } = bench({ workMs: 5 }, { toClient: losing(3) });
    expect(await upload()).toEqual(whole);
    expect(new Set(chunks(transport.sent)).size).toBe(chunks(transport.sent).length);
    expect(clock.now).toBeLessThan(1000);
  });

  it('answers that come twice or late change nothing', async () => {
    const twice = (packet: Uint8Array) => [
      { afterMs: 0, packet },
      { afterMs: 40, packet },
    ];
    const { upload, target, client } = bench({ workMs: 5 }, { toClient: twice });
    expect(await upload()).toEqual(whole);
    expect(target.content).toEqual(content);
    expect(client.dropped.foreign + client.dropped.stale).toBeGreaterThan(10);
  });

  it('a chunk that comes twice does neither', async () => {
    const twice = (packet: Uint8Array) => [
      { afterMs: 0, packet },
      { afterMs: 100, packet },
    ];
    const { upload, target } = bench({ bufCount: 12 }, { toDevice: twice });
    expect((await upload({ window: 3 })).total).toBe(20_000);
    expect(target.erases).toBe(1);
  });

  it('the device goes on with what it has after a lost link, and rate and report count only what was moved', async () => {
    const { start, transport, again, target, clock, progress } = bench({ workMs: 20 });
    const first = start();
    clock.advance(1);
    const ended = first.finished.catch((error: MeshError) => error);
    clock.after(200, () => transport.cut());
    const error = await settled(clock, ended);
    expect(error).toMatchObject({ code: 'link-lost' });
    expect(wantsReconnect(error)).toBe(true);
    clock.advance(1000);
    const had = target.offset;
    expect(had).toBeGreaterThan(3000);
    const before = progress.length;
    const report = await again();
    expect(report).toEqual({ total: 20_000, moved: 20_000 - had + 957, match: undefined });
    expect(progress[before]!.offset).toBe(had);
    expect(target.erases).toBe(1);
    expect(target.content).toEqual(content);
  });

  it('a device that restarts is sent everything again', async () => {
    const { start, target, clock, progress } = bench({ workMs: 20 });
    const { finished } = start();
    clock.after(250, () => target.reboot());
    const report = await settled(clock, finished);
    expect(report.moved).toBeGreaterThan(20_000);
    expect(target.content).toEqual(content);
    expect(progress.some(({ offset }) => offset === 0)).toBe(true);
    expect(target.erases).toBe(2);
  });

  it('a device that restarts again and again is given up', async () => {
    const { start, target, clock } = bench({ workMs: 20 });
    const reboot = () => {
      target.reboot();
      clock.after(150, reboot);
    };
    clock.after(150, reboot);
    const error = await settled(
      clock,
      start().finished.catch((failed: MeshError) => failed),
    );
    expect(error).toMatchObject({ code: 'smp-no-progress' });
    expect((error as MeshError).message).toContain('fell back');
  });

  it('the answer to the last chunk lost: it is not taken for done, but sent once more from the beginning', async () => {
    const { upload, target, transport } = bench({}, { toClient: losing(21) });
    expect(chunks(transport.sent).length).toBe(0);
    const report = await upload({ window: 1 });
    expect(report.total).toBe(20_000);
    expect(target.content).toEqual(content);
    const sent = chunks(transport.sent);
    expect(sent.filter((chunk) => chunk === sent[20])).toHaveLength(3);
    expect(target.erases).toBe(2);
  });

  it('a device that has everything already says so at the first chunk', async () => {
    const clock = new VirtualClock();
    const link = new PacketLink(clock, (packet, answer) => {
      const header = decodeHeader(packet)!;
      if (header.group === 0) answer(refusal(header, 8));
      else answer(ImageUpload.encodeResponse({ off: 20_000, match: true }, header));
    });
    const report = await settled(clock, startImageUpload(new SmpClient(link, clock), content).finished);
    expect(report).toEqual({ total: 20_000, moved: 1405, match: true });
  });

  it('tells whether the device compared what it stored', async () => {
    expect(await bench({ check: 'right' }).upload()).toEqual({ ...whole, match: true });
    const error = await bench({ check: 'wrong' }).failure();
    expect(error.code).toBe('smp-upload-corrupt');
  });
});

describe('trouble', () => {
  /** A device that answers every upload request so. */
  const answering = (
    answer: (off: number, n: number) => number | 'silence' | readonly [code: number, group?: number],
  ) => {
    const clock = new VirtualClock();
    let n = 0;
    const link = new PacketLink(clock, (packet, reply) => {
      const header = decodeHeader(packet)!;
      if (header.group === 0) return reply(refusal(header, 8));
      const request = ImageUpload.decodeRequest(packet.subarray(8));
      const outcome = answer((request.ok && request.value.off) || 0, n++);
      if (outcome === 'silence') return;
      if (typeof outcome === 'number') reply(ImageUpload.encodeResponse({ off: outcome }, header));
      else reply(refusal(header, ...outcome));
    });
    const failed = async () => {
      const upload = startImageUpload(new SmpClient(link, clock), content);
      const error = await settled(
        clock,
        upload.finished.catch((thrown: MeshError) => thrown),
      );
      return error instanceof MeshError ? error.code : 'succeeded';
    };
    return { failed, clock, link };
  };

  it('no progress at an offset ends it after five times more', async () => {
    const { failed, link } = answering(() => 1405);
    expect(await failed()).toBe('smp-no-progress');
    expect(chunks(link.sent).filter((chunk) => chunk.startsWith('1405+')).length).toBe(6);
  });

  it('silence ends it, and asks for a new connection', async () => {
    const { failed, clock } = answering((off) => (off < 5000 ? off + (off === 0 ? 1405 : 1449) : 'silence'));
    expect(await failed()).toBe('smp-silent');
    // 10, 20, 20, 20 and 20 s.
    expect(clock.now).toBeLessThan(91_000);
  });

  it('an offset behind the end is not believed', async () => {
    expect(await answering(() => 20_001).failed()).toBe('smp-bad-offset');
    expect(await answering((off) => (off === 0 ? 1405 : 4_000_000_000)).failed()).toBe('smp-bad-offset');
  });

  it('offsets that jump about come to an end', async () => {
    const random = new SeededRandom(5);
    const { failed } = answering(() => Math.floor(random.uniform() * 19_999));
    expect(await failed()).toBe('smp-no-progress');
  });

  it('a busy device is asked again after 100 ms, for 40 s', async () => {
    const { clock, failed } = answering(() => [10]);
    expect(await failed()).toBe('smp-refused');
    expect(clock.now).toBeGreaterThan(40_000);
    let busy = 0;
    const patient = answering((off) => (busy++ % 3 === 0 ? [10] : off + Math.min(20_000 - off, 1405)));
    const outcome = await patient.failed();
    expect(outcome).not.toBe('smp-refused');
  });

  it('a device without memory gets one chunk at a time', async () => {
    const clock = new VirtualClock();
    const target = new TestDevice(clock, { workMs: 30, bufCount: 6 });
    let uploads = 0;
    let underWay = 0;
    const underWayLater: number[] = [];
    const link = new PacketLink(clock, (packet, answer) => {
      const header = decodeHeader(packet)!;
      if (header.group === 1 && ++uploads === 4) return answer(refusal(header, 2));
      underWay++;
      if (uploads > 10) underWayLater.push(underWay);
      target.receive(packet, (octets) => {
        underWay--;
        answer(octets);
      });
    });
    const report = await settled(clock, startImageUpload(new SmpClient(link, clock), content).finished);
    expect(report.total).toBe(20_000);
    expect(target.content).toEqual(content);
    expect(Math.max(...underWayLater)).toBe(1);
  });

  it('refusals end it with their cause', async () => {
    expect(await answering(() => [9, 1]).failed()).toBe('smp-refused');
    expect(await answering((off) => (off === 0 ? 1405 : [12, 1])).failed()).toBe('smp-refused');
  });

  it('answers that cannot be read count as lost', async () => {
    let n = 0;
    const garble = (packet: Uint8Array) => {
      const spoilt = packet[5] === 1 && ++n === 4 ? packet.with(8, 0x1f) : packet;
      return [{ afterMs: 0, packet: spoilt }];
    };
    const { upload, target, client } = bench({}, { toClient: garble });
    expect((await upload()).total).toBe(20_000);
    expect(target.content).toEqual(content);
    expect(client.dropped.malformed).toBe(1);
  });
});

describe('the user', () => {
  it('pauses: nothing new is sent, and it goes on where it was', async () => {
    const { start, clock, transport, target } = bench({ workMs: 20 });
    const upload = start();
    clock.after(200, () => upload.pause());
    clock.after(60_000, () => upload.resume());
    let sentInPause = 0;
    clock.after(300, () => (sentInPause = -transport.sent.length));
    clock.after(59_999, () => (sentInPause += transport.sent.length));
    expect((await settled(clock, upload.finished)).total).toBe(20_000);
    expect(sentInPause).toBe(0);
    expect(clock.now).toBeGreaterThan(60_000);
    expect(target.content).toEqual(content);
  });

  it('pauses before it has begun', async () => {
    const { start, clock } = bench();
    const upload = start();
    upload.pause();
    clock.after(1000, () => upload.resume());
    expect(await settled(clock, upload.finished)).toEqual(whole);
  });

  it('cancels, at any time, and nothing is sent any more', async () => {
    for (const at of [0, 3, 12, 100, 333]) {
      const { start, clock, transport } = bench({ workMs: 20 });
      const ended = new AbortController();
      const { finished } = start({ signal: ended.signal });
      const outcome = finished.catch(({ code }: MeshError) => code);
      clock.after(at, () => ended.abort());
      expect(await settled(clock, outcome)).toBe('cancelled');
      const { length } = transport.sent;
      clock.advance(60_000);
      expect(transport.sent.length).toBe(length);
    }
    const { failure } = bench();
    expect((await failure({ signal: AbortSignal.abort() })).code).toBe('cancelled');
  });

  it('is told of a lost link while it pauses', async () => {
    const { start, clock, transport } = bench();
    const upload = start();
    const outcome = upload.finished.catch(({ code }: MeshError) => code);
    clock.advance(15);
    upload.pause();
    clock.after(1000, () => transport.cut());
    expect(await settled(clock, outcome)).toBe('link-lost');
  });

  it('who makes an error in his progress gets it', async () => {
    const { failure } = bench();
    const onProgress = () => {
      throw new Error('of the user');
    };
    expect((await failure({ onProgress })).message).toBe('of the user');
  });

  it('sees the rate of the last seconds, and the time that is left', async () => {
    const { upload, progress } = bench({ workMs: 250, eraseMs: 250 });
    await upload({ window: 1 });
    const late = progress.slice(8, -1);
    // 1000 octets each 260 ms.
    for (const { bytesPerSecond, secondsLeft, offset } of late) {
      expect(bytesPerSecond).toBeGreaterThan(3500);
      expect(bytesPerSecond).toBeLessThan(4200);
      expect(secondsLeft).toBeCloseTo((20_000 - offset) / bytesPerSecond!, 5);
    }
    expect(progress[0]).toMatchObject({ bytesPerSecond: undefined, secondsLeft: undefined });
  });
});

describe('over a link that loses packets', () => {
  it('the first chunk is asked again soon, with the hash it does no harm', async () => {
    const { upload, clock, target } = bench({ eraseMs: 5000 }, { lossy: true, toDevice: losing(1) });
    expect((await upload()).total).toBe(20_000);
    expect(clock.now).toBeLessThan(9000);
    expect(target.erases).toBe(1);
  });

  it('every packet may be lost, doubled or late: it ends with every octet, or with the cause', async () => {
    let succeeded = 0;
    for (let seed = 0; seed < 150; seed++) {
      const random = new SeededRandom(seed);
      const loss = random.uniform() * 0.3;
      const fate = (packet: Uint8Array) => {
        if (random.uniform() < loss) return [];
        const afterMs = random.uniform() < 0.2 ? random.uniform() * 3000 : 0;
        const arrival = { afterMs, packet };
        return random.uniform() < 0.1 ? [arrival, { afterMs: afterMs + 500, packet }] : [arrival];
      };
      const lossy = random.uniform() < 0.7;
      const { start, clock, target } = bench({ workMs: 3 }, { lossy, toDevice: fate, toClient: fate });
      const { finished } = start();
      const outcome = await settled(
        clock,
        finished.catch(({ code }: MeshError) => code),
      );
      if (typeof outcome === 'string') {
        expect(['smp-no-progress', 'smp-silent', 'smp-timeout']).toContain(outcome);
      } else {
        succeeded++;
        expect(toHex(target.content)).toBe(toHex(content));
      }
    }
    expect(succeeded).toBeGreaterThan(110);
  });

  it('a lost request costs a round trip, also when what was sent behind it is lost as well', async () => {
    for (const lost of [[3], [3, 5], [4, 5], [3, 4, 6], [10, 12, 13]]) {
      const { upload, target, clock } = bench({ workMs: 1 }, { lossy: true, toDevice: losing(...lost) });
      expect(await upload()).toEqual(whole);
      expect(target.content).toEqual(content);
      expect(clock.now, `lost: ${lost}`).toBeLessThan(200);
    }
  });

  it('a whole window that is lost is missed after the time that answers take', async () => {
    const { upload, clock } = bench({ workMs: 1 }, { lossy: true, toDevice: losing(8, 9, 10) });
    expect(await upload()).toEqual(whole);
    expect(clock.now).toBeLessThan(750);
  });

  it('answers in another order are no sign of a device that lost what it had', async () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = new SeededRandom(`order ${seed}`);
      const late = (packet: Uint8Array) => [{ afterMs: random.uniform() < 0.3 ? random.uniform() * 20 : 0, packet }];
      const { upload, target } = bench({ workMs: 0.5 }, { lossy: true, toDevice: late, toClient: late });
      expect((await upload({ chunkOctets: 200 })).total).toBe(20_000);
      expect(target.content).toEqual(content);
      expect(target.erases).toBe(1);
    }
  });

  it.each([1, 2])(
    'a device that has fewer buffers than it tells, %i, soon gets no more than it takes',
    async (buffers) => {
      for (const lossy of [true, false]) {
        const clock = new VirtualClock();
        const target = new TestDevice(clock, { workMs: 2 });
        let held = 0;
        const receive: TestDevice['receive'] = (packet, answer) => {
          if (held === buffers) return;
          held++;
          target.receive(packet, (octets) => {
            held--;
            answer(octets);
          });
        };
        const link = new PacketLink(clock, receive, { lossy });
        const upload = startImageUpload(new SmpClient(link, clock), content, { chunkOctets: 100 });
        expect((await settled(clock, upload.finished)).total).toBe(20_000);
        expect(target.content).toEqual(content);
        // Without a smaller window two of three would have to be sent again and again.
        expect(chunks(link.sent).length).toBeLessThan(buffers === 1 ? 700 : 270);
      }
    },
  );

  it('a device that is without memory for a moment is given time, and one that stays so ends it', async () => {
    const clock = new VirtualClock();
    const target = new TestDevice(clock, { workMs: 5 });
    let n = 0;
    const link = new PacketLink(clock, (packet, answer) => {
      const header = decodeHeader(packet)!;
      if (header.group === 1 && ++n >= 2 && n <= 6) answer(refusal(header, 2));
      else target.receive(packet, answer);
    });
    expect((await settled(clock, startImageUpload(new SmpClient(link, clock), content).finished)).total).toBe(20_000);
    const refusing = new PacketLink(clock, (packet, answer) => {
      const header = decodeHeader(packet)!;
      if (header.group === 1 && ++n > 40) answer(refusal(header, 2));
      else target.receive(packet, answer);
    });
    const failed = startImageUpload(new SmpClient(refusing, clock), content).finished.catch(
      ({ code }: MeshError) => code,
    );
    expect(await settled(clock, failed)).toBe('smp-refused');
  });
});
