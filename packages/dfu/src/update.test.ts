import { fromHex, type MeshError, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { GROUP, IMAGE, Mesh, NEW_ID, type TargetTraits } from './testing/mesh.ts';
import { UpdateEffect, UpdatePhase, UpdateStatus } from './update-codes.ts';

const NEW = toHex(NEW_ID);
const OLD = '590001';

describe('a firmware update of several targets', () => {
  for (const group of [undefined, GROUP]) {
    it(`goes through all steps ${group === undefined ? 'by unicast' : 'with the image by group'}`, () => {
      const mesh = new Mesh([{}, {}, {}]);
      mesh.client.start(group === undefined ? {} : { group });
      mesh.run();
      expect(mesh.client.outcome).toBe('complete');
      expect(mesh.client.phases).toEqual([
        'starting',
        'transferring',
        'refreshing',
        'verified',
        'applying',
        'confirming',
        'done',
      ]);
      for (const receiver of mesh.client.run?.receivers ?? []) {
        expect(receiver).toMatchObject({
          phase: UpdatePhase.applySuccess,
          updateStatus: UpdateStatus.success,
          transferStatus: 0,
          progress: 100,
          effect: UpdateEffect.unchanged,
          error: undefined,
          firmwareId: NEW_ID,
        });
      }
      for (const { device } of mesh.targets) expect(device.running).toEqual(IMAGE);
      expect(mesh.firmware).toEqual([NEW, NEW, NEW]);
      expect(mesh.client.update.saved()).toBeUndefined();
    });
  }

  it('exchanges the messages of a whole update, octet by octet [firmware-update.md, section 9]', () => {
    const metadata = fromHex('0200000000000000da3505018970567e0100');
    const firmwareId = fromHex('59000200000000000000');
    const mesh = new Mesh([
      {
        firmwareId: fromHex('59000101000000000000'),
        nextFirmwareId: firmwareId,
        holdVerification: true,
        bootMs: 20_000,
      },
    ]);
    const { update } = mesh.client;
    const answers: unknown[] = [];
    update.informationGet(0x0100, 0, (outcome) => answers.push(outcome));
    mesh.run(mesh.client, () => answers.length === 1);
    update.metadataCheck(0x0100, 0, 0, metadata, (outcome) => answers.push(outcome));
    mesh.run(mesh.client, () => answers.length === 2);
    mesh.client.start({ metadata, firmwareId, ttl: 0xff, timeoutBase: 118 });
    mesh.run(mesh.client, () => mesh.targets[0]?.update.phase === UpdatePhase.verifyingUpdate);
    mesh.clock.after(5000, () => {
      const { device } = mesh.targets[0]!;
      device.pending = metadata;
      device.endVerification(true);
    });
    mesh.run();
    const heard = mesh.heard.map(({ src, hex }) => `${src === 1 ? 'C' : 'S'} ${hex}`);
    const status = (phase: string): string => `S 8310${phase}ff007600efcdab896745230100`;
    expect(heard.filter((line, i) => line !== heard[i - 2] && line !== heard[i - 1])).toEqual([
      'C 830800ff',
      'S 830901000a5900010100000000000000',
      'C 830a000200000000000000da3505018970567e0100',
      'S 830b0000',
      'C 830dff7600efcdab8967452301000200000000000000da3505018970567e0100',
      status('40'),
      'C 830c',
      status('60'),
      status('80'),
      'C 830f',
      status('c0'),
      'S 831002',
      'C 830800ff',
      'S 830901000a5900020000000000000000',
    ]);
    expect(mesh.client.outcome).toBe('complete');
  });

  it('waits after verification when the policy says so, until it is told to apply', () => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start({ policy: 'verify' });
    mesh.run(mesh.client, () => run.phase === 'verified');
    mesh.clock.advance(600_000);
    expect(run.phase).toBe('verified');
    expect(mesh.firmware).toEqual([OLD, OLD]);
    expect(run.apply()).toBe(true);
    mesh.run();
    expect(mesh.firmware).toEqual([NEW, NEW]);
  });

  it('applies without waiting when it is told so during the transfer', () => {
    const mesh = new Mesh([{}]);
    const run = mesh.client.start({ policy: 'verify' });
    mesh.run(mesh.client, () => run.phase === 'transferring');
    expect(run.apply()).toBe(true);
    mesh.run();
    expect(mesh.client.outcome).toBe('complete');
    expect(run.apply()).toBe(false);
  });

  for (const [loss, group] of [
    [0.1, GROUP],
    [0.2, 0],
  ] as const) {
    it(`comes through a radio that loses ${100 * loss} % of everything, ${group === 0 ? 'by unicast' : 'by group'}`, () => {
      for (const seed of ['a', 'b', 'c']) {
        const mesh = new Mesh([{}, {}, {}], { loss, seed });
        mesh.client.start({ group, timeoutBase: 5 });
        mesh.run();
        expect(mesh.firmware).toEqual([NEW, NEW, NEW]);
      }
    });
  }

  it('is patient with a bootloader that takes a minute', () => {
    const mesh = new Mesh([{ bootMs: 60_000 }, { bootMs: 90_000 }, { bootMs: 0 }]);
    mesh.client.start({ timeoutBase: 0 });
    mesh.run();
    expect(mesh.firmware).toEqual([NEW, NEW, NEW]);
  });

  it('updates the node itself last, because that ends the process', () => {
    const mesh = new Mesh([{}, {}, {}]);
    const receivers = mesh
      .parameters()
      .receivers.map((receiver, i) => (i === 0 ? { ...receiver, self: true } : receiver));
    const applied: number[] = [];
    for (const { device, address } of mesh.targets) {
      const { restart } = device;
      device.restart = () => {
        applied.push(address);
        restart();
      };
    }
    mesh.client.start({ receivers });
    mesh.run(mesh.client, () => applied.length === 3);
    expect(applied[2]).toBe(0x0100);
    const others = mesh.client.run?.receivers.slice(1).map(({ phase }) => phase);
    expect(others).toEqual([UpdatePhase.applySuccess, UpdatePhase.applySuccess]);
    const next = mesh.client.kill();
    next.start({ resume: true });
    mesh.run(next);
    expect(next.outcome).toBe('complete');
    expect(mesh.firmware).toEqual([NEW, NEW, NEW]);
  });

  it('skips the transfer to those that have the image, whoever they are', () => {
    for (let subset = 0; subset < 16; subset++) {
      const traits: TargetTraits[] = [{}, {}, {}, {}];
      const mesh = new Mesh(traits);
      mesh.targets.forEach(({ device }, i) => {
        if (subset & (1 << i)) device.slot = IMAGE.slice();
      });
      mesh.client.start({ group: subset % 2 === 0 ? GROUP : 0 });
      mesh.run();
      expect(mesh.firmware).toEqual([NEW, NEW, NEW, NEW]);
      expect(mesh.client.phases.includes('transferring')).toBe(subset !== 15);
      mesh.targets.forEach(({ device }, i) => {
        expect(device.calls.includes('begin')).toBe((subset & (1 << i)) === 0);
      });
    }
  });
});

/** More of them, by name: bad-endings.test.ts. */
describe('targets that fail', () => {
  it('fails when all refuse, each with its own reason', () => {
    const mesh = new Mesh([
      { refuseMetadata: true },
      { refuseStart: 'resources' },
      { refuseStart: 'busy' },
      { refuseStart: 'internal' },
      {},
    ]);
    const receivers = mesh
      .parameters()
      .receivers.map(({ address }) => ({ address, imageIndex: address === 0x104 ? 3 : 0 }));
    mesh.client.start({ receivers });
    mesh.run();
    expect(mesh.client.outcome).toBe('failed');
    expect(mesh.client.phases).toEqual(['starting', 'done']);
    expect(mesh.client.errors).toEqual([
      'metadata-refused',
      'not-enough-room',
      'target-busy',
      'target-error',
      'no-such-image',
    ]);
    expect(mesh.client.run?.receivers.map(({ updateStatus }) => updateStatus)).toEqual([5, 1, 6, 3, 4]);
    expect(mesh.client.run?.receivers.every(({ error }) => error?.hint !== undefined)).toBe(true);
  });

  it('leaves out one that never answers, after the client time-out', () => {
    const mesh = new Mesh([{}, {}]);
    mesh.targets[1]!.powerOff();
    const receiver = mesh.client.start({ timeoutBase: 0 }).receivers[1]!;
    let at = 0;
    mesh.client.events.length = 0;
    mesh.run(mesh.client, () => {
      if (receiver.error !== undefined && at === 0) at = mesh.clock.now;
      return mesh.client.outcome !== undefined;
    });
    expect(mesh.client.errors).toEqual([undefined, 'target-silent']);
    expect(receiver).toMatchObject({
      phase: UpdatePhase.unknown,
      updateStatus: UpdateStatus.internalError,
      timedOut: true,
    });
    expect(at).toBeGreaterThan(20_000);
    expect(at).toBeLessThan(24_000);
  });

  it('goes on without one that is lost in the transfer', () => {
    const mesh = new Mesh([{}, {}, {}]);
    mesh.client.start({ group: GROUP, timeoutBase: 0 });
    mesh.run(mesh.client, () => mesh.targets[1]!.device.calls.includes('block 0'));
    mesh.targets[1]!.powerOff();
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, 'target-lost-in-transfer', undefined]);
    expect(mesh.client.run?.receivers[1]).toMatchObject({
      phase: UpdatePhase.transferActive,
      updateStatus: 3,
      timedOut: true,
    });
    expect(mesh.firmware).toEqual([NEW, OLD, NEW]);
  });

  it('suspends when all fall silent in the transfer, and goes on with the missing blocks when they are back', () => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start({ timeoutBase: 0 });
    mesh.run(mesh.client, () => mesh.targets.every(({ device }) => device.calls.includes('block 0')));
    for (const target of mesh.targets) target.powerOff();
    mesh.run(mesh.client, () => run.phase === 'suspended');
    expect(mesh.client.errors).toEqual(['target-lost-in-transfer', 'target-lost-in-transfer']);
    expect(mesh.client.update.saved()?.phase).toBe('suspended');
    for (const target of mesh.targets) target.powerOn();
    expect(run.resume()).toBe(true);
    mesh.run();
    expect(mesh.client.outcome).toBe('complete');
    expect(mesh.client.errors).toEqual([undefined, undefined]);
    for (const { device } of mesh.targets) expect(device.calls.filter((call) => call === 'block 0')).toHaveLength(1);
  });
});

describe('what applying does to the node', () => {
  const effects = [3, 0, 2, 1].map((effect) => ({ effect }));

  it('takes silence for success from a target that leaves the network', () => {
    const mesh = new Mesh(effects);
    mesh.client.start();
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, undefined, undefined, undefined]);
    expect(mesh.client.run?.receivers.map(({ effect }) => effect)).toEqual([3, 0, 2, 1]);
    expect(mesh.targets.map(({ on }) => on)).toEqual([false, true, true, true]);
    expect(mesh.firmware).toEqual([NEW, NEW, NEW, NEW]);
  });

  it('takes an answer for failure from a target that should have left, and the old id from the others', () => {
    const mesh = new Mesh(effects.map((traits) => ({ ...traits, failBoot: true })));
    mesh.client.start();
    mesh.run();
    expect(mesh.client.outcome).toBe('failed');
    for (const { error, phase, updateStatus } of mesh.client.run!.receivers) {
      expect([error?.code, phase, updateStatus]).toEqual([
        'apply-failed',
        UpdatePhase.applyFailed,
        UpdateStatus.internalError,
      ]);
    }
  });

  it('takes the new firmware id of a target that should have left for failure, too', () => {
    const mesh = new Mesh([{ effect: UpdateEffect.unprovisioned, leaves: false }]);
    mesh.client.start();
    mesh.run();
    expect(mesh.client.errors).toEqual(['apply-failed']);
  });
});

describe('suspend, stop, resume', () => {
  it('sends nothing while suspended, and then only what is missing', () => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start();
    expect(run.suspend()).toBe(false);
    mesh.run(mesh.client, () => mesh.targets.every(({ device }) => device.calls.includes('block 0')));
    expect(run.suspend()).toBe(true);
    const heard = mesh.heard.length;
    mesh.clock.advance(300_000);
    expect(mesh.heard.length).toBe(heard);
    expect(mesh.targets.map(({ update }) => update.phase)).toEqual([
      UpdatePhase.transferError,
      UpdatePhase.transferError,
    ]);
    expect(run.resume()).toBe(true);
    mesh.run();
    expect(mesh.firmware).toEqual([NEW, NEW]);
    for (const { device } of mesh.targets) expect(device.calls.filter((call) => call === 'block 0')).toHaveLength(1);
  });

  it('stops without a word, and is resumed by the same client', () => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start();
    mesh.run(mesh.client, () => mesh.targets.every(({ device }) => device.calls.includes('block 0')));
    const events = mesh.client.events.length;
    run.stop();
    mesh.clock.advance(1000);
    expect(mesh.client.events.length).toBe(events);
    mesh.client.start({ ...mesh.client.update.saved(), resume: true });
    mesh.run();
    expect(mesh.firmware).toEqual([NEW, NEW]);
    for (const { device } of mesh.targets) expect(device.calls.filter((call) => call === 'block 0')).toHaveLength(1);
  });
});

describe('what cannot be started', () => {
  const codeOf = (run: () => void): string => {
    try {
      run();
    } catch (thrown) {
      return (thrown as MeshError).code;
    }
    return 'nothing thrown';
  };

  it.each([
    ['a TTL that is none', { ttl: 0x80 }],
    ['a broken TTL', { ttl: 1.5 }],
    ['a time-out base of 17 bits', { timeoutBase: 0x1_0000 }],
    ['a negative BLOB ID', { blobId: -1n }],
    ['a BLOB ID of 65 bits', { blobId: 1n << 64n }],
    ['a broken image index', { receivers: [{ address: 0x0100, imageIndex: 0.5 }] }],
    ['a unicast address for a group', { group: 0x0100 }],
    ['a virtual address without its label', { group: 0x8000 }],
    ['a label of 15 octets', { group: 0x8000, label: new Uint8Array(15) }],
    ['no image', { source: { size: 0, read: () => new Uint8Array(0) } }],
    ['an image that no BLOB can be', { source: { size: 2 ** 32, read: () => new Uint8Array(0) } }],
    ['a time limit that is none', { verifyMs: Number.NaN }],
    ['a negative time limit', { rebootMs: -1 }],
  ])('refuses %s before anything is stored or sent', (_, parameters) => {
    const mesh = new Mesh([{}]);
    let error: MeshError | undefined;
    try {
      mesh.client.start(parameters);
    } catch (thrown) {
      error = thrown as MeshError;
    }
    expect(error).toMatchObject({ code: 'bad-update', hint: expect.any(String) });
    expect(mesh.client.update.saved()).toBeUndefined();
    mesh.clock.advance(1000);
    expect(mesh.heard).toEqual([]);
  });

  it('refuses parameters that cannot be sent, a second update, another image, an unbound key', () => {
    const { client } = new Mesh([{}]);
    const receiver = { address: 0x0100, imageIndex: 0 };
    expect(codeOf(() => client.start({ receivers: [] }))).toBe('bad-update');
    expect(codeOf(() => client.start({ receivers: [receiver, receiver] }))).toBe('bad-update');
    expect(codeOf(() => client.start({ receivers: [{ address: GROUP, imageIndex: 0 }] }))).toBe('bad-update');
    expect(codeOf(() => client.start({ metadata: new Uint8Array(256) }))).toBe('bad-update');
    expect(codeOf(() => client.start({ firmwareId: new Uint8Array(1) }))).toBe('bad-update');
    expect(codeOf(() => client.start({ appIndex: 7 }))).toBe('key-not-bound');
    expect(codeOf(() => client.start({ resume: true }))).toBe('nothing-to-resume');
    client.start();
    expect(codeOf(() => client.start())).toBe('update-running');
    client.run?.stop();
    expect(codeOf(() => client.start({ resume: true, blobId: 1n }))).toBe('resume-mismatch');
  });
});
