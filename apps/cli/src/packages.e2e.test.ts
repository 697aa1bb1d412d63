import { describe, expect, test } from 'vitest';
import { type Json, meshferry } from './testing/cli.ts';
import { groundTruth, sharedFirmware } from './testing/shared-firmware.ts';

/** Real update packages that do not contradict themselves. */
const PACKAGES = (groundTruth?.real ?? []).filter(
  ({ path, kind }) => path.startsWith('nordic-mesh/') && kind === 'zip' && !path.includes('blinky'),
);

describe.skipIf(groundTruth === null).each(['0', '0.1'])('at loss %s ten nodes are updated with', (loss) => {
  test.each(PACKAGES)(
    '$path',
    async ({ path, images }) => {
      const argv = ['dfu', 'run', sharedFirmware(path), '--bearer', `sim:targets=10,loss=${loss}`, '--json'];
      const { exit, result } = await meshferry(argv);
      expect(exit).toBe(0);
      const [image] = images as Json[];
      expect(result.image).toMatchObject({ size: image.size, sha256: image.sha256 });
      expect(result.targets).toHaveLength(10);
      for (const target of result.targets) {
        expect(target).toMatchObject({ phase: 'applied', firmwareIdAfter: result.image.firmwareId, error: null });
      }
    },
    120_000,
  );
});

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
