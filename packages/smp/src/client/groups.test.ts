import { SeededRandom, utf8, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { ServerFiles } from '../server/files.ts';
import type { SmpServerOptions } from '../server/server-options.ts';
import { SmpServer } from '../server/smp-server.ts';
import { hostOf, IMAGE_MAGIC, MemorySlot } from '../testing/ideal-host.ts';
import { SmpClient } from './client.ts';
import { isRefusal, type SmpRefusedError } from './errors.ts';
import { PacketLink, settled } from './testing/packet-link.ts';
import { PipeEnd } from './testing/pipe-end.ts';

/** A client of a whole server. */
function bench(options: Partial<SmpServerOptions> = {}) {
  const clock = new VirtualClock();
  const server = new SmpServer({ clock, buffers: { size: 1024, count: 4 }, ...options });
  const end = new PipeEnd(clock);
  const link = new PacketLink(clock, end.deliver);
  server.attach(end);
  const client = new SmpClient(link, clock);
  const run = <T>(promise: Promise<T>) => settled(clock, promise);
  const refused = (promise: Promise<unknown>) =>
    run(
      promise.then(
        () => Promise.reject(new Error('it should have been refused')),
        (error: SmpRefusedError) => error,
      ),
    );
  return { clock, server, client, run, refused };
}

describe('the OS group', () => {
  it('answers', async () => {
    let resets = 0;
    const { client, run, clock } = bench({
      bootloader: { mode: 3, noDowngrade: true, activeB0Slot: 1 },
      info: { kernelName: 'Zephyr', kernelVersion: '4.4.0' },
      dateTime: true,
      reset: () => resets++,
    });
    const { os } = client;
    expect(await run(os.echo('hällo\n'))).toBe('hällo\n');
    expect(await run(os.parameters())).toEqual({ bufSize: 1024, bufCount: 4 });
    expect(await run(os.info('sv'))).toBe('Zephyr 4.4.0');
    expect(await run(os.bootloader())).toBe('MCUboot');
    expect(await run(os.bootloaderMode())).toEqual({ mode: 3, noDowngrade: true });
    expect(await run(os.activeB0Slot())).toBe(1);
    await run(os.setDateTime('2026-11-22T01:02:03'));
    expect(await run(os.dateTime())).toContain('2026-11-22T01:02:03');
    expect(await run(os.tasks())).toBeInstanceOf(Map);
    await run(os.reset({ force: true }));
    clock.advance(1000);
    expect(resets).toBe(1);
  });

  it('says what it has not', async () => {
    const { client, refused } = bench();
    expect(isRefusal(await refused(client.os.bootloader()), 'smp', 8)).toBe(true);
    expect(isRefusal(await refused(client.os.memoryPools()), 'smp', 8)).toBe(true);
    expect(isRefusal(await refused(client.os.consoleEcho(true)), 'smp', 8)).toBe(true);
    expect(isRefusal(await refused(client.os.info('?')), 0, 2)).toBe(true);
  });

  it('is asked for its parameters once, also where it has none', async () => {
    for (const parameters of [true, false]) {
      const { client, run } = bench({ parameters });
      const both = await run(Promise.all([client.os.parameters(), client.os.parameters()]));
      expect(both[0]).toBe(both[1]);
      expect(await run(client.os.parameters())).toBe(both[0]);
      expect(both[0] === undefined).toBe(!parameters);
    }
  });
});

describe('the image group', () => {
  it('takes an image and erases it, twice if need be', async () => {
    const image = new SeededRandom(1).bytes(3000);
    image.set(IMAGE_MAGIC);
    for (const personality of ['zephyr-3.4.99', 'zephyr-4.4.0'] as const) {
      const slot = new MemorySlot(3000);
      const { client, run } = bench({ personality, images: hostOf(slot) });
      expect((await run(client.image.upload(image))).total).toBe(3000);
      expect(slot.octets.subarray(0, 3000)).toEqual(image);
      await run(client.image.erase());
      expect(slot.octets.every((octet) => octet === 0xff)).toBe(true);
      await run(client.image.erase());
      await run(client.image.erase(1));
    }
  });

  it('says why not', async () => {
    const { client, refused, run } = bench({ images: hostOf(new MemorySlot(3000)) });
    expect((await refused(client.image.erase(7))).refusal.group).toBe(1);
    expect(isRefusal(await refused(client.image.test(new Uint8Array(32))), 1, 8)).toBe(true);
    expect(isRefusal(await refused(client.image.confirm(new Uint8Array(32))), 1, 8)).toBe(true);
    expect((await run(client.image.slots())).length).toBe(1);
    expect((await run(client.image.list())).images).toBeInstanceOf(Array);
  });
});

describe('the other groups', () => {
  it('statistics', async () => {
    const { client, run, refused } = bench({ statistics: new Map([['smp', new Map([['requests', 7]])]]) });
    expect(await run(client.statistics.list())).toContain('smp');
    expect((await run(client.statistics.read('smp'))).fields.get('requests')).toBe(7);
    expect((await refused(client.statistics.read('none'))).refusal.layer).toBe('group');
  });

  it('settings', async () => {
    const { client, run, refused } = bench();
    const { settings } = client;
    await run(settings.write('app/val', utf8('1')));
    expect((await run(settings.read('app/val'))).val).toEqual(utf8('1'));
    await run(settings.commit());
    await run(settings.save());
    await run(settings.load());
    await run(settings.delete('app/val'));
    expect((await refused(settings.read('app/val', 10))).code).toBe('smp-refused');
  });

  it('log', async () => {
    const log = [{ name: 'reboot', type: 0, entries: [{ msg: 'on', ts: 1, level: 2, index: 3, module: 4 }] }];
    const { client, run } = bench({ log });
    expect((await run(client.log.show())).logs[0]).toMatchObject({ name: 'reboot' });
    expect(await run(client.log.list())).toEqual(['reboot']);
    expect(await run(client.log.modules())).toBeInstanceOf(Map);
    expect(await run(client.log.levels())).toBeInstanceOf(Map);
    await run(client.log.clear());
  });

  it('files', async () => {
    const files = new ServerFiles();
    const { client, run } = bench({ files });
    const content = new SeededRandom(2).bytes(4000);
    expect(await run(client.files.upload('/lfs1/a.bin', content))).toEqual({ total: 4000, moved: 4000, match: true });
    expect(await run(client.files.size('/lfs1/a.bin'))).toBe(4000);
    expect(await run(client.files.download('/lfs1/a.bin'))).toEqual(content);
    expect([...(await run(client.files.hashTypes())).keys()]).toContain('sha256');
    expect((await run(client.files.hash({ name: '/lfs1/a.bin' }))).type).toBe('crc32');
    await run(client.files.close());
    const report = await run(client.files.upload('/lfs1/a.bin', content, { resume: true }));
    expect(report).toEqual({ total: 4000, moved: 0, match: true });
  });

  it('shell', async () => {
    const { client, run } = bench({ shell: ([word]) => ({ output: `${word}!`, ret: -3 }) });
    expect(await run(client.shell.execute(['go', 'on']))).toEqual({ o: 'go!', ret: -3 });
  });

  it('enumeration', async () => {
    const { client, run } = bench();
    const groups = await run(client.enumeration.list());
    expect(await run(client.enumeration.count())).toBe(groups.length);
    expect((await run(client.enumeration.single(0))).group).toBe(groups[0]);
    expect((await run(client.enumeration.details([0]))).map(({ group }) => group)).toEqual([0]);
  });

  it('basic', async () => {
    const { client, run } = bench();
    await run(client.basic.eraseStorage());
    const without = bench({ without: [63] });
    expect(isRefusal(await without.refused(without.client.basic.eraseStorage()), 'smp', 8)).toBe(true);
  });
});
