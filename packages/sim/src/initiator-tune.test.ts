import { updateNode } from '@meshferry/cdb';
import type { MadeFirmware } from '@meshferry/firmware';
import { DEFAULT_SAR_RECEIVER, type SarReceiver } from '@meshferry/network';
import type { UpdateRequest } from '@meshferry/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { cutEverywhere } from './testing/initiator-cuts.ts';
import { InitiatorWorld } from './testing/initiator-world.ts';
import { firmware } from './testing/update-world.ts';

let small: MadeFirmware;
let large: MadeFirmware;
/** Loss makes it worth while also for a small image; two at a time leave the air to wait for each other. */
const URI = 'sim:targets=2,models=full,loss=0.1,controller=single';
const SLOW: SarReceiver = { ...DEFAULT_SAR_RECEIVER, discardTimeout: 7, receiverSegmentIntervalStep: 9 };

beforeAll(async () => {
  small = await firmware(300);
  large = await firmware(9000);
});

/** The SAR Receiver states of the targets while the image is sent, and after the update. */
async function statesOf(
  world: InitiatorWorld,
  made: MadeFirmware,
  request: Partial<UpdateRequest> = {},
): Promise<{ during: SarReceiver[]; after: SarReceiver[]; transferSeconds: number }> {
  const states = (): SarReceiver[] => world.world.targets.map(({ node }) => ({ ...node!.network.sarReceiver }));
  let during: SarReceiver[] = [];
  const report = await world.run(
    world.job.run(world.request(made, request), {
      onProgress: ({ phase }) => {
        if (phase === 'transferring') during = states();
      },
    }),
  );
  expect(report.targets.map(({ phase }) => phase)).toEqual(world.world.targets.map(() => 'applied'));
  expect([report.notUndone, world.job.notUndone()]).toEqual([null, []]);
  const { transferSeconds } = report.stats;
  return { during, after: states(), transferSeconds };
}

describe('targets that an image goes to by unicast', () => {
  it('acknowledge sooner while it is sent, and as before afterwards', async () => {
    const world = new InitiatorWorld(URI);
    world.world.targets[1]?.node?.network.setSarReceiver(SLOW);
    const { during, after, transferSeconds } = await statesOf(world, large);
    const sooner = { acknowledgmentDelayIncrement: 1, receiverSegmentIntervalStep: 0 };
    expect(during).toEqual([
      { ...DEFAULT_SAR_RECEIVER, ...sooner },
      { ...SLOW, ...sooner },
    ]);
    expect(after).toEqual([DEFAULT_SAR_RECEIVER, SLOW]);
    const untuned = new InitiatorWorld(URI);
    untuned.world.targets[1]?.node?.network.setSarReceiver(SLOW);
    const left = await statesOf(untuned, large, { tune: false });
    expect(left.during).toEqual([DEFAULT_SAR_RECEIVER, SLOW]);
    expect(transferSeconds).toBeLessThan(0.97 * left.transferSeconds);
  });

  it('one alone also by advertising interval', async () => {
    const { during, after } = await statesOf(new InitiatorWorld('sim:targets=1,models=full,loss=0.1'), large);
    expect(during).toEqual([
      { ...DEFAULT_SAR_RECEIVER, acknowledgmentDelayIncrement: 0, receiverSegmentIntervalStep: 2 },
    ]);
    expect(after).toEqual([DEFAULT_SAR_RECEIVER]);
  });

  it.each([
    ['for a small image it does not pay', URI, () => small, {}],
    ['to a group nothing is acknowledged', URI, () => large, { group: 0xc000, targets: [0x0100, 0x0101] }],
    ['with stock settings', URI, () => small, { settings: 'stock' }],
    ['where one waits while the other is sent to', URI.replace(',controller=single', ''), () => large, {}],
    ['without a SAR Configuration Server', 'sim:targets=2,loss=0.1', () => large, {}],
    ['stock peers without one', 'sim:targets=2,loss=0.1,peer=stock', () => large, {}],
  ] as const)('are left alone: %s', async (_, uri, made, request) => {
    const world = new InitiatorWorld(uri.replace('targets=2', 'group' in request ? 'targets=6' : 'targets=2'));
    const targets = world.world.targets.map(({ address }) => address);
    const { during } = await statesOf(world, made(), { ...request, targets });
    expect(during).toEqual(targets.map(() => DEFAULT_SAR_RECEIVER));
  });

  it('which acknowledge soon already are left alone', async () => {
    const world = new InitiatorWorld(URI);
    const soon = { ...DEFAULT_SAR_RECEIVER, acknowledgmentDelayIncrement: 0, receiverSegmentIntervalStep: 0 };
    for (const { node } of world.world.targets) node?.network.setSarReceiver(soon);
    const { during, after } = await statesOf(world, large);
    expect([during, after]).toEqual([
      [soon, soon],
      [soon, soon],
    ]);
  });

  it('and say nothing to SAR Receiver Get are updated all the same', async () => {
    const world = new InitiatorWorld('sim:targets=1,loss=0.1');
    // The document is wrong about it.
    const entry = world.entry(0x0100);
    const elements = entry.elements.map((element) => ({
      ...element,
      models: [...element.models, { modelId: '000E', bind: [], subscribe: [] }],
    }));
    world.network.change(updateNode(world.document, 0x0100, { elements }));
    const { during } = await statesOf(world, large);
    expect(during).toEqual([DEFAULT_SAR_RECEIVER]);
  });

  it('get their former state back when the job is cancelled', async () => {
    const world = new InitiatorWorld(URI);
    const states = () => world.world.targets.map(({ node }) => node?.network.sarReceiver);
    const percent = new Promise<void>((resolve) => {
      const onProgress = (progress: { phase: string; percent: number }) => {
        if (progress.phase === 'transferring' && progress.percent > 0) resolve();
      };
      void world.job.run(world.request(large), { onProgress }).catch(() => {});
    });
    await world.run(percent);
    expect(states()).not.toEqual([DEFAULT_SAR_RECEIVER, DEFAULT_SAR_RECEIVER]);
    world.kill();
    world.start();
    expect(await world.run(world.job.cancel())).toBeNull();
    expect(states()).toEqual([DEFAULT_SAR_RECEIVER, DEFAULT_SAR_RECEIVER]);
  });
});

describe('an Initiator that is killed at any of its writes', () => {
  it.each(['before', 'after'] as const)('%s it is durable leaves no target as it had set it', async (moment) => {
    const world = new InitiatorWorld('sim:targets=1,models=full,loss=0.1');
    const from = world.copy();
    const job = { uri: 'sim:targets=1,models=full,loss=0.1', from, made: large, request: {}, blocks: 1, removals: 0 };
    const points = await cutEverywhere(job, moment);
    expect(points).toBeGreaterThan(20);
  });
});
