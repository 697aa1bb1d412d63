import { MemoryStore, type MeshError, toHex } from '@meshferry/core';
import type { MadeFirmware } from '@meshferry/firmware';
import type { JobProgress } from '@meshferry/node';
import { SmpClient, type SmpRoute, type SmpTransport } from '@meshferry/smp';
import { beforeAll, describe, expect, it } from 'vitest';
import { firmware, UpdateWorld } from './testing/update-world.ts';
import type { World } from './world.ts';

const URI = 'sim:targets=2,distributor=1,smp=1';
const BY_SMP = { distributor: 0x0002, via: 'smp' } as const;
const ALL_NEW = ['new', 'new'];
/** Several blocks, and many chunks. */
const SIZE = 40_000;
let made: MadeFirmware;

beforeAll(async () => {
  made = await firmware(SIZE);
});

/** How an update of a fresh world ends. */
async function refusal(uri: string, before?: (world: World) => void): Promise<MeshError> {
  const updating = new UpdateWorld(uri);
  before?.(updating.world);
  return updating.update(made, BY_SMP).then(
    () => expect.unreachable('it was updated'),
    (thrown: MeshError) => thrown,
  );
}

/** Talks to the Distributor by SMP as a phone would. */
async function talk<T>(world: World, work: (client: SmpClient) => Promise<T>): Promise<T> {
  const transport = await world.run(
    new Promise<SmpTransport>((resolve, reject) => {
      world.smp?.open((outcome) => ('send' in outcome ? resolve(outcome) : reject(outcome)));
    }),
  );
  const client = new SmpClient(transport, world.clock);
  try {
    return await world.run(work(client));
  } finally {
    client.close();
  }
}

const shell = (world: World, line: string) => talk(world, (client) => client.shell.execute(line.split(' ')));
const slotsOf = (world: World) => world.distributor?.role?.distribution.slots;

/** Calls `cut` once, when the upload has come to `percent`. */
function atPercent(percent: number, cut: () => void): (progress: JobProgress) => boolean {
  let done = false;
  return (progress) => {
    if (!done && progress.phase === 'uploading' && progress.percent >= percent) {
      done = true;
      cut();
    }
    return false;
  };
}

describe('an update through a Distributor that takes its image over SMP', () => {
  it('ends as one over the mesh does, its upload many times faster', async () => {
    const small = await firmware(20_000);
    const seconds: Record<string, number> = {};
    for (const via of ['mesh', 'smp'] as const) {
      const updating = new UpdateWorld(URI);
      const report = await updating.update(small, { ...BY_SMP, via });
      expect(report?.outcome).toBe('complete');
      expect(updating.running(small)).toEqual(ALL_NEW);
      seconds[via] = report?.stats.uploadSeconds ?? 0;
      expect(report?.stats.totalSeconds).toBeGreaterThan(seconds[via]);
    }
    const { mesh = 0, smp = 0 } = seconds;
    expect(smp).toBeGreaterThan(0.5);
    expect(mesh / smp).toBeGreaterThan(20);
  });

  it('tells how far the upload is, and how fast', async () => {
    const updating = new UpdateWorld(URI);
    await updating.update(made, BY_SMP);
    const uploading = updating.progress.filter(({ phase, percent }) => phase === 'uploading' && percent > 0);
    expect(uploading.length).toBeGreaterThan(10);
    const percents = uploading.map(({ percent }) => percent);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(percents.at(-1)).toBe(100);
    expect(uploading.at(-2)?.bytesPerSecond).toBeGreaterThan(10_000);
    expect(uploading.at(-2)?.secondsLeft).toBeLessThan(2);
  });

  it('by the link to its proxy, on the same connection', async () => {
    const updating = new UpdateWorld(`${URI},link=gatt`);
    const report = await updating.update(made, BY_SMP);
    expect(report?.outcome).toBe('complete');
    expect(updating.running(made)).toEqual(ALL_NEW);
  });

  it('goes on after the link was lost, and sends nothing twice', async () => {
    const updating = new UpdateWorld(URI);
    const links = watched(updating.world);
    const again = new UpdateWorld(URI);
    const lossless = watched(again.world);
    await again.update(made, { ...BY_SMP });
    const report = await updating.update(made, { ...BY_SMP, cutWhen: atPercent(50, () => links.lose()) });
    expect(report?.outcome).toBe('complete');
    expect(updating.running(made)).toEqual(ALL_NEW);
    expect(links.opened).toBe(2);
    // A window of chunks at most.
    expect(links.octets - lossless.octets).toBeLessThan(5 * 2475);
  });

  it.each([1, 30, 99])('goes on after the power of the Distributor failed at %i percent', async (percent) => {
    const updating = new UpdateWorld(URI);
    const { distributor } = updating.world;
    const cut = atPercent(percent, () => distributor?.restart(2000));
    const report = await updating.update(made, { ...BY_SMP, cutWhen: cut });
    expect(report?.outcome).toBe('complete');
    expect(updating.running(made)).toEqual(ALL_NEW);
  });

  it.each(['block3', 'reboot3', 'block0+0x0002@block5+0x0002@reboot8'])(
    'goes on after fail=0x0002@%s',
    async (fail) => {
      const updating = new UpdateWorld(`${URI},fail=0x0002@${fail}`);
      const links = watched(updating.world);
      const report = await updating.update(made, BY_SMP);
      expect(report?.outcome).toBe('complete');
      expect(updating.running(made)).toEqual(ALL_NEW);
      expect(links.opened).toBe(fail.split('+').length + 1);
    },
  );

  it.each([0, 1, 50, 99])('is resumed by another process after it stopped at %i percent', async (percent) => {
    const store = new MemoryStore();
    const first = new UpdateWorld(URI, { store });
    const cutWhen = (progress: JobProgress) => progress.phase === 'uploading' && progress.percent >= percent;
    expect(await first.update(made, { ...BY_SMP, cutWhen })).toBeUndefined();
    const saved = first.job.saved();
    expect(saved).toMatchObject({ phase: 'uploading', request: { via: 'smp' } });

    const second = new UpdateWorld(URI, { store });
    const links = watched(second.world);
    const report = await second.update(made, { ...BY_SMP, resume: true });
    expect(report?.outcome).toBe('complete');
    expect(second.running(made)).toEqual(ALL_NEW);
    expect(slotsOf(second.world)).toBeUndefined();
    expect(links.octets).toBeLessThan(made.image.length * (1 - percent / 100) + 15_000);
  });

  it('does not upload what the Distributor has, however it came there', async () => {
    const store = new MemoryStore();
    await new UpdateWorld(URI, { store }).update(made, { ...BY_SMP, policy: 'verify' });
    const again = new UpdateWorld(URI, { store });
    await again.world.run(again.job.cancel());
    const links = watched(again.world);
    const report = await again.update(made, BY_SMP);
    expect(report?.outcome).toBe('complete');
    expect(again.running(made)).toEqual(ALL_NEW);
    expect(links.octets).toBeLessThan(500);
  });

  it('finds an older image of the list that the SMP server does not show, without sending it again', async () => {
    const updating = new UpdateWorld(URI);
    const other = await firmware(3000, 7);
    slotsOf(updating.world)?.add(made.firmwareId, made.metadata, made.image);
    slotsOf(updating.world)?.add(other.firmwareId, other.metadata, other.image);
    const links = watched(updating.world);
    const report = await updating.update(made, BY_SMP);
    expect(report?.outcome).toBe('complete');
    expect(updating.running(made)).toEqual(ALL_NEW);
    expect(links.octets).toBeLessThan(4000);
  });

  it('makes room by deleting the oldest image', async () => {
    const updating = new UpdateWorld(URI);
    for (let minor = 2; minor < 6; minor++) {
      const old = await firmware(2000, minor);
      slotsOf(updating.world)?.add(old.firmwareId, old.metadata, old.image);
    }
    let ids: string[] = [];
    const cutWhen = ({ phase }: JobProgress) => {
      if (phase === 'starting') ids = slotsOf(updating.world)?.images.map(({ firmwareId }) => toHex(firmwareId)) ?? [];
      return false;
    };
    const report = await updating.update(made, { ...BY_SMP, cutWhen });
    expect(report?.outcome).toBe('complete');
    expect(updating.running(made)).toEqual(ALL_NEW);
    expect(ids).toEqual(['03', '04', '05', '01'].map((minor) => `590001${minor}000000000000`));
  });

  it('says so where the Distributor offers no SMP, and proposes the mesh', async () => {
    const error = await refusal('sim:targets=2,distributor=1');
    expect(error.code).toBe('distributor-no-smp');
    expect(error.message).toContain('Distributor 0x0002 cannot be reached by SMP: no SMP service was found');
    expect(error.hint).toContain('--via mesh');
  });

  it('keeps the job when the Distributor does not come back, and says where it stopped', async () => {
    const updating = new UpdateWorld(URI);
    const { distributor } = updating.world;
    const cutWhen = atPercent(40, () => distributor?.silence());
    const error = await updating.update(made, { ...BY_SMP, cutWhen }).catch((thrown: MeshError) => thrown);
    expect(error).toMatchObject({ code: 'upload-interrupted', hint: expect.stringContaining('Resume') });
    expect((error as MeshError).message).toMatch(/stopped at (4\d|5\d) %/);
    expect(updating.job.saved()).toMatchObject({ phase: 'uploading', remote: { slotIndex: 0 } });
  });

  it('does not begin without a way', async () => {
    const updating = new UpdateWorld('sim:targets=1');
    const error = await updating.update(made, BY_SMP).catch((thrown: MeshError) => thrown);
    expect(error).toMatchObject({ code: 'no-smp-way', hint: expect.stringContaining('--smp') });
    expect(updating.job.saved()).toBeUndefined();
  });
});

describe('the shell of a simulated Distributor', () => {
  const id = '59000101000000000000';

  it('adds, shows and deletes slots in the words of Zephyr', async () => {
    const { world } = new UpdateWorld(URI);
    const slots = slotsOf(world);
    expect(await shell(world, `mesh models dfu slot add 5000 ${id} 0102`)).toEqual({
      o: 'Adding slot (size: 5000)\r\nSlot added. Index: 0\r\n',
      ret: 0,
    });
    // Not whole: not in the list.
    expect(slots?.images).toEqual([]);
    const { image, firmwareId, metadata } = await firmware(2000, 3);
    slots?.add(firmwareId, metadata, image);
    expect((await shell(world, `mesh models dfu slot add ${image.length} ${id}`)).o).toContain('Index: 1');
    expect((await shell(world, `mesh models dfu slot add 1 ${toHex(firmwareId)}`)).o).toContain('Index: 0');
    expect(await shell(world, 'mesh models dfu slot get 0')).toEqual({
      o: `Slot 0:\r\n\tSize:     ${image.length} bytes\r\n\tFWID:     ${toHex(firmwareId)}\r\n\tMetadata: ${toHex(metadata)}\r\n`,
      ret: 0,
    });
    expect((await shell(world, 'mesh models dfu slot get 4')).o).toBe('No slot at 4\r\n');
    expect((await shell(world, 'mesh models dfu slot del 0')).o).toBe('Slot 0 deleted.\r\n');
    expect((await shell(world, 'mesh models dfu slot del 0')).o).toBe('No slot at 0\r\n');
    expect((await shell(world, 'mesh models dfu slot del-all')).o).toBe('All slots deleted.\r\n');
  });

  it.each([
    ['add 2000000 590001', 0, 'Failed to reserve slot.'],
    ['add 20 59', -22, 'Failed to commit slot: -22'],
    ['add many 590001', -22, 'Unable to parse'],
    ['add 20 5900x1', -22, 'Unable to parse'],
    ['add', -22, 'wrong parameter count'],
    ['del', -22, 'wrong parameter count'],
    ['del x', -22, 'Unable to parse'],
    ['get', -22, 'wrong parameter count'],
    ['get x', -22, 'Unable to parse'],
    ['list', -8, 'Subcommands:'],
  ])('answers "slot %s"', async (line, ret, words) => {
    const { world } = new UpdateWorld(URI);
    const said = await shell(world, `mesh models dfu slot ${line}`);
    expect(said).toMatchObject({ ret, o: expect.stringContaining(words) });
  });

  it('knows no other command', async () => {
    const { world } = new UpdateWorld(URI);
    expect(await shell(world, 'mesh init')).toMatchObject({ ret: -8, o: expect.stringContaining('not found') });
  });

  it('takes only images for which there is a slot', async () => {
    const { world } = new UpdateWorld(URI);
    const upload = (octets: Uint8Array) =>
      talk(world, (client) => client.image.upload(octets)).catch((thrown: MeshError) => thrown.message);
    expect(await upload(made.image)).toContain('free slot');
    expect(await upload(new Uint8Array(100))).toContain('magic');
    await shell(world, `mesh models dfu slot add 5000 ${id}`);
    expect(await upload(made.image)).toContain('free slot');
  });
});

/** What goes over the links of a route to be, and an end for the one that is open. */
function watched(world: World): { opened: number; octets: number; lose(): void } {
  const route = world.smp as SmpRoute & { open: SmpRoute['open'] };
  const { open } = route;
  let last: SmpTransport | undefined;
  const seen = { opened: 0, octets: 0, lose: () => last?.close() };
  (route as { open: SmpRoute['open'] }).open = (done, options) =>
    open.call(
      route,
      (outcome) => {
        if ('send' in outcome) {
          seen.opened++;
          last = outcome;
          const { send } = outcome;
          outcome.send = (packet, sent) => {
            seen.octets += packet.length;
            send.call(outcome, packet, sent);
          };
        }
        done(outcome);
      },
      options,
    );
  return seen;
}
