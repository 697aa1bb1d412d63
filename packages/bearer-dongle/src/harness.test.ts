import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { AD_MESH_MESSAGE, type Bearer, type Heard, type Sent } from '@meshferry/bearer';
import { hostClock, hostRandom, MemoryStore, MeshError, SeededRandom, silent } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { GenericOnOffClient, GenericOnOffServer } from '@meshferry/generic';
import { MeshNode } from '@meshferry/node';
import { afterEach, describe, expect, it } from 'vitest';
import type { Dongle } from './dongle.ts';
import { bearer } from './plugin.ts';
import { freshAir, type Harness, noCompiler, startHarness } from './testing/firmware.ts';

const clock = hostClock(globalThis);
const ground = { clock, random: hostRandom(globalThis.crypto), log: silent };
const once = { count: 1, intervalMs: 20 };
const noSocat = spawnSync('socat', ['-V']).status === 0 ? undefined : 'socat is not installed: its test is skipped';
if (noSocat !== undefined) console.warn(noSocat);

const toEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

async function plugIn(...options: readonly string[]): Promise<Harness> {
  const harness = await startHarness(...options);
  toEnd.push(() => harness.unplug());
  return harness;
}

async function open(uri: string): Promise<Dongle> {
  const dongle = (await bearer.open(uri, ground)) as Dongle;
  toEnd.push(() => dongle.close());
  return dongle;
}

/** Until a program that was started has made its link. */
async function made(link: string): Promise<void> {
  while (!existsSync(link)) await wait(20);
}

const message = (number: number) => ({ type: AD_MESH_MESSAGE, data: Uint8Array.of(number >> 8, number, 3, 4, 5) });

function sent({ advertising }: Bearer, number: number, transmit = once): Promise<Sent | MeshError> {
  return new Promise((resolve) => advertising!.send(message(number), transmit, resolve));
}

/** Numbers that are heard, until there are so many of them. */
function heard({ advertising }: Bearer, count: number): Promise<Heard[]> {
  const all: Heard[] = [];
  return new Promise((resolve) => {
    const stop = advertising!.receive([AD_MESH_MESSAGE], (ad) => {
      all.push(ad);
      if (all.length < count) return;
      stop();
      resolve(all);
    });
  });
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const failureOf = (opening: Promise<unknown>): Promise<MeshError> =>
  opening.then(
    () => new MeshError('opened', 'it was opened'),
    (error: MeshError) => error,
  );

describe.skipIf(noCompiler)('dongles as processes', () => {
  it('hear each other in order, at the times at which it was on air', async () => {
    const air = freshAir();
    const [a, b] = [await plugIn('--air', air, '--drift', '50'), await plugIn('--air', air, '--drift', '-50')];
    const [from, to] = [await open(`dongle:${a.path}`), await open(`dongle:${b.path},115200?power=4`)];
    const all = heard(to, 100);
    const outcomes = await Promise.all(range(100).map((number) => sent(from, number)));
    const ads = await all;
    expect(ads.map(({ data }) => data[1])).toEqual(range(100));
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome instanceof MeshError) throw outcome;
      // Three packets of 184 µs with 150 µs between them; clocks are known to a few ms where others use the processors.
      expect(outcome.end - outcome.start).toBeCloseTo((3 * 184 + 300) / 1000, 1);
      expect(Math.abs(ads[i]!.at - outcome.end)).toBeLessThan(50);
    }
  });

  it('pulled out: bearer-lost within a second, everything under way ends so, a new one can be opened', async () => {
    const first = await plugIn();
    const dongle = await open(`dongle:${first.path}`);
    const lost = new Promise<MeshError>((resolve) => dongle.lost(resolve));
    const ends = Promise.all(range(50).map((number) => sent(dongle, number, { count: 200, intervalMs: 100 })));
    await wait(50);
    await first.unplug();
    expect((await lost).code).toBe('bearer-lost');
    expect(new Set((await ends).map((end) => (end as MeshError).code))).toEqual(new Set(['bearer-lost']));
    const next = await open(`dongle:${(await plugIn()).path}`);
    expect(await sent(next, 1)).not.toBeInstanceOf(MeshError);
  });

  it('belongs to one program at a time', async () => {
    const { path } = await plugIn();
    const first = await open(`dongle:${path}`);
    expect((await failureOf(bearer.open(`dongle:${path}`, ground))).code).toMatch(/^bearer-(busy|permission)$/);
    expect(await sent(first, 1)).not.toBeInstanceOf(MeshError);
    first.close();
    await wait(300);
    expect(await sent(await open(`dongle:${path}`), 2)).not.toBeInstanceOf(MeshError);
  });

  it('goes on where a host was killed in the middle', async () => {
    const { path } = await plugIn();
    const script = `
      import { openSync, writeSync } from 'node:fs';
      const port = openSync(${JSON.stringify(path)}, 'r+');
      writeSync(port, Buffer.from('0007010102030401057c622086000002341203204e0103', 'hex'));
      process.kill(process.pid, 'SIGKILL');`;
    spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    expect(await sent(await open(`dongle:${path}`), 1)).not.toBeInstanceOf(MeshError);
  });

  it('works over a UNIX socket and over TCP', async () => {
    const socket = `/tmp/meshferry-dongle-${process.pid}`;
    await plugIn('--unix', socket);
    const first = await open(`dongle:unix:${socket}`);
    expect(await sent(first, 1)).not.toBeInstanceOf(MeshError);
    first.close();
    await wait(50);
    const { createServer, connect } = await import('node:net');
    const server = createServer((client) => {
      const dongle = connect(socket);
      client.pipe(dongle).pipe(client);
      client.on('close', () => dongle.destroy());
      for (const end of [client, dongle]) end.on('error', () => {}); // it went first
    });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    toEnd.push(() => server.close());
    const second = await open(`dongle:tcp:127.0.0.1:${port}`);
    expect(await sent(second, 2)).not.toBeInstanceOf(MeshError);
  });

  it.skipIf(noSocat)('works over the pseudo-terminals of socat', async () => {
    const { path } = await plugIn();
    const link = `/tmp/meshferry-socat-${process.pid}`;
    const socat = spawn('socat', [`PTY,link=${link},rawer`, `OPEN:${path},rawer`], { stdio: 'ignore' });
    toEnd.push(() => socat.kill());
    await made(link);
    const dongle = await open(`dongle:${link}`);
    const outcomes = await Promise.all(range(100).map((number) => sent(dongle, number)));
    expect(outcomes.filter((outcome) => outcome instanceof MeshError)).toEqual([]);
    const lost = new Promise<MeshError>((resolve) => dongle.lost(resolve));
    socat.kill();
    expect((await lost).code).toBe('bearer-lost');
  });

  it.skipIf(noSocat)('tells a console from a dongle', async () => {
    const link = `/tmp/meshferry-console-${process.pid}`;
    const script = `while true; do printf 'uart:~$ \\r\\n'; sleep 0.2; done`;
    const socat = spawn('socat', [`PTY,link=${link},rawer`, `SYSTEM:"${script}"`], { stdio: 'ignore' });
    toEnd.push(() => socat.kill());
    await made(link);
    const error = await failureOf(bearer.open(`dongle:${link}`, ground));
    expect([error.code, error.message]).toEqual(['bearer-failed', expect.stringContaining('a console answers there')]);
  });

  it('carry the messages of two mesh nodes', async () => {
    const air = freshAir();
    const keys = {
      netKeys: [{ index: 0, key: new Uint8Array(16).fill(1) }],
      appKeys: [{ index: 0, netIndex: 0, key: new Uint8Array(16).fill(2) }],
    };
    const join = async (address: number, model: GenericOnOffClient['model']) => {
      const { path } = await plugIn('--air', air, '--half-duplex');
      const { advertising } = await open(`dongle:${path}`);
      const node = new MeshNode({
        ...ground,
        crypto: portableCrypto,
        store: new MemoryStore(),
        address,
        keys: { ...keys, deviceKey: new SeededRandom(address).bytes(16) },
        identity: { cid: 0xffff, pid: 0, vid: 0, crpl: 32, features: 0 },
        elements: [{ location: 0, models: [model] }],
      });
      node.attach(advertising);
      model.bind(0);
      toEnd.push(() => node.close());
    };
    const changes: number[] = [];
    const server = new GenericOnOffServer({ changed: (onOff) => changes.push(onOff) });
    const client = new GenericOnOffClient();
    await join(0x10, server.model);
    await join(0x20, client.model);
    for (const onOff of [1, 0, 1] as const) {
      const state = await new Promise((resolve) => client.set(onOff, { dst: 0x10 }, {}, resolve));
      expect(state).toMatchObject({ ok: true, value: { presentOnOff: onOff } });
    }
    expect(changes).toEqual([1, 0, 1]);
  });
});
