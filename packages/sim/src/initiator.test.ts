import { updateNode } from '@meshferry/cdb';
import { MemoryStore, type MeshError, storeView, toHex } from '@meshferry/core';
import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import type { OobRetriever } from '@meshferry/dfu';
import type { MadeFirmware } from '@meshferry/firmware';
import { type JobReport, UpdateJob } from '@meshferry/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { InitiatorWorld } from './testing/initiator-world.ts';
import { firmware } from './testing/update-world.ts';

let made: MadeFirmware;
const NEW = '59000101000000000000';
const OLD = '59000000000000000000';
const GROUP = 0xc123;

beforeAll(async () => {
  made = await firmware(2500);
});

/** A world in which all devices are nodes that nobody has configured; the address of the first is `first`. */
async function bareWorld(keys: string): Promise<InitiatorWorld> {
  const world = new InitiatorWorld(`sim:targets=0,radio=ideal,block=10,${keys}`);
  await world.provisionAll();
  return world;
}

const ends = (report: JobReport): unknown[] => report.targets.map(({ phase, error }) => [phase, error?.code ?? null]);
const NOTHING = { bind: [[], []], subscribe: [[], []], keys: [] };

describe('an Initiator prepares the targets', () => {
  it('with AppKey, bindings and group, and takes all of it back when it is done', async () => {
    const world = await bareWorld('unprovisioned=2');
    const before = world.document.nodes;
    const during: unknown[] = [];
    const request = world.request(made, { targets: [2, 3], group: GROUP });
    const report = await world.run(
      world.job.run(request, {
        onProgress: ({ phase }) => {
          if (phase === 'starting') during.push(world.configurationOf(world.device(0)));
        },
      }),
    );
    expect(ends(report)).toEqual([
      ['applied', null],
      ['applied', null],
    ]);
    const prepared = { bind: [[0], [0]], subscribe: [[GROUP], [GROUP]], keys: [0] };
    expect(during[0]).toEqual(prepared);
    expect(world.world.devices.map((device) => world.configurationOf(device))).toEqual([NOTHING, NOTHING]);
    expect(world.document.nodes).toEqual(before);
    expect(report.notUndone).toBeNull();
    // Both models share one list of subscriptions: it is taken back once.
    expect(world.removals.filter((what) => what.startsWith('unsubscribe'))).toHaveLength(2);
  });

  it('to a Label UUID', async () => {
    const world = await bareWorld('unprovisioned=2');
    const label = new Uint8Array(16).fill(7);
    const group = virtualAddress(portableCrypto, label);
    const report = await world.run(world.job.run(world.request(made, { targets: [2, 3], group, label })));
    expect(world.running()).toEqual([NEW, NEW]);
    expect(report.notUndone).toBeNull();
    expect(world.configurationOf(world.device(0))).toEqual(NOTHING);
  });

  it('and adds nothing to who has it all, and leaves that alone', async () => {
    const world = new InitiatorWorld('sim:targets=2,radio=ideal,block=10');
    const before = world.document.nodes;
    await world.run(world.job.run(world.request(made, { group: 0xc000 })));
    expect(world.removals).toEqual([]);
    expect(world.document.nodes).toEqual(before);
    expect(world.running()).toEqual([NEW, NEW]);
  });

  it('and notices what the document does not know: that is not taken back', async () => {
    const world = new InitiatorWorld('sim:targets=1,radio=ideal,block=10');
    const entry = world.entry(0x0100);
    const elements = entry.elements.map((element) => ({
      ...element,
      models: element.models.map((model) => ({ ...model, bind: [], subscribe: [] })),
    }));
    world.network.change(updateNode(world.document, 0x0100, { elements }));
    await world.run(world.job.run(world.request(made, { group: 0xc000 })));
    expect(world.removals).toEqual([]);
    expect(world.entry(0x0100).elements).toEqual(
      entry.elements.map((element) => ({ ...element, models: expect.anything() })),
    );
    expect(world.configurationOf(world.world.targets[0]!)).toMatchObject({
      bind: [[0], [0]],
      subscribe: [[0xc000], [0xc000]],
    });
  });

  it('and takes it back after a cancellation', async () => {
    const world = await bareWorld('unprovisioned=2');
    const before = world.document.nodes;
    const request = world.request(made, { targets: [2, 3], group: GROUP });
    const half = new Promise<void>((resolve) => {
      void world.job.run(request, {
        onProgress: ({ phase, percent }) => {
          if (phase === 'transferring' && percent >= 50) resolve();
        },
      });
    });
    await world.run(half);
    world.kill();
    world.start();
    expect(await world.run(world.job.cancel())).toBeNull();
    expect(world.document.nodes).toEqual(before);
    expect(world.world.devices.map((device) => world.configurationOf(device))).toEqual([NOTHING, NOTHING]);
    expect(world.running()).toEqual([OLD, OLD]);
    expect(world.job.saved()).toBeUndefined();
    await expect(world.job.cancel()).rejects.toMatchObject({ code: 'no-job' });
  });

  it('and takes it back when the Distributor refuses; such a job is over', async () => {
    const world = await bareWorld('unprovisioned=1,distributor=1');
    const distributor = world.entry(2);
    const request = world.request(made, { targets: [3], distributor: 0x0002, oobUri: 'gopher://example.com/fw' });
    const refused = await world.run(world.job.run(request)).catch((thrown: MeshError) => thrown);
    expect(refused).toMatchObject({
      code: expect.stringMatching(/^(oob-not-supported|uri-not-supported)$/),
      hint: expect.any(String),
    });
    expect(world.configurationOf(world.device(0))).toEqual(NOTHING);
    expect(world.entry(2)).toEqual(distributor);
    expect(world.job.saved()).toBeUndefined();
  });

  it('and remembers for whom it could not: the next job takes that back', async () => {
    const world = await bareWorld('unprovisioned=2');
    const request = world.request(made, { targets: [2, 3], group: GROUP });
    let silenced = false;
    const report = await world.run(
      world.job.run(request, {
        onProgress: ({ phase }) => {
          if (phase !== 'undoing' || silenced) return;
          silenced = true;
          world.device(1).powerOff();
        },
      }),
    );
    expect(report.notUndone).toMatchObject({ code: 'not-undone', message: expect.stringContaining('0x0003') });
    expect(world.job.notUndone()).toEqual([3]);
    expect(world.configurationOf(world.device(0))).toEqual(NOTHING);
    world.device(1).powerOn();
    expect(world.configurationOf(world.device(1)).bind).toEqual([[0], [0]]);
    expect(await world.run(world.job.cancel())).toBeNull();
    expect(world.job.notUndone()).toEqual([]);
    expect(world.configurationOf(world.device(1))).toEqual(NOTHING);
  });
});

describe('an Initiator checks', () => {
  it('the company before the transfer', async () => {
    const world = new InitiatorWorld('sim:targets=2,radio=ideal,block=10,company=0x004c');
    const report = await world.run(world.job.run(world.request(made)));
    expect(ends(report)).toEqual(Array(2).fill(['failed', 'other-company']));
    expect(report.targets[0]?.error).toMatchObject({
      message: expect.stringContaining('0x004c'),
      hint: expect.stringContaining('--company 0x004c'),
    });
    expect(report.stats.chunksSent).toBe(0);
  });

  it('who runs it already, if asked to leave those out', async () => {
    const world = new InitiatorWorld('sim:targets=2,radio=ideal,block=10');
    await world.run(world.job.run(world.request(made, { targets: [0x0100] })));
    const report = await world.run(world.job.run(world.request(made, { skipCurrent: true })));
    expect(ends(report)).toEqual(Array(2).fill(['applied', null]));
    expect(report.targets.map(({ notice }) => notice)).toEqual(['it ran this firmware already', null]);
  });
});

describe('a job through a Distributor', () => {
  it('is several distributions when its list does not hold all, and one report', async () => {
    const world = new InitiatorWorld('sim:targets=5,distributor=1,radio=ideal,block=10');
    const { distribution } = world.role;
    const { capabilitiesGet } = distribution;
    // A Distributor with room for two.
    distribution.capabilitiesGet = (to, done) =>
      capabilitiesGet.call(distribution, to, (outcome) =>
        done(outcome.ok ? { ok: true, value: { ...outcome.value, maxReceiversCount: 2 } } : outcome),
      );
    let starts = 0;
    const { start } = distribution;
    distribution.start = (...given) => {
      starts++;
      return start.apply(distribution, given);
    };
    const report = await world.run(world.job.run(world.request(made, { distributor: 0x0002, group: 0xc000 })));
    expect(ends(report)).toEqual(Array(5).fill(['applied', null]));
    expect(world.running()).toEqual(Array(5).fill(NEW));
    expect(starts).toBe(3);
    const verify = world.request(made, { distributor: 0x0002, policy: 'verify' });
    await expect(world.run(world.job.run(verify))).rejects.toMatchObject({ code: 'too-many-to-verify' });
    expect(world.job.saved()).toBeUndefined();
  });

  it('asks the targets for the mode that all of them can', async () => {
    const world = new InitiatorWorld('sim:targets=2,lowpower=2,friends=1,distributor=1,radio=ideal,block=10');
    const modes: string[] = [];
    const { start } = world.role.distribution;
    world.role.distribution.start = (to, parameters, done) => {
      modes.push(parameters.transferMode);
      return start.call(world.role.distribution, to, parameters, done);
    };
    const report = await world.run(world.job.run(world.request(made, { distributor: 0x0002 })));
    expect(modes).toEqual(['pull']);
    expect(ends(report)).toEqual(Array(2).fill(['applied', null]));
  });

  it('that has ended while nobody watched is reported, not done again', async () => {
    const world = new InitiatorWorld('sim:targets=3,distributor=1,radio=ideal,block=10');
    await world.run(transferring(world, { distributor: 0x0002, group: 0xc000 }));
    world.kill();
    await world.wait(300_000);
    expect(world.running()).toEqual(Array(3).fill(NEW));
    world.start();
    const blocks = new Map(world.blocks);
    const report = await world.run(world.job.run(world.request(made), { resume: true }));
    expect(ends(report)).toEqual(Array(3).fill(['applied', null]));
    expect(world.blocks).toEqual(blocks);
    expect(world.job.saved()).toBeUndefined();
  });

  it('leaves a distribution of somebody else alone', async () => {
    const world = new InitiatorWorld('sim:targets=3,distributor=1,radio=ideal,block=10');
    await world.run(transferring(world, { distributor: 0x0002, group: 0xc000 }));
    world.kill();
    world.start();
    const other = new UpdateJob({
      role: world.role,
      clock: world.world.clock,
      random: world.world.random,
      crypto: portableCrypto,
      store: storeView(new MemoryStore(), 'other/'),
    });
    const request = world.request(made, { distributor: 0x0002, targets: [0x0102] });
    await expect(world.run(other.run(request))).rejects.toMatchObject({ code: 'distributor-busy' });
    expect(other.saved()).toBeUndefined();
    const report = await world.run(world.job.run(world.request(made), { resume: true }));
    expect(ends(report)).toEqual(Array(3).fill(['applied', null]));
  });

  it('is paused and goes on, also by another process', async () => {
    const world = new InitiatorWorld('sim:targets=3,distributor=1,radio=ideal,block=8');
    await world.run(transferring(world, { distributor: 0x0002, group: 0xc000 }));
    world.kill();
    world.start();
    await world.run(world.job.suspend());
    expect(world.job.saved()?.phase).toBe('suspended');
    expect((await world.run(world.job.distribution())).status.phase).toBe(7);
    await expect(world.run(world.job.suspend())).resolves.toBeUndefined();
    const report = await world.run(world.job.run(world.request(made), { resume: true }));
    expect(ends(report)).toEqual(Array(3).fill(['applied', null]));
  });

  it('lets the Distributor fetch the image itself', async () => {
    const { firmwareId, metadata, image } = made;
    const asked: string[] = [];
    const archive: OobRetriever = {
      schemes: ['https'],
      check: ({ uri, current }, done) => {
        asked.push(`${uri} ${toHex(current)}`);
        done({ offer: { firmwareId, size: image.length } });
        return () => {};
      },
      fetch: (_request, _offer, progress, done) => {
        progress(50);
        done({ ok: true, value: { firmwareId, metadata, image } });
        return () => {};
      },
    };
    const world = new InitiatorWorld('sim:targets=2,distributor=1,radio=ideal,block=10', undefined, { archive });
    const request = { distributor: 0x0002, group: 0xc000, oobUri: 'https://example.com/fw' };
    const report = await world.run(world.job.run(world.request(made, request)));
    expect(ends(report)).toEqual(Array(2).fill(['applied', null]));
    expect(asked).toEqual([`https://example.com/fw ${OLD}`]);
    expect(report.stats.chunksSent).toBe(0);
  });

  it('makes room on the Distributor by the image that it has had for the longest time', async () => {
    const world = new InitiatorWorld('sim:targets=1,distributor=1,radio=ideal');
    const slots = () => world.world.distributor?.role?.distribution;
    for (let minor = 1; minor <= 6; minor++) {
      const next = await firmware(600, minor);
      const report = await world.run(world.job.run(world.request(next, { distributor: 0x0002 })));
      expect(ends(report)).toEqual([['applied', null]]);
    }
    expect(slots()?.phase).toBe(0);
    const small = await firmware(600, 1);
    const found = world.role.distribution.firmwareGet.bind(world.role.distribution, { address: 0x0002, appIndex: 0 });
    const first = await world.run(new Promise<unknown>((resolve) => found(small.firmwareId, resolve)));
    expect(first).toMatchObject({ value: { status: 4 } });
  });

  it('that is cancelled while it uploads leaves nothing on the Distributor', async () => {
    const world = new InitiatorWorld('sim:targets=1,distributor=1,radio=ideal');
    const uploading = new Promise<void>((resolve) => {
      void world.job.run(world.request(made, { distributor: 0x0002 }), {
        onProgress: ({ phase, chunksSent }) => {
          if (phase === 'uploading' && chunksSent > 0) resolve();
        },
      });
    });
    await world.run(uploading);
    world.kill();
    world.start();
    expect(await world.run(world.job.cancel())).toBeNull();
    const { distribution } = world.role;
    const upload = await world.run(
      new Promise<unknown>((resolve) => distribution.uploadGet({ address: 0x0002, appIndex: 0 }, resolve)),
    );
    expect(upload).toMatchObject({ value: { phase: 0 } });
  });

  it('is cancelled at the Distributor; one that is gone can be left alone', async () => {
    for (const onlyHere of [false, true]) {
      const world = new InitiatorWorld('sim:targets=2,distributor=1,radio=ideal,block=8');
      await world.run(transferring(world, { distributor: 0x0002, group: 0xc000 }));
      world.kill();
      world.start();
      if (onlyHere) {
        world.world.distributor?.powerOff();
        await expect(world.run(world.job.cancel())).rejects.toMatchObject({ code: 'distributor-silent' });
        expect(world.job.saved()).toBeDefined();
      }
      expect(await world.run(world.job.cancel({ onlyHere }))).toBeNull();
      expect(world.job.saved()).toBeUndefined();
      if (!onlyHere) expect(world.world.distributor?.role?.distribution.phase).toBe(0);
    }
  });
});

describe('targets that were lost', () => {
  it('are taken up again within the job when they are back', async () => {
    const world = new InitiatorWorld('sim:targets=2,radio=ideal,block=8');
    let gone = false;
    const request = world.request(made, { group: 0xc000, retries: 1, timeoutBase: 0 });
    const report = await world.run(
      world.job.run(request, {
        onProgress: ({ phase, percent }) => {
          if (phase !== 'transferring' || percent < 30 || gone) return;
          gone = true;
          world.world.targets[1]?.restart(32_000);
        },
      }),
    );
    expect(gone).toBe(true);
    expect(ends(report)).toEqual(Array(2).fill(['applied', null]));
  });

  it('can be tried again later, they alone', async () => {
    const world = new InitiatorWorld('sim:targets=2,radio=ideal,block=8');
    const target = world.world.targets[1];
    target?.powerOff();
    const report = await world.run(world.job.run(world.request(made, { group: 0xc000 })));
    expect(ends(report)).toEqual([
      ['applied', null],
      ['failed', 'no-response'],
    ]);
    expect(report.retryable).toBe(true);
    expect(world.job.last()).toBeDefined();
    target?.powerOn();
    await expect(world.job.retry(new Uint8Array(3))).rejects.toMatchObject({ code: 'other-image' });
    const again = await world.run(world.job.retry(made.image));
    expect(again.targets.map(({ address, phase }) => [address, phase])).toEqual([[0x0101, 'applied']]);
    expect(world.job.last()).toBeUndefined();
    await expect(world.job.retry(made.image)).rejects.toMatchObject({ code: 'nothing-to-retry' });
  });
});

/** Starts a job, and is there when its transfer is half done. */
function transferring(world: InitiatorWorld, request: Parameters<InitiatorWorld['request']>[1]): Promise<void> {
  return new Promise((resolve, reject) => {
    world.job
      .run(world.request(made, request), {
        onProgress: ({ phase, percent }) => {
          if (phase === 'transferring' && percent > 0) resolve();
        },
      })
      .catch(reject);
  });
}

describe('E2E/01: ten targets with 5 % loss, through a Distributor, the Initiator away meanwhile', () => {
  it('ends with a report that is what the targets really run', async () => {
    const uri = 'sim:targets=10,distributor=1,loss=0.05,block=10,fail=0x0103@verify;0x0106@block2';
    const world = new InitiatorWorld(uri);
    await world.run(transferring(world, { distributor: 0x0002, group: 0xc000 }));
    world.kill();
    await world.wait(600_000);
    world.start();
    const report = await world.run(world.job.run(world.request(made), { resume: true }));
    const really = world.running().map((id) => id === NEW);
    expect(report.targets.map(({ phase }) => phase === 'applied')).toEqual(really);
    expect(
      report.targets.filter(({ phase }) => phase === 'failed').map(({ address, error }) => [address, error?.code]),
    ).toEqual([
      [0x0103, 'verification-failed'],
      [0x0106, 'target-lost-in-transfer'],
    ]);
    expect(
      report.targets.flatMap(({ firmwareIdAfter }) => (firmwareIdAfter === null ? [] : [toHex(firmwareIdAfter)])),
    ).toEqual(Array(8).fill(NEW));
    expect(world.world.distributor?.role?.distribution.phase).toBe(0);
  });
});
