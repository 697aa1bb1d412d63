import { type Bearer, type GattAdvertisement, type GattLink, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { hostClock, hostRandom, MeshError, silent, toHex } from '@meshferry/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer } from '../plugin.ts';
import { type Btvirt, startBtvirt, whyNoBtvirt } from '../testing/btvirt.ts';
import { watch } from '../testing/gatt-rig.ts';

const reason = whyNoBtvirt();
if (reason !== undefined) console.log(`skipped: GATT over btvirt: ${reason}`);

const ground = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };

/** Until it holds, in real time. */
async function until(holds: () => boolean, ms = 10_000): Promise<void> {
  const end = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > end) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function discover({ central }: Bearer): Promise<GattAdvertisement> {
  return new Promise((resolve) => {
    const stop = central?.discover([MESH_PROXY_SERVICE.uuid as number], (found) => {
      stop?.();
      resolve(found);
    });
  });
}

function connect({ central }: Bearer, peer: string): Promise<GattLink> {
  return new Promise((resolve, reject) =>
    central?.connect(peer, MESH_PROXY_SERVICE, (outcome) =>
      outcome instanceof MeshError ? reject(outcome) : resolve(outcome),
    ),
  );
}

describe.skipIf(reason !== undefined)('GATT over the controllers of btvirt', () => {
  let btvirt: Btvirt;
  const open: Bearer[] = [];
  beforeAll(async () => {
    btvirt = await startBtvirt();
  });
  afterAll(() => {
    for (const each of open) each.close();
    btvirt?.stop();
  });

  it('connects, carries values both ways, ends and connects again', async () => {
    const [a, b] = [await bearer.open(btvirt.uri, ground), await bearer.open(btvirt.uri, ground)];
    open.push(a, b);
    const links: ReturnType<typeof watch>[] = [];
    b.peripheral?.serve(MESH_PROXY_SERVICE, (link) => void links.push(watch(link)));
    b.peripheral?.advertise({ service: 0x1828, data: new Uint8Array(9), intervalMs: 100, privateAddress: true });
    for (let round = 1; round <= 3; round++) {
      const found = await discover(a);
      expect(toHex(found.data)).toBe('00'.repeat(9));
      const client = watch(await connect(a, found.peer));
      await until(() => links.length === round);
      const server = links[round - 1]!;
      expect([client.link.mtu, server.link.mtu]).toEqual([498, 498]);
      const values = Array.from({ length: 200 }, (_, i) => new Uint8Array(1 + ((i * 53) % 495)).fill(i));
      for (const value of values) {
        client.link.send(value, () => {});
        server.link.send(value, () => {});
      }
      await until(() => server.values.length === 200 && client.values.length === 200);
      expect(server.values).toEqual(values.map(toHex));
      expect(client.values).toEqual(values.map(toHex));
      (round % 2 === 1 ? client : server).link.disconnect();
      await until(() => client.ended === 1 && server.ended === 1);
    }
  }, 30_000);
});
