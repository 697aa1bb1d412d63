import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { crc32 } from '@meshferry/firmware';
import { describe, expect, it } from 'vitest';
import { SmpClient } from '../client/client.ts';
import { isRefusal } from '../client/errors.ts';
import { PacketLink, type PacketLinkOptions, settled } from '../client/testing/packet-link.ts';
import { PipeEnd } from '../client/testing/pipe-end.ts';
import { refusal, TestDevice, type TestDeviceOptions } from '../client/testing/test-device.ts';
import { FileDownload, type FileDownloadAnswer, FileStatus, FileUpload } from '../messages/file-system.ts';
import { decodeHeader } from '../packet.ts';
import { ServerFiles } from '../server/files.ts';
import { SmpServer } from '../server/smp-server.ts';

const content = new SeededRandom('file').bytes(5000);
const name = '/lfs1/a.bin';
const hashes = (type: string, file: Uint8Array) => (type === 'sha256' ? portableCrypto.sha256(file) : crc32(file));

function bench(device: TestDeviceOptions = {}, link: PacketLinkOptions = {}) {
  const clock = new VirtualClock();
  const target = new TestDevice(clock, device);
  target.fileHash = hashes;
  const transport = new PacketLink(clock, target.receive, link);
  const client = new SmpClient(transport, clock);
  const run = <T>(promise: Promise<T>) => settled(clock, promise);
  return { clock, target, transport, client, run, files: client.files };
}

describe('a file', () => {
  it.each([0, 1, 100, 5000])('of %i octets goes up, and its hash is compared', async (size) => {
    const { files, run, target } = bench();
    const file = content.subarray(0, size);
    expect(await run(files.upload(name, file))).toEqual({ total: size, moved: size, match: true });
    expect(target.files.get(name)).toEqual(file);
  });

  it('has its length in the first chunk only, its name in all', async () => {
    const { files, run, transport } = bench();
    await run(files.upload(name, content));
    const chunks = transport.sent.flatMap((packet) => {
      const { group, op, command } = decodeHeader(packet)!;
      const request = FileUpload.decodeRequest(packet.subarray(8));
      return group === 8 && command === 0 && op === 2 && request.ok ? [request.value] : [];
    });
    expect(chunks[0]).toMatchObject({ off: 0, name, len: 5000 });
    for (const chunk of chunks.slice(1)) expect(Object.keys(chunk)).toEqual(['off', 'data', 'name']);
    expect(transport.sent.every(({ length }) => length <= 1024)).toBe(true);
  });

  it('lost chunks of which are refused with the length the device has', async () => {
    let n = 0;
    const { files, run, target } = bench({}, { toDevice: (packet) => (++n === 4 ? [] : [{ afterMs: 0, packet }]) });
    expect(await run(files.upload(name, content))).toEqual({ total: 5000, moved: 5000, match: true });
    expect(target.files.get(name)).toEqual(content);
  });

  it('is compared by its CRC where the device has no better, and not where it has none', async () => {
    const { files, run, target } = bench();
    target.fileHash = (type, file) => (type === 'crc32' ? crc32(file) : undefined);
    expect((await run(files.upload(name, content))).match).toBe(true);
    target.fileHash = undefined;
    expect((await run(files.upload(name, content))).match).toBeUndefined();
  });

  it('whose hash differs is no success', async () => {
    const { files, run, target } = bench();
    target.fileHash = (_, file) => crc32(file) ^ 1;
    await expect(run(files.upload(name, content))).rejects.toMatchObject({ code: 'smp-file-damaged' });
    target.files.set(name, content);
    await expect(run(files.download(name))).rejects.toMatchObject({ code: 'smp-file-damaged' });
  });

  it('of which the device has the beginning goes on from there', async () => {
    const { run, target, clock } = bench();
    for (const [there, moved] of [
      [content.subarray(0, 2000), 3000],
      [content, 0],
      [new Uint8Array(2000), 5000],
      [new Uint8Array(6000), 5000],
      [undefined, 5000],
    ] as const) {
      if (there === undefined) target.files.delete(name);
      else target.files.set(name, there);
      const link = new PacketLink(clock, (packet, answer) => {
        const header = decodeHeader(packet)!;
        const file = target.files.get(name);
        if (header.group !== 8 || header.command !== 1) target.receive(packet, answer);
        else if (file === undefined) answer(refusal(header, 3, 8));
        else answer(FileStatus.encodeResponse({ len: file.length }, header));
      });
      const report = await run(new SmpClient(link, clock).files.upload(name, content, { resume: true }));
      expect(report).toEqual({ total: 5000, moved, match: true });
      expect(target.files.get(name)).toEqual(content);
    }
  });

  it('cannot go in packets that its name fills', async () => {
    const { client, run } = bench({ bufSize: 60 });
    const upload = client.files.upload(`/lfs1/${'x'.repeat(40)}`, content);
    await expect(run(upload)).rejects.toMatchObject({ code: 'smp-packet-too-small' });
  });

  it.each([0, 1, 99, 100, 101, 5000])('of %i octets comes down, and its hash is compared', async (size) => {
    const { files, run, target } = bench();
    target.files.set(name, content.subarray(0, size));
    const offsets: number[] = [];
    const onProgress = ({ offset }: { offset: number }) => offsets.push(offset);
    expect(await run(files.download(name, { onProgress }))).toEqual(content.subarray(0, size));
    expect(offsets.at(-1)).toBe(size);
  });

  it('comes down over a link that loses packets', async () => {
    let ms = 0;
    for (let seed = 0; seed < 20; seed++) {
      const random = new SeededRandom(`down ${seed}`);
      const fate = (packet: Uint8Array) => (random.uniform() < 0.05 ? [] : [{ afterMs: 0, packet }]);
      const { files, run, target, clock } = bench({}, { lossy: true, toClient: fate, toDevice: fate });
      target.files.set(name, content);
      expect(await run(files.download(name))).toEqual(content);
      ms += clock.now;
    }
    // Some five losses in fifty requests, three of which are under way at a time.
    expect(ms / 20).toBeLessThan(6000);
  });

  it('that is not there, or too large, is not downloaded', async () => {
    const { files, run, target } = bench();
    const error: unknown = await run(files.download('/lfs1/none').catch((thrown: MeshError) => thrown));
    expect(isRefusal(error, 8, 3)).toBe(true);
    target.files.set(name, content);
    await expect(run(files.download(name, { mostOctets: 4999 }))).rejects.toMatchObject({ code: 'smp-file-too-large' });
    const download = files.download(name, { signal: AbortSignal.abort() });
    await expect(run(download)).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('that the device makes no sense of is not downloaded', async () => {
    for (const answer of [
      (off: number) => ({ off, data: new Uint8Array(5) }),
      (off: number) => ({ off, data: new Uint8Array(5), len: 4 }),
      (off: number) => ({ off: off + 1, data: new Uint8Array(5), len: 10 }),
      (off: number) => ({ off, data: new Uint8Array(off === 0 ? 5 : 0), len: 10 }),
    ] as ((off: number) => FileDownloadAnswer)[]) {
      const clock = new VirtualClock();
      const link = new PacketLink(clock, (packet, reply) => {
        const header = decodeHeader(packet)!;
        if (header.group === 0) return reply(refusal(header, 8));
        const request = FileDownload.decodeRequest(packet.subarray(8));
        reply(FileDownload.encodeResponse(answer((request.ok && request.value.off) || 0), header));
      });
      const download = new SmpClient(link, clock).files.download(name);
      const error = await settled(
        clock,
        download.catch((thrown: MeshError) => thrown),
      );
      expect(error instanceof MeshError && error.code).toBe('smp-bad-file');
    }
  });

  it('upload that is cancelled while the hash is asked for ends so', async () => {
    const { client, run, clock, target } = bench();
    const ended = new AbortController();
    target.fileHash = (type, file) => {
      ended.abort();
      return hashes(type, file);
    };
    const upload = client.files.upload(name, content, { signal: ended.signal });
    await expect(run(upload)).rejects.toMatchObject({ code: 'cancelled' });
    clock.advance(10_000);
  });

  it('is closed before its hash is asked for: a device that refused an offset leaves it open', async () => {
    const clock = new VirtualClock();
    const server = new SmpServer({ clock, buffers: { size: 1024, count: 4 }, files: new ServerFiles() });
    const end = new PipeEnd(clock);
    server.attach(end);
    let n = 0;
    const link = new PacketLink(clock, end.deliver, {
      lossy: true,
      toDevice: (packet) => (packet[5] === 8 && ++n === 3 ? [] : [{ afterMs: 0, packet }]),
    });
    const client = new SmpClient(link, clock);
    expect(await settled(clock, client.files.upload(name, content))).toMatchObject({ total: 5000, match: true });
    expect(clock.now).toBeLessThan(1000);
    expect(server.files.at(name)).toEqual(content);
    // So does one that goes on with a file of before.
    server.files.write(name, content.subarray(0, 2000));
    const resumed = await settled(clock, client.files.upload(name, content, { resume: true }));
    expect(resumed).toEqual({ total: 5000, moved: 3000, match: true });
  });

  it('comes down in a window of requests where the device has buffers for them', async () => {
    const took = async (bufCount: number) => {
      const { files, run, target, clock } = bench({ workMs: 1, bufCount }, { delayMs: 20 });
      target.files.set(name, content);
      expect(await run(files.download(name))).toEqual(content);
      expect(target.overruns).toBe(0);
      return clock.now;
    };
    // 50 times 100 octets, 41 ms each.
    const oneByOne = await took(2);
    expect(oneByOne).toBeGreaterThan(2000);
    expect(await took(4)).toBeLessThan(oneByOne * 0.4);
  });

  it('comes down whole from a device that gives less than it did', async () => {
    const clock = new VirtualClock();
    const target = new TestDevice(clock);
    target.files.set(name, content);
    const given: number[] = [];
    const link = new PacketLink(clock, (packet, answer) => {
      const header = decodeHeader(packet)!;
      if (header.group !== 8 || header.command !== 0) return target.receive(packet, answer);
      const request = FileDownload.decodeRequest(packet.subarray(8));
      const off = (request.ok && request.value.off) || 0;
      given.push(off);
      const data = content.subarray(off, off + (off < 2000 ? 300 : 170));
      answer(FileDownload.encodeResponse({ off, data, ...(off === 0 && { len: content.length }) }, header));
    });
    const client = new SmpClient(link, clock);
    expect(await settled(clock, client.files.download(name))).toEqual(content);
    expect(given.length).toBeLessThan(32);
  });

  it('download of which a request fails asks for nothing more', async () => {
    const { client, run, transport, target, clock } = bench({ workMs: 5 });
    target.files.set(name, content);
    const abort = new AbortController();
    const onProgress = ({ offset }: { offset: number }) => offset > 1000 && abort.abort();
    const download = client.files.download(name, { signal: abort.signal, onProgress });
    await expect(run(download)).rejects.toMatchObject({ code: 'cancelled' });
    const { length } = transport.sent;
    clock.advance(100_000);
    expect(transport.sent.length).toBe(length);
  });
});
