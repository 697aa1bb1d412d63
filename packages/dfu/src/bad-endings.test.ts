import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { GROUP, IMAGE, Mesh, NEW_ID, type TargetTraits } from './testing/mesh.ts';
import { UpdatePhase as Phase, UpdateStatus as Status } from './update-codes.ts';
import type { UpdateParameters, UpdateReceiverState } from './update-types.ts';

/*
 * Every way in which an update may end badly, by name. Here: what goes wrong at a target, or with the image.
 * bad-endings-interrupted.test.ts: cancelled in each phase, suspended for too long, two Distributors at once, a radio or a
 * store that fails. bad-endings-upload.test.ts: an image replaced while it is uploaded. Archives that are unreachable,
 * slow, too large or lie: in @meshferry/firmware, where they are fetched.
 */

const NEW = toHex(NEW_ID);
const OLD = '590001';

/** Something that goes wrong at a target, and what is told of it. */
interface Loss {
  readonly name: string;
  readonly traits?: TargetTraits;
  /** Opcodes of messages that the target does not hear. */
  readonly deaf?: readonly string[];
  readonly parameters?: Partial<UpdateParameters>;
  readonly imageIndex?: number;
  /** Apply is answered, and then nothing comes of it. */
  readonly neverApplies?: boolean;
  readonly code: string;
  readonly status: number;
  readonly phase: number;
  /** When it happens to all targets. Default: failed. */
  readonly whenAll?: 'suspended';
  /** It runs the new firmware all the same. */
  readonly runsNew?: boolean;
}

const START = '830d';
const INFORMATION_GET = '8308';
const GET = '830c';
const APPLY = '830f';
const BLOB_INFORMATION_GET = '8306';
const TRANSFER_START = '8301';
const TRANSFER_GET = '8300';
const BLOCK_START = '8304';
const CHUNK = '66';

const { internalError } = Status;
const LOST_IN_TRANSFER = { code: 'target-lost-in-transfer', status: internalError, phase: Phase.transferActive };

const LOSSES: readonly Loss[] = [
  {
    name: 'lost at metadata: the target does not want the firmware (it is up to date, or the image is for another board)',
    traits: { refuseMetadata: true },
    code: 'metadata-refused',
    status: Status.metadataCheckFailed,
    phase: Phase.idle,
  },
  {
    name: 'target full',
    traits: { refuseStart: 'resources' },
    code: 'not-enough-room',
    status: Status.insufficientResources,
    phase: Phase.idle,
  },
  {
    name: 'target busy',
    traits: { refuseStart: 'busy' },
    code: 'target-busy',
    status: Status.temporarilyUnavailable,
    phase: Phase.idle,
  },
  {
    name: 'target in trouble',
    traits: { refuseStart: 'internal' },
    code: 'target-error',
    status: internalError,
    phase: Phase.idle,
  },
  {
    name: 'wrong image index',
    imageIndex: 1,
    code: 'no-such-image',
    status: Status.wrongFirmwareIndex,
    phase: Phase.idle,
  },
  { name: 'lost at Start: silent', deaf: [START], code: 'target-silent', status: internalError, phase: Phase.unknown },
  { name: 'lost at capabilities: silent', deaf: [BLOB_INFORMATION_GET], ...LOST_IN_TRANSFER },
  {
    name: 'lost at capabilities: the image is larger than it can take',
    traits: { capabilities: { maxBlobSize: IMAGE.length - 1 } },
    ...LOST_IN_TRANSFER,
  },
  { name: 'lost at Transfer Start: silent', deaf: [TRANSFER_START], ...LOST_IN_TRANSFER, whenAll: 'suspended' },
  { name: 'lost at a block: does not hear of it', deaf: [BLOCK_START], ...LOST_IN_TRANSFER, whenAll: 'suspended' },
  { name: 'lost at a block: hears no chunk of it', deaf: [CHUNK], ...LOST_IN_TRANSFER },
  {
    name: 'lost at a block in pull mode: hears no chunk of it',
    deaf: [CHUNK],
    parameters: { mode: 'pull' },
    ...LOST_IN_TRANSFER,
  },
  { name: 'lost at the end of the transfer: silent', deaf: [TRANSFER_GET], ...LOST_IN_TRANSFER },
  {
    name: 'lost at verify: silent',
    deaf: [GET],
    code: 'target-silent',
    status: internalError,
    phase: Phase.transferActive,
  },
  {
    name: 'verification fails',
    traits: { failVerification: true },
    code: 'verification-failed',
    status: Status.wrongPhase,
    phase: Phase.verificationFailed,
  },
  {
    name: 'verification never ends',
    traits: { holdVerification: true },
    code: 'verification-slow',
    status: internalError,
    phase: Phase.verifyingUpdate,
  },
  {
    name: 'lost at apply: silent',
    deaf: [APPLY],
    code: 'target-silent',
    status: internalError,
    phase: Phase.verificationSucceeded,
  },
  {
    name: 'lost at apply: does not come back from its restart',
    traits: { leaves: true },
    code: 'target-silent',
    status: internalError,
    phase: Phase.applyingUpdate,
    runsNew: true,
  },
  {
    name: 'lost at apply: applies for ever',
    neverApplies: true,
    code: 'apply-slow',
    status: internalError,
    phase: Phase.applyingUpdate,
  },
  {
    name: 'the bootloader goes back to the old firmware',
    traits: { failBoot: true },
    code: 'apply-failed',
    status: internalError,
    phase: Phase.applyFailed,
  },
  {
    name: 'lost at confirmation: silent',
    deaf: [INFORMATION_GET],
    code: 'target-silent',
    status: internalError,
    phase: Phase.applyFailed,
    runsNew: true,
  },
  {
    name: 'should have left the network and still answers',
    traits: { effect: 3, leaves: false },
    code: 'apply-failed',
    status: internalError,
    phase: Phase.applyFailed,
    runsNew: true,
  },
];

/** A mesh of three targets, to some of which it happens. */
function prepared(
  loss: Loss,
  happensTo: (index: number) => boolean,
  told: (receiver: UpdateReceiverState) => void = () => {},
): Mesh {
  const { traits = {}, deaf = [], neverApplies } = loss;
  const mesh = new Mesh([0, 1, 2].map((index) => (happensTo(index) ? traits : {})));
  const deafOnes = new Set(mesh.targets.flatMap(({ address }, index) => (happensTo(index) ? [address] : [])));
  mesh.onArrival = ({ payload }, to, deliver) => {
    const isHeard = !deafOnes.has(to) || !deaf.some((opcode) => toHex(payload).startsWith(opcode));
    if (isHeard) deliver();
  };
  if (neverApplies) {
    mesh.targets.forEach(({ device }, index) => {
      if (happensTo(index)) device.restart = () => {};
    });
  }
  const { imageIndex = 0, parameters = {} } = loss;
  const receivers = mesh.targets.map(({ address }, index) => ({
    address,
    imageIndex: happensTo(index) ? imageIndex : 0,
  }));
  mesh.client.start({ timeoutBase: 1, verifyMs: 60_000, rebootMs: 60_000, ...parameters, receivers }, (event) => {
    if (event.type === 'receiver') told({ ...event.receiver });
  });
  mesh.run(mesh.client, () => mesh.client.outcome !== undefined || mesh.client.run?.phase === 'suspended');
  return mesh;
}

describe.each(LOSSES)('$name', (loss) => {
  const { code, status, phase, whenAll = 'failed', runsNew = false } = loss;

  it('one of three: it is told once, with what to do, and the others are updated', () => {
    const told: UpdateReceiverState[] = [];
    const mesh = prepared(
      loss,
      (index) => index === 1,
      (receiver) => receiver.error !== undefined && told.push(receiver),
    );
    expect(mesh.client.outcome).toBe('complete');
    expect(mesh.client.errors).toEqual([undefined, code, undefined]);
    expect(mesh.client.run?.receivers[1]).toMatchObject({ phase, updateStatus: status });
    expect(mesh.firmware).toEqual([NEW, runsNew ? NEW : OLD, NEW]);
    expect(told).toHaveLength(1);
    const { error } = mesh.client.run!.receivers[1]!;
    expect(error?.message).toContain('0x0101');
    expect(error?.hint?.length).toBeGreaterThan(20);
    expect(mesh.client.update.saved()).toBeUndefined();
  });

  it(`all of them: ${whenAll}`, () => {
    const mesh = prepared(loss, () => true);
    expect(mesh.client.errors).toEqual([code, code, code]);
    for (const receiver of mesh.client.run!.receivers) expect(receiver).toMatchObject({ phase, updateStatus: status });
    expect(mesh.client.outcome ?? mesh.client.run?.phase).toBe(whenAll);
    expect(mesh.client.update.saved()?.phase).toBe(whenAll === 'suspended' ? 'suspended' : undefined);
    expect(mesh.firmware).toEqual(Array(3).fill(runsNew ? NEW : OLD));
    const applied = mesh.targets.some(({ device }) => device.calls.includes('apply'));
    expect(applied).toBe(phase === Phase.applyingUpdate || phase === Phase.applyFailed);
  });
});

describe('already there, already up to date', () => {
  it('a target that holds exactly this image is not sent it again, and applies it', () => {
    const mesh = new Mesh([{}, {}]);
    mesh.targets[0]!.device.slot = IMAGE.slice();
    mesh.client.start();
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, undefined]);
    expect(mesh.firmware).toEqual([NEW, NEW]);
    expect(mesh.targets.map(({ device }) => device.calls.includes('begin'))).toEqual([false, true]);
  });

  it('a target that runs this firmware and takes it again ends with it', () => {
    const mesh = new Mesh([{ firmwareId: NEW_ID }, {}]);
    mesh.client.start();
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, undefined]);
    expect(mesh.firmware).toEqual([NEW, NEW]);
  });

  it('a target that runs this firmware and reverts a repetition cannot be told from one that took it', () => {
    const mesh = new Mesh([{ firmwareId: NEW_ID, failBoot: true }]);
    mesh.client.start();
    mesh.run();
    expect(mesh.client.outcome).toBe('complete');
  });
});

describe('the image is not what it should be', () => {
  it('signature wrong: the image arrives whole and is refused, and is not applied', () => {
    const mesh = new Mesh([{ failVerification: true }, { failVerification: true }]);
    mesh.client.start({ group: GROUP });
    mesh.run();
    expect(mesh.client.outcome).toBe('failed');
    expect(mesh.client.errors).toEqual(['verification-failed', 'verification-failed']);
    for (const { error } of mesh.client.run!.receivers) expect(error?.hint).toMatch(/signature.*signed with the key/);
    for (const { device } of mesh.targets) {
      expect(device.slot).toEqual(IMAGE);
      expect(device.calls).not.toContain('apply');
    }
  });

  it('image replaced during the transfer: every target finds out, none applies', () => {
    const mesh = new Mesh([{}, {}]);
    let image = IMAGE;
    const source = {
      size: IMAGE.length,
      read: (offset: number, size: number) => image.subarray(offset, offset + size),
    };
    mesh.client.start({ source });
    mesh.run(mesh.client, () => mesh.targets.every(({ device }) => device.calls.includes('block 0')));
    image = IMAGE.map((octet) => octet ^ 0xff);
    mesh.run();
    expect(mesh.client.errors).toEqual(['verification-failed', 'verification-failed']);
    expect(mesh.firmware).toEqual([OLD, OLD]);
  });

  it('another image at resumption: refused before anything is sent', () => {
    const mesh = new Mesh([{}]);
    const run = mesh.client.start();
    mesh.run(mesh.client, () => run.phase === 'transferring');
    const next = mesh.client.kill();
    const source = { size: 601, read: () => new Uint8Array(0) };
    expect(() => next.start({ ...next.update.saved(), source, resume: true })).toThrow('one of another image');
    expect(next.update.saved()).toBeDefined();
  });
});
