import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AD_MESH_BEACON, AD_MESH_MESSAGE, AD_PB_ADV, type Bearer, type Sent } from '@meshferry/bearer';
import { bearer } from '@meshferry/bearer-hci';
import { type MeshError, type silent, toHex } from '@meshferry/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { firmware, type Json, temporaryFolder } from '../../../apps/cli/src/testing/cli.ts';
import { run, start } from '../../../apps/cli/src/testing/live.ts';
import { Btvirt, btvirtMissing } from './testing/btvirt.ts';
import { sleep, systemClock, systemRandom, until } from './testing/system-clock.ts';

/** Enough for an update at the pace of legacy advertising, on a machine that does other things, ms. */
const SLOW_MS = 240_000;
const ONCE = { count: 1, intervalMs: 20 };
const UUID = '5d7e4f5e-0001-4002-8003-000000000014';

const missing = btvirtMissing();
if (missing !== undefined) console.warn(`tests with btvirt are skipped: ${missing}`);

describe.skipIf(missing !== undefined)('our host and the controllers of btvirt', { timeout: SLOW_MS }, () => {
  let btvirt: Btvirt;
  const open: Bearer[] = [];
  const warnings: string[] = [];

  beforeAll(async () => {
    btvirt = await Btvirt.start();
  });

  afterEach(() => {
    for (const radio of open.splice(0)) radio.close();
    expect(warnings.splice(0)).toEqual([]);
  });

  afterAll(() => btvirt?.stop());

  async function opened(): Promise<Bearer> {
    const log: typeof silent = (level, message) => void (level === 'warn' && warnings.push(message));
    const radio = await bearer.open(btvirt.uri, { clock: systemClock, random: systemRandom, log });
    open.push(radio);
    return radio;
  }

  it('resets it and sets it up, again and again', async () => {
    for (let i = 0; i < 5; i++) {
      const radio = await opened();
      expect(radio.advertising).toMatchObject({ sets: 1, minIntervalMs: 20 });
      radio.close();
    }
  });

  it('advertises and scans on it: two hosts hear all of each other, and none itself', async () => {
    const [a, b] = [await opened(), await opened()];
    const types = [AD_PB_ADV, AD_MESH_MESSAGE, AD_MESH_BEACON];
    const heard: string[][] = [[], []];
    [a, b].forEach((radio, i) => {
      radio.advertising?.receive(types, ({ type, data, rssi }) => heard[i]!.push(`${type} ${toHex(data)} ${rssi}`));
    });
    await sleep(100);
    const sent: Promise<Sent | MeshError>[] = [];
    const expected: string[][] = [[], []];
    [a, b].forEach((radio, i) => {
      for (let n = 0; n < 30; n++) {
        const ad = { type: types[n % 2]!, data: Uint8Array.from({ length: 29 }, (_, k) => n + k + 100 * i) };
        // btvirt knows no RSSI: 127.
        expected[1 - i]!.push(`${ad.type} ${toHex(ad.data)} 127`);
        sent.push(new Promise((resolve) => radio.advertising?.send(ad, ONCE, resolve)));
      }
    });
    for (const outcome of await Promise.all(sent)) expect(outcome).toMatchObject({ end: expect.any(Number) });
    await until('what was sent', () => heard.every(({ length }) => length >= 30));
    // It reports an advertisement that is on air to whoever begins to scan, so one may come twice.
    heard.forEach((all, i) => {
      expect([...new Set(all)]).toEqual(expected[i]);
    });
  });

  it('has a whole update made over two of them by two processes: scan, provision, update', async () => {
    const folder = temporaryFolder();
    const made = await firmware(800);
    const zip = folder.write('update.zip', made.zip);
    const models = [
      { model: '0x1400', bind: [0], subscribe: ['0xC000'] },
      { model: '0x1402', bind: [0] },
    ];
    const profile = folder.write('profile.json', JSON.stringify({ models }));
    const net = ['--bearer', btvirt.uri, '--state', join(folder.path, 'network')];
    const slot = join(folder.path, 'slot.bin');
    const deviceState = ['--bearer', btvirt.uri, '--state', join(folder.path, 'device')];
    const device = start(['device', 'run', '--uuid', UUID, '--once', '--slot', slot, ...deviceState]);
    await device.until(({ state }) => state === 'unprovisioned');
    expect((await run(['net', 'create', ...net])).exit).toBe(0);
    const scan = await run(['scan', '--seconds', '5', ...net]);
    expect(new Set(scan.result.devices.map(({ uuid }: Json) => uuid))).toEqual(new Set([UUID]));
    const provisioned = await run(['provision', UUID, '--profile', profile, ...net]);
    expect(provisioned, provisioned.stderr).toMatchObject({ exit: 0, result: { nodes: [{ address: '0x0002' }] } });
    const update = await run(['dfu', 'run', zip, ...net]);
    const target = { address: '0x0002', phase: 'applied', firmwareIdAfter: toHex(made.firmwareId) };
    expect(update, update.stderr + JSON.stringify(update.result)).toMatchObject({
      exit: 0,
      result: { targets: [target] },
    });
    expect(await device.ended).toBe(0);
    expect(new Uint8Array(readFileSync(slot))).toEqual(made.image);
    folder.remove();
  });
});
