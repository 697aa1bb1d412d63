import { BlobBlockGet, type BlobInformationStatus } from '@meshferry/blob';
import { describe, expect, it } from 'vitest';
import type { AirEvent } from './advertiser.ts';
import { firmware, UpdateWorld } from './testing/update-world.ts';
import { parseSimUri } from './uri.ts';
import { World } from './world.ts';
import { SIM_APP_INDEX, SIM_GROUP } from './world-keys.ts';

describe('a stock peer', () => {
  // As in the recorded traffic of Zephyr 3.4.99 (blob-push-4-servers and others): 2.87 to 3.75 ms.
  it('starts its answer some 3 ms after the start of the request, without the random delay', () => {
    const world = new World({ sim: parseSimUri('sim:targets=8,peer=stock,loss=0') });
    const air: AirEvent[] = [];
    world.radio.tap((event) => air.push(event));
    const waits: number[] = [];
    for (let i = 0; i < 50; i++) {
      air.length = 0;
      world.role.blob.model.send(BlobBlockGet, {}, { dst: SIM_GROUP, appIndex: SIM_APP_INDEX }, () => {});
      world.clock.advance(500);
      const [request] = air;
      const soon = air.filter(({ node, at }) => node !== 0 && at - (request as AirEvent).at < 15);
      waits.push(...soon.map(({ at }) => at - (request as AirEvent).at));
    }
    world.close();
    expect(waits.length).toBeGreaterThan(300);
    expect(Math.min(...waits)).toBeGreaterThan(2.5);
    expect(Math.max(...waits)).toBeLessThan(4.2);
  });

  // It keeps a broken message to the group for 10 s and takes no other meanwhile, but the next one to the group.
  it.each([25, 26, 27, 36])('is not lost for the one message that it has room for (seed %i)', async (seed) => {
    const run = new UpdateWorld(`sim:targets=6,loss=0.1,peer=stock,seed=${seed}`);
    const report = await run.update(await firmware(16_384));
    expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      Array(6).fill(['applied', null]),
    );
  });

  it.each([
    ['peer=stock', 68, 65, 12],
    ['peer=stock,segments=32', 380, 377, 12],
    ['segments=5', 56, 53, 8],
  ])('offers what fits into its segments (%s)', async (keys, mtuSize, maxChunkSize, minBlockSizeLog) => {
    const world = new World({ sim: parseSimUri(`sim:targets=1,${keys}`) });
    expect(await world.run(information(world))).toMatchObject({ mtuSize, maxChunkSize, minBlockSizeLog });
    world.close();
  });
});

function information({ role, targets }: World): Promise<BlobInformationStatus | undefined> {
  const receivers = targets.map(({ address }) => ({ address }));
  return new Promise((resolve) => {
    role.blob.retrieveCapabilities({ receivers, appIndex: SIM_APP_INDEX, ttl: 0xff, timeoutBase: 0 }, (answers) =>
      resolve(answers[0]?.answer),
    );
  });
}
