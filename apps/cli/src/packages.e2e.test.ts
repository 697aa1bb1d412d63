import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { storeView } from '@meshferry/core';
import { parseSimUri, World } from '@meshferry/sim';
import { openSqliteStore } from '@meshferry/store-sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { type Json, meshferry, temporaryFolder } from './testing/cli.ts';
import { groundTruth, sharedFirmware } from './testing/shared-firmware.ts';

/** Real update packages that do not contradict themselves. */
const PACKAGES = (groundTruth?.real ?? []).filter(
  ({ path, kind }) => path.startsWith('nordic-mesh/') && kind === 'zip' && !path.includes('blinky'),
);

const folder = temporaryFolder();
afterAll(folder.remove);

/** What the targets of the world kept under `state` have in their flash, in the order of their addresses. */
function runningImages(uri: string, state: string): (Uint8Array | undefined)[] {
  const [world = ''] = readdirSync(join(state, 'sim'));
  const store = openSqliteStore(join(state, 'sim', world, 'world.sqlite'));
  const { targets } = new World({ sim: parseSimUri(uri), store: storeView(store, 'sim/') });
  const images = targets.map(({ runningImage }) => runningImage);
  store.close();
  return images;
}

describe.skipIf(groundTruth === null).each(['0', '0.1'])(
  'at loss %s ten nodes are updated byte for byte with',
  (loss) => {
    test.each(PACKAGES)(
      '$path',
      async ({ path, images }) => {
        const uri = `sim:targets=10,loss=${loss}`;
        const state = join(folder.path, `${loss}-${basename(path)}`);
        const argv = ['dfu', 'run', sharedFirmware(path), '--bearer', uri, '--state', state, '--json'];
        const { exit, result } = await meshferry(argv);
        expect(exit).toBe(0);
        const [image] = images as Json[];
        expect(result.image).toMatchObject({ size: image.size, sha256: image.sha256 });
        expect(result.targets).toHaveLength(10);
        for (const target of result.targets) {
          expect(target).toMatchObject({ phase: 'applied', firmwareIdAfter: result.image.firmwareId, error: null });
        }
        const flashed = runningImages(uri, state).map((octets) =>
          createHash('sha256')
            .update(octets ?? '')
            .digest('hex'),
        );
        expect(flashed).toEqual(new Array(10).fill(image.sha256));
      },
      120_000,
    );
  },
);

describe.skipIf(groundTruth === null)('ten nodes are updated with', () => {
  test.each(['nordic-mesh/dfu_target_nrf52840_1.0.hex', 'zephyr/hello_world.signed.bin'])(
    '%s',
    async (path) => {
      const { exit, result } = await meshferry([
        'dfu',
        'run',
        sharedFirmware(path),
        '--bearer',
        'sim:targets=10',
        '--json',
      ]);
      expect(exit).toBe(0);
      expect(result.targets.every(({ phase }: Json) => phase === 'applied')).toBe(true);
    },
    120_000,
  );
});
