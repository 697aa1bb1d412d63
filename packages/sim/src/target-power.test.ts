import { toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { UpdatePhase, type UpdateReceiverState } from '@meshferry/dfu';
import { buildMetadata, CoreType, type MadeFirmware, makeFirmware } from '@meshferry/firmware';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SimTarget } from './sim-target.ts';
import { type Moment, NodeCutStore } from './testing/node-cut-store.ts';
import { type Firmware, TargetWorld } from './testing/target-world.ts';
import { SIM_GROUP } from './world-keys.ts';

const TARGET = 0x0100;
const MOMENTS: readonly Moment[] = ['before', 'after'];
/** Log of the block size in octets. */
const BLOCK = 8;

const made: Record<string, Firmware> = {};

beforeAll(async () => {
  for (const [name, coreType] of [
    ['app', CoreType.application],
    ['net', CoreType.network],
  ] as const) {
    made[name] = await image(coreType);
  }
  const file = Uint8Array.from({ length: 700 }, (_, i) => (i * 11) & 0xff);
  const userData = portableCrypto.sha256(file);
  const parts = { version: VERSION, size: file.length, company: 0x59, coreType: CoreType.blob, userData };
  made.blob = { image: file, ...buildMetadata(parts, portableCrypto) };
});

const VERSION = { major: 3, minor: 2, revision: 1, build: 0 };

function image(coreType: number): Promise<MadeFirmware> {
  const payload = Uint8Array.from({ length: 420 }, (_, i) => (i * 7) & 0xff);
  return makeFirmware({ payload, version: VERSION, company: 0x59, crypto: portableCrypto, coreType, headerSize: 32 });
}

interface Scene {
  readonly uri: string;
  readonly what: string;
  readonly firmware: keyof typeof made;
  readonly mode?: 'push' | 'pull';
  readonly imageIndex?: number;
  /** Further targets, whose power stays on; all of them by group. */
  readonly others?: number;
  /** Element of the target. */
  readonly element?: number;
  /** It leaves the network in the end. */
  readonly leaves?: boolean;
  /** Fewer cuts than this would mean that something is not written any more. */
  readonly writes: number;
}

const SCENES: readonly Scene[] = [
  { what: 'push', uri: '', firmware: 'app', writes: 30 },
  { what: 'push to three by group', uri: '', firmware: 'app', others: 2, writes: 30 },
  { what: 'pull', uri: '', firmware: 'app', mode: 'pull', writes: 30 },
  { what: 'effect 2', uri: ',effect=composition', firmware: 'app', writes: 30 },
  { what: 'effect 3', uri: ',effect=unprovision', firmware: 'app', leaves: true, writes: 30 },
  { what: 'the network core of three images', uri: ',images=app+net+blob', firmware: 'net', imageIndex: 1, writes: 30 },
  { what: 'a file, in pull mode', uri: ',images=net+blob', firmware: 'blob', imageIndex: 1, mode: 'pull', writes: 30 },
  { what: 'the second of two servers', uri: ',instances=2', firmware: 'app', element: 1, writes: 30 },
];

/** Points of all scenes at which the power was cut. */
let points = 0;

describe('a target that loses its power at any write of its store while it is updated', () => {
  it.each(SCENES)('ends updated, and is sent one block again at most: $what', async (scene) => {
    const blocks = Math.ceil((made[scene.firmware] as Firmware).image.length / 2 ** BLOCK);
    const whole = await run(scene);
    expect(whole.octets, 'without a cut').toBeLessThanOrEqual(blocks * 2 ** BLOCK);
    expect(whole.writes).toBeGreaterThanOrEqual(scene.writes);
    for (let at = 1; at <= whole.writes; at++) {
      for (const moment of MOMENTS) {
        const cut = await run(scene, { at, moment });
        points++;
        const name = `cut ${moment} write ${at} of ${whole.writes}`;
        const updated = { phase: UpdatePhase.applySuccess, error: undefined };
        expect(cut.receivers, name).toMatchObject(Array(1 + (scene.others ?? 0)).fill(updated));
        expect(cut.octets, name).toBeLessThanOrEqual((blocks + 1) * 2 ** BLOCK);
        expect(cut.running, name).toBe(whole.running);
        expect(cut.isMember, name).toBe(scene.leaves !== true);
        expect(cut.page128, name).toBe(whole.page128);
      }
    }
  });

  it('was cut off at hundreds of points', () => {
    expect(points).toBeGreaterThan(450);
  });
});

interface End {
  readonly receivers: readonly UpdateReceiverState[];
  /** Octets of chunks that were sent. */
  readonly octets: number;
  readonly running: string;
  readonly isMember: boolean;
  readonly page128: string;
  /** Batches of the node. */
  readonly writes: number;
}

/** A whole update of one target; its power fails once. */
async function run(scene: Scene, cut?: { readonly at: number; readonly moment: Moment }): Promise<End> {
  const { element = 0, imageIndex = 0, others = 0, mode } = scene;
  const store = new NodeCutStore('node/0100/');
  const test = new TargetWorld(`sim:targets=${1 + others},radio=ideal,block=${BLOCK}${scene.uri}`, store);
  const { clock } = test.world;
  const target = test.world.targets[0] as SimTarget;
  const before = store.writes;
  if (cut !== undefined) {
    store.cutAt(cut.at, cut.moment, () => {
      // Later than the write, which is not to see its node vanish.
      clock.after(0, () => {
        target.powerOff();
        store.revive();
        clock.after(3000, () => target.powerOn());
      });
    });
  }
  const { firmwareId, ...firmware } = made[scene.firmware] as Firmware;
  const receivers = await test.update(
    { firmwareId, ...firmware },
    Array.from({ length: 1 + others }, (_, i) => ({ address: TARGET + element + i, imageIndex })),
    { ...(mode && { mode }), ...(others > 0 && { group: SIM_GROUP }) },
  );
  const octets = octetsSent(test);
  const writes = store.writes - before;
  const flash = target.flashes[element];
  const running = `${toHex(flash?.firmwareId(imageIndex) ?? new Uint8Array())} ${toHex(flash?.runningImage(imageIndex) ?? new Uint8Array())}`;
  expect(running, 'nothing but the whole image runs').toBe(`${toHex(firmwareId)} ${toHex(firmware.image)}`);
  const { node } = target;
  const page128 = node === undefined ? '' : toHex(node.access.compositionPage(128).data);
  return { receivers, octets, running, isMember: node !== undefined, page128, writes };
}

/** Over all transfers: each begins to count anew. */
function octetsSent({ events }: TargetWorld): number {
  let octets = 0;
  let last = 0;
  for (const event of events) {
    if (event.type !== 'blob' || event.event.type !== 'chunks') continue;
    const { bytes } = event.event;
    octets += bytes < last ? bytes : bytes - last;
    last = bytes;
  }
  return octets;
}
