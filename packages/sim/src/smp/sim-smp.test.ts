import { MemoryStore, MeshError, SeededRandom, type Store, storeView } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  buildImage,
  demoSigningKey,
  formatVersion,
  generateSigningKey,
  type ImageParts,
  parseSigningKey,
  parseVersion,
  readFirmwarePackage,
} from '@meshferry/firmware';
import {
  createSmpUpdate,
  SmpClient,
  type SmpTransport,
  type SmpUpdateImage,
  type SmpUpdateOptions,
  type SmpUpdateReport,
  smpUpdateImages,
} from '@meshferry/smp';
import { describe, expect, test } from 'vitest';
import { SimSmp, type SimSmpGround } from './sim-smp.ts';
import { parseSimSmpUri } from './smp-uri.ts';

function image(version: string, parts: Partial<ImageParts> = {}): Uint8Array {
  const parsed = parseVersion(version);
  if (!parsed.ok) throw parsed.error;
  const payload = new SeededRandom(version).bytes(40_000);
  return buildImage({ payload, version: parsed.value, key: demoSigningKey(), ...parts });
}

/** Of RFC 8032, section 7.1: anybody's. */
const ED25519 = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----`;

function open(uri: string, ground: Partial<SimSmpGround> = {}): SimSmp {
  return new SimSmp({ sim: parseSimSmpUri(uri), ...ground });
}

/** Something with a client, which has one connection. */
function withClient<T>(sim: SimSmp, work: (client: SmpClient) => Promise<T>): Promise<T> {
  const transport = new Promise<SmpTransport>((resolve, reject) => {
    sim.route.open((outcome) => (outcome instanceof MeshError ? reject(outcome) : resolve(outcome)));
  });
  return sim.run(
    transport.then(async (opened) => {
      const client = new SmpClient(opened, sim.clock);
      try {
        return await work(client);
      } finally {
        client.close();
      }
    }),
  );
}

async function imagesOf(file: Uint8Array): Promise<readonly SmpUpdateImage[]> {
  const read = await readFirmwarePackage(file, { crypto: portableCrypto });
  if (!read.ok) throw read.error;
  return smpUpdateImages(read.value);
}

/** `smp update FILE`. */
async function update(
  sim: SimSmp,
  file: Uint8Array,
  options: Partial<SmpUpdateOptions> & { store?: Store } = {},
): Promise<SmpUpdateReport> {
  const job = createSmpUpdate({
    route: sim.route,
    clock: sim.clock,
    random: sim.random,
    store: new MemoryStore(),
    images: await imagesOf(file),
    ...options,
  });
  return sim.run(job.run());
}

function running({ device }: SimSmp): string[] {
  return device.running.map(({ version, slot }) => `${formatVersion(version)} in ${slot}`);
}

describe('sim:smp', () => {
  test('is a device with image 0.0.0+0, confirmed, and an empty slot of 512 KiB', async () => {
    const sim = open('sim:smp');
    const [list, parameters, mode, slots] = await withClient(sim, async (client) => [
      await client.image.list(),
      await client.os.parameters(),
      await client.os.bootloaderMode(),
      await client.image.slots(),
    ]);
    expect(list?.images).toMatchObject([{ slot: 0, version: '0.0.0', active: true, confirmed: true, bootable: true }]);
    expect(parameters).toMatchObject({ bufSize: 2475, bufCount: 4 });
    expect(mode).toMatchObject({ mode: 3 });
    expect(slots[0]?.slots.map(({ size }) => size)).toEqual([524_288, 524_288]);
    sim.close();
  });

  test.each([
    ['sim:smp', '1.0.0+0 in 0'],
    ['sim:smp,mode=scratch', '1.0.0+0 in 0'],
    ['sim:smp,mode=offset', '1.0.0+0 in 0'],
    ['sim:smp,mode=overwrite', '1.0.0+0 in 0'],
    ['sim:smp,mode=xip', '1.0.0+0 in 1'],
    ['sim:smp,mode=xip-revert', '1.0.0+0 in 1'],
    ['sim:smp,mode=ram', '1.0.0+0 in 1'],
    ['sim:smp,mode=loader', '1.0.0+0 in 0'],
    ['sim:smp,smp=1', '1.0.0+0 in 0'],
    ['sim:smp,server=zephyr-3.4.99', '1.0.0+0 in 0'],
    ['sim:smp,mtu=23', '1.0.0+0 in 0'],
    ['sim:smp,mtu=247,reassembly=0', '1.0.0+0 in 0'],
    ['sim:smp,params=0,bootinfo=0', '1.0.0+0 in 0'],
    ['sim:smp,address=changes', '1.0.0+0 in 0'],
    ['sim:smp,align=16,sector=8192,check=1,verbose=1', '1.0.0+0 in 0'],
    ['sim:smp,fail=disconnect@10+disconnect@60+reboot@30', '1.0.0+0 in 0'],
    ['sim:smp,fail=power@20', '1.0.0+0 in 0'],
    ['sim:smp,recut=1,delay=30', '1.0.0+0 in 0'],
    ['sim:smp,twice=0.3', '1.0.0+0 in 0'],
    ['sim:smp,loss=0.02', '1.0.0+0 in 0'],
    ['sim:smp,fail=answer@5+request@9+stale@7+extra@8+sequence@12', '1.0.0+0 in 0'],
    ['sim:smp,version=2.0.0+0', '1.0.0+0 in 0'],
    ['sim:smp,images=2', '1.0.0+0 in 0'],
    ['sim:smp,mode=single', '1.0.0+0 in 0'],
    ['sim:smp,mode=single-ram', '1.0.0+0 in 0'],
    ['sim:smp,mode=single,loss=0.05,delay=20', '1.0.0+0 in 0'],
    ['sim:smp,mode=single,twice=0.3', '1.0.0+0 in 0'],
    ['sim:smp,mode=single,fail=reboot@50', '1.0.0+0 in 0'],
    ['sim:smp,mode=single,fail=disconnect@50', '1.0.0+0 in 0'],
    ['sim:smp,baud=1000000', '1.0.0+0 in 0'],
    ['sim:smp,baud=115200,mode=loader', '1.0.0+0 in 0'],
  ])('%s is updated', async (uri, expected) => {
    const sim = open(uri);
    const report = await update(sim, image('1.0.0+0'));
    expect(report.error?.message).toBeUndefined();
    expect(report.succeeded).toBe(true);
    expect(running(sim)[0]).toBe(expected);
    sim.close();
  });

  test.each([
    ['sim:smp,ignore=test', {}],
    ['sim:smp,ignore=reset', {}],
    ['sim:smp,ignore=confirm', {}],
    ['sim:smp,downgrade=0,version=2.0.0+0', {}],
    ['sim:smp,fail=upload@2', {}],
    ['sim:smp,fail=test@28', {}],
    ['sim:smp,fail=reset@1', {}],
    ['sim:smp,fail=flash@8192', {}],
    ['sim:smp,slot=32768', {}],
    ['sim:smp', { key: generateSigningKey(new SeededRandom('nobody'), 'nobody') }],
    ['sim:smp,mode=single,ignore=reset', {}],
    ['sim:smp,mode=single,fail=reset@1', {}],
    ['sim:smp,mode=single,fail=upload@2', {}],
    ['sim:smp,mode=single,fail=flash@8192', {}],
    ['sim:smp,mode=single,slot=32768', {}],
    ['sim:smp,mode=single', { key: generateSigningKey(new SeededRandom('nobody'), 'nobody') }],
  ])('%s ends the update with its cause', async (uri, parts) => {
    const sim = open(uri);
    const report = await update(sim, image('1.0.0+0', parts as Partial<ImageParts>));
    expect(report.succeeded).toBe(false);
    expect(report.error?.message).not.toBe('');
    expect(report.error?.hint).toBeDefined();
    sim.close();
  });

  test('takes unsigned images with trust=any, and those of a given key alone with trust=FILE', async () => {
    const key = generateSigningKey(new SeededRandom('mine'), 'mine');
    const unsigned = open('sim:smp,trust=any');
    expect((await update(unsigned, image('1.0.0+0', { key: undefined as never }))).succeeded).toBe(true);
    for (const [signer, succeeds] of [
      [key, true],
      [demoSigningKey(), false],
    ] as const) {
      const sim = open('sim:smp,trust=mine.pem', { trust: [key.publicKey] });
      expect((await update(sim, image('1.0.0+0', { key: signer }))).succeeded).toBe(succeeds);
    }
  });

  test('takes images with SHA-512, as those of an nRF54L are, unless it is built for another hash', async () => {
    const key = parseSigningKey(ED25519, 'ed25519');
    if (!key.ok) throw key.error;
    const file = image('1.0.0+0', { key: key.value, hashAlgorithm: 'SHA512', pure: true });
    for (const [uri, succeeds] of [
      ['sim:smp', true],
      ['sim:smp,hash=32', false],
    ] as const) {
      const sim = open(`${uri},trust=file.pem`, { trust: [key.value.publicKey] });
      expect((await update(sim, file)).succeeded).toBe(succeeds);
    }
  });

  test('runs the same way each time', async () => {
    const times = [];
    for (let i = 0; i < 2; i++) {
      const sim = open('sim:smp,loss=0.02,delay=5,seed=7');
      await update(sim, image('1.0.0+0'));
      times.push(sim.clock.now);
      sim.close();
    }
    expect(times[0]).toBe(times[1]);
  });

  test('stays on between two openings: what was marked, what is under test, settings, and half a swap', async () => {
    const store = new MemoryStore();
    const view = () => storeView(store, 'device/');
    const again = async <T>(work: (client: SmpClient) => Promise<T>, uri = 'sim:smp') => {
      const sim = open(uri, { store: view() });
      try {
        return await withClient(sim, work);
      } finally {
        sim.close();
      }
    };
    const { images: uploaded } = await again(async (client) => {
      await client.image.upload(image('1.0.0+0'));
      await client.settings.write('app/x', Uint8Array.of(7));
      await client.settings.save();
      return client.image.list();
    });
    const { hash } = uploaded[1]!;
    expect((await again((client) => client.image.test(hash!))).images[1]).toMatchObject({ pending: true });
    expect((await again((client) => client.image.list())).images[1]).toMatchObject({ version: '1.0.0', pending: true });
    await again((client) => client.os.reset());
    expect((await again((client) => client.image.list())).images[0]).toMatchObject({
      version: '1.0.0',
      active: true,
      confirmed: false,
    });
    expect((await again((client) => client.image.confirm())).images[0]).toMatchObject({ confirmed: true });
    await again((client) => client.os.reset());
    expect((await again((client) => client.image.list())).images[0]).toMatchObject({
      version: '1.0.0',
      confirmed: true,
    });
    expect(await again((client) => client.settings.read('app/x'))).toEqual({ val: Uint8Array.of(7) });
  });

  test('keeps what is in RAM between two openings: an upload goes on where it was, unless it was reset', async () => {
    const file = image('1.0.0+0');
    for (const [uri, most] of [
      ['sim:smp', 0.55],
      ['sim:smp,power=cycles', 1.1],
    ] as const) {
      const store = new MemoryStore();
      const updates = new MemoryStore();
      const first = open(uri, { store });
      let sent = 0;
      const controller = new AbortController();
      const job = createSmpUpdate({
        route: first.route,
        clock: first.clock,
        random: first.random,
        store: updates,
        images: await imagesOf(file),
        onProgress: ({ percent }) => {
          sent = percent;
          if (percent > 60) controller.abort();
        },
      });
      await expect(first.run(job.run(), controller.signal)).rejects.toMatchObject({ code: 'aborted' });
      expect(sent).toBeLessThan(90);
      job.close();
      first.close();
      const second = open(uri, { store });
      const report = await update(second, file, { store: updates });
      expect([report.outcome, running(second)[0]]).toEqual(['updated', '1.0.0+0 in 0']);
      expect(report.stats.bytesSent / file.length).toBeLessThan(most);
      expect(report.stats.bytesSent / file.length).toBeGreaterThan(most - 0.5);
      second.close();
    }
  });

  test('keeps settings that were not saved until it is reset', async () => {
    const store = new MemoryStore();
    const again = async <T>(work: (client: SmpClient) => Promise<T>) => {
      const sim = open('sim:smp', { store });
      try {
        return await withClient(sim, work);
      } finally {
        sim.close();
      }
    };
    await again((client) => client.settings.write('app/a', Uint8Array.of(1)));
    await again((client) => client.settings.save());
    await again((client) => client.settings.write('app/a', Uint8Array.of(2)));
    expect(await again((client) => client.settings.read('app/a'))).toEqual({ val: Uint8Array.of(2) });
    await again((client) => client.os.reset());
    expect(await again((client) => client.settings.read('app/a'))).toEqual({ val: Uint8Array.of(1) });
  });

  test('forgets an upload when it is reset, or loses its power', async () => {
    const file = image('1.0.0+0');
    for (const uri of ['sim:smp,fail=reboot@50', 'sim:smp']) {
      const store = new MemoryStore();
      const first = open(uri, { store });
      await withClient(first, async (client) => {
        const upload = client.image.upload(file, {
          onProgress: ({ offset }) => {
            if (offset > 10_000 && uri === 'sim:smp') client.close();
          },
        });
        await upload.then(undefined, () => {});
      });
      if (uri === 'sim:smp') first.device.reset();
      first.close();
      const second = open('sim:smp', { store });
      let begun = Number.NaN;
      await withClient(second, (client) =>
        client.image.upload(file, {
          onProgress: ({ offset }) => {
            if (Number.isNaN(begun)) begun = offset;
          },
        }),
      );
      expect(begun).toBeLessThan(5000);
      second.close();
    }
  });

  test('has a clock of the day that goes on with the simulated time, and can be set', async () => {
    const store = new MemoryStore();
    const first = open('sim:smp', { store });
    const read = (sim: SimSmp) => withClient(sim, (client) => client.os.dateTime());
    expect(await read(first)).toBe('2026-01-01T00:00:00');
    first.clock.advance(90_000);
    expect(await read(first)).toBe('2026-01-01T00:01:30');
    await withClient(first, async (client) => {
      await client.os.setDateTime('2030-05-06T07:08:09');
      await client.os.reset();
    });
    first.close();
    const second = open('sim:smp', { store });
    expect(await read(second)).toMatch(/^2030-05-06T07:08:(09|1\d)$/);
    second.close();
  });

  test('of one slot stays in its serial recovery between two openings', async () => {
    const store = new MemoryStore();
    const uri = 'sim:smp,mode=single';
    const foreign = image('1.0.0+0', { key: generateSigningKey(new SeededRandom('nobody'), 'nobody') });
    const first = open(uri, { store });
    expect((await update(first, foreign)).error?.code).toBe('smp-still-in-recovery');
    expect([first.device.speaker, running(first)]).toEqual(['recovery', []]);
    first.close();
    const second = open(uri, { store });
    expect(second.device.speaker).toBe('recovery');
    expect((await update(second, image('1.0.0+0'))).outcome).toBe('updated');
    expect(running(second)).toEqual(['1.0.0+0 in 0']);
    second.close();
  });

  test('is switched off and on between two openings with power=cycles', async () => {
    const store = new MemoryStore();
    const uri = 'sim:smp,power=cycles';
    const first = open(uri, { store });
    const report = await update(first, image('1.0.0+0'), { mode: 'test-only' });
    expect([report.succeeded, running(first)]).toEqual([true, ['1.0.0+0 in 0']]);
    first.close();
    const next = open(uri, { store });
    const { images } = await withClient(next, (client) => client.image.list());
    expect(images[0]).toMatchObject({ version: '0.0.0', active: true, confirmed: true });
    next.close();
  });

  test('fails once alone, also when it is opened again', async () => {
    const store = new MemoryStore();
    const uri = 'sim:smp,fail=disconnect@50';
    const sim = open(uri, { store });
    const lost = withClient(sim, (client) => client.image.upload(image('1.0.0+0')));
    await expect(lost).rejects.toMatchObject({ code: 'link-lost' });
    sim.close();
    const next = open(uri, { store });
    await withClient(next, (client) => client.image.upload(image('1.0.0+0')));
    next.close();
  });

  test.each([
    ['sim:smp', 0.85],
    ['sim:smp,mtu=23', 0.7],
  ])('%s is uploaded to nearly as fast as its link can be', async (uri, share) => {
    const sim = open(uri);
    const file = image('1.0.0+0', { payload: new SeededRandom(1).bytes(sim.sim.mtu === 23 ? 100_000 : 400_000) });
    const took = await withClient(sim, async (client) => {
      const begin = sim.clock.now;
      await client.image.upload(file);
      return sim.clock.now - begin;
    });
    const { packets, mtu, interval } = sim.sim;
    const ceiling = (packets * (mtu - 3)) / interval;
    expect(file.length / took / ceiling).toBeGreaterThan(share);
    sim.close();
  });
});
