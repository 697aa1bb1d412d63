import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { crc32 } from '@meshferry/firmware';
import { describe, expect, it } from 'vitest';
import { SmpClient } from '../client/client.ts';
import { isRefusal } from '../client/errors.ts';
import { PacketLink, type PacketLinkOptions, settled } from '../client/testing/packet-link.ts';
import { refusal, TestDevice, type TestDeviceOptions } from '../client/testing/test-device.ts';
import { FileDownload, type FileDownloadAnswer, FileStatus, FileUpload } from '../messages/file-system.ts';
import { decodeHeader } from '../packet.ts';

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
      const { group, op } = decodeHeader(packet)!;
      const request = FileUpload.decodeRequest(packet.subarray(8));
      return group === 8 && op === 2 && request.ok ? [request.value] : [];
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
    const random = new SeededRandom(1);
    const fate = (packet: Uint8Array) => (random.uniform() < 0.2 ? [] : [{ afterMs: 0, packet }]);
    const { files, run, target } = bench({}, { lossy: true, toClient: fate, toDevice: fate });
    target.files.set(name, content);
    expect(await run(files.download(name))).toEqual(content);
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
        const request = FileDownload.decodeRequest(packet.subarray(8));
        reply(FileDownload.encodeResponse(answer((request.ok && request.value.off) || 0), decodeHeader(packet)!));
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
});
