import { BlobBlockStart, BlobChunkTransfer, BlobPhase, BlobTransferCancel, BlobTransferStart } from '@meshferry/blob';
import { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import {
  FirmwareUpdateCancel,
  FirmwareUpdateInformationGet,
  type FirmwareUpdateStart,
} from './firmware-update-messages.ts';
import type { DeviceTraits } from './testing/device.ts';
import { Bench, benchIn, IMAGE, NEW_ID, START } from './testing/target-bench.ts';
import { UpdatePhase, UpdateStatus } from './update-codes.ts';

const { success, wrongPhase } = UpdateStatus;
const { idle, transferActive, applyingUpdate, verificationSucceeded } = UpdatePhase;

describe('Firmware Update Server, Start', () => {
  const refusals: readonly [string, DeviceTraits, Partial<FirmwareUpdateStart>, number][] = [
    ['an index that is not there', {}, { imageIndex: 2 }, UpdateStatus.wrongFirmwareIndex],
    ['metadata that the device does not want', { refuseMetadata: true }, {}, UpdateStatus.metadataCheckFailed],
    ['no room', { refuseStart: 'resources' }, {}, UpdateStatus.insufficientResources],
    ['not now', { refuseStart: 'busy' }, {}, UpdateStatus.temporarilyUnavailable],
    ['other trouble', { refuseStart: 'internal' }, {}, UpdateStatus.internalError],
  ];
  for (const [why, traits, change, status] of refusals) {
    it(`refuses ${why} with one octet and changes nothing`, () => {
      const bench = new Bench(traits);
      expect(bench.start(change)).toEqual({
        status,
        phase: idle,
        updateTtl: undefined,
        additionalInformation: undefined,
        updateTimeoutBase: undefined,
        updateBlobId: undefined,
        imageIndex: undefined,
      });
      expect(bench.blob.phase).toBe(BlobPhase.inactive);
      expect(bench.get().phase).toBe(idle);
    });
  }

  it('refuses while the BLOB server works for somebody else, and tells the device', () => {
    const bench = new Bench();
    const sink = { begin: () => true, block: () => true };
    const events = { complete: () => {}, suspended: () => {}, failed: () => {} };
    bench.blob.expect(5n, { ttl: 3, timeoutBase: 0, sink, events });
    bench.ask(BlobTransferStart, {
      transferMode: 'push',
      blobId: 5n,
      blobSize: 8,
      blockSizeLog: 6,
      clientMtuSize: 380,
    });
    expect(bench.start()).toMatchObject({ status: UpdateStatus.blobTransferBusy, phase: idle });
    expect(bench.blob.blobId).toBe(5n);
    expect(bench.device.calls).toEqual(['start', 'abandoned']);
  });

  it('goes on when the client only fell silent: the next block wakes it, and it verifies the image', () => {
    const bench = benchIn(UpdatePhase.transferError);
    bench.ask(BlobBlockStart, { blockNumber: 0, chunkSize: 8 });
    expect(bench.server.phase).toBe(transferActive);
    bench.ask(BlobChunkTransfer, { chunkNumber: 0, data: IMAGE });
    expect(bench.server.phase).toBe(verificationSucceeded);
  });

  it('keeps an interrupted update when the one that would replace it is refused', () => {
    const bench = benchIn(UpdatePhase.transferError);
    const answer = bench.start({ imageIndex: 2 });
    expect(answer).toMatchObject({
      status: UpdateStatus.wrongFirmwareIndex,
      phase: UpdatePhase.transferError,
      imageIndex: 0,
    });
    expect(bench.blob.phase).toBe(BlobPhase.suspended);
  });

  for (const [what, metadata] of [
    ['the same metadata', START.metadata],
    ['no metadata', new Uint8Array(0)],
  ] as const) {
    it(`resumes with ${what}: the blocks go on where they stopped`, () => {
      const bench = benchIn(UpdatePhase.transferError);
      expect(bench.start({ metadata })).toMatchObject({ status: success, phase: transferActive });
      expect(bench.device.calls.filter((call) => call === 'start')).toHaveLength(1);
      expect(bench.blob.phase).toBe(BlobPhase.suspended);
      bench.beginTransfer();
      bench.finishTransfer();
      expect(bench.server.phase).toBe(verificationSucceeded);
    });
  }

  it('begins anew when the interrupted transfer is gone', () => {
    const bench = benchIn(UpdatePhase.transferError);
    bench.server.abort();
    expect(bench.start()).toMatchObject({ status: success, phase: transferActive });
    expect(bench.blob.phase).toBe(BlobPhase.waitingForTransferStart);
  });

  it('verifies at once, without a transfer, what the device has already', () => {
    const bench = new Bench({ holdVerification: true });
    bench.device.slot = IMAGE;
    expect(bench.start()).toMatchObject({ status: success, phase: UpdatePhase.verifyingUpdate });
    expect(bench.blob.phase).toBe(BlobPhase.inactive);
    bench.device.endVerification(true);
    expect(bench.get().phase).toBe(verificationSucceeded);
  });
});

describe('Firmware Update Server, an update that another one replaces', () => {
  it('begins anew with the metadata that it knows when the transfer is lost and the Start has none', () => {
    const bench = benchIn(UpdatePhase.transferError);
    bench.server.abort();
    expect(bench.start({ metadata: new Uint8Array(0) })).toMatchObject({ status: success, phase: transferActive });
    expect(bench.start(), 'the same with them').toMatchObject({ status: success, phase: transferActive });
  });

  it('tells the device that the image of the old one will not come, when it is another image', () => {
    const bench = benchIn(UpdatePhase.transferError);
    expect(bench.start({ updateBlobId: 9n })).toMatchObject({ status: success });
    expect(bench.device.abandonedImages, 'its storage is that of the new one').toEqual([]);
    bench.clock.advance(1000);
    bench.server.abort();
    expect(bench.start({ imageIndex: 1 })).toMatchObject({ status: success, imageIndex: 1 });
    expect(bench.device.abandonedImages).toEqual([0]);
    expect(bench.server.imageIndex).toBe(1);
  });

  for (const phase of [UpdatePhase.transferError, UpdatePhase.verificationFailed]) {
    it(`changes no field of one in phase ${phase} when it is refused`, () => {
      const bench = benchIn(phase);
      const before = bench.get();
      bench.device.check = () => ({ accept: false, effect: 3 });
      const status = UpdateStatus.metadataCheckFailed;
      expect(bench.start({ updateBlobId: 9n, updateTtl: 1 })).toEqual({ ...before, status });
      expect(bench.get()).toEqual(before);
      expect(bench.device.abandonedImages).toEqual([]);
    });
  }

  it('tells the device once that the transfer was cancelled, also while it slept', () => {
    const bench = benchIn(UpdatePhase.transferError);
    bench.ask(BlobTransferCancel, { blobId: START.updateBlobId });
    expect(bench.device.abandonedImages).toEqual([0]);
    expect(bench.server.phase).toBe(UpdatePhase.transferError);
    expect(bench.start()).toMatchObject({ status: success, phase: transferActive });
    expect(bench.blob.phase).toBe(BlobPhase.waitingForTransferStart);
    bench.ask(BlobTransferCancel, { blobId: START.updateBlobId });
    expect(bench.server.phase).toBe(UpdatePhase.transferError);
    expect(bench.device.abandonedImages).toEqual([0, 0]);
  });
});

describe('Firmware Update Server, the device by itself', () => {
  for (const phase of [1, 2, 3, 4, 5, 6]) {
    it(`gives up in phase ${phase}: Transfer Error, and what it says late does not count`, () => {
      const bench = benchIn(phase);
      bench.server.abort();
      expect(bench.server.phase).toBe(UpdatePhase.transferError);
      expect(bench.blob.phase).toBe(BlobPhase.inactive);
      bench.device.endVerification(true);
      bench.device.endApply(true);
      expect(bench.get()).toMatchObject({ phase: UpdatePhase.transferError, updateBlobId: START.updateBlobId });
      expect(bench.server.isBusy).toBe(false);
    });
  }

  it('has nothing to give up in Idle, and nothing to have applied', () => {
    const bench = new Bench();
    bench.server.abort();
    bench.server.applied(true);
    expect(bench.get()).toMatchObject({ status: success, phase: idle });
  });

  it('is told once of a verification that is told twice', () => {
    const bench = benchIn(UpdatePhase.verifyingUpdate);
    bench.device.endVerification(false);
    bench.device.endVerification(true);
    expect(bench.server.phase).toBe(UpdatePhase.verificationFailed);
  });

  it('does not take the verification of an update for that of the next one', () => {
    const bench = benchIn(UpdatePhase.verifyingUpdate);
    const late = bench.device.endVerification;
    bench.status(FirmwareUpdateCancel, {});
    bench.device.slot = new Uint8Array(0);
    bench.start({ updateBlobId: 9n });
    late(true);
    expect(bench.server.phase).toBe(transferActive);
    bench.device.slot = IMAGE;
    bench.status(FirmwareUpdateCancel, {});
    bench.start();
    late(true);
    expect(bench.server.phase, 'of the same image again').toBe(UpdatePhase.verifyingUpdate);
  });

  it('knows how far the image is, and whether it had better stay awake', () => {
    const progress = [0, 1, 2, 3, 4, 5, 6].map((phase) => {
      const { server } = benchIn(phase);
      return [server.progress, server.isBusy];
    });
    const busy = [100, true];
    expect(progress).toEqual([[0, false], [0, false], [0, true], busy, busy, [100, false], busy]);
    const bench = new Bench();
    bench.start();
    bench.beginTransfer(2 * IMAGE.length);
    bench.ask(BlobBlockStart, { blockNumber: 0, chunkSize: 8 });
    bench.ask(BlobChunkTransfer, { chunkNumber: 0, data: IMAGE });
    expect(bench.server.progress).toBe(50);
    bench.blob.cancel();
    expect(bench.server.progress).toBe(0);
  });
});

describe('Firmware Update Server, a store that refuses', () => {
  it('answers Start with Internal Error, and nothing has begun', () => {
    const bench = new Bench();
    bench.withFullStore(() => expect(bench.start()).toMatchObject({ status: UpdateStatus.internalError, phase: idle }));
    expect(bench.blob.phase).toBe(BlobPhase.inactive);
    expect(bench.device.calls).toEqual(['start', 'abandoned']);
    expect(bench.start()).toMatchObject({ status: success, phase: transferActive });
  });

  it('answers the Start of an image that is there with Internal Error', () => {
    const bench = new Bench();
    bench.device.slot = IMAGE;
    bench.withFullStore(() => expect(bench.start()).toMatchObject({ status: UpdateStatus.internalError, phase: idle }));
    expect(bench.device.calls).toEqual(['start', 'abandoned']);
  });

  it('answers Start with Internal Error when the BLOB server cannot store it', () => {
    const bench = new Bench();
    bench.blob.expect = () => new MeshError('store-failed', 'disk full');
    expect(bench.start()).toMatchObject({ status: UpdateStatus.internalError, phase: idle });
  });

  it('does not resume what would not be known after a power cut', () => {
    const bench = benchIn(UpdatePhase.transferError);
    const phase = UpdatePhase.transferError;
    bench.withFullStore(() => expect(bench.start()).toMatchObject({ status: UpdateStatus.internalError, phase }));
    expect(bench.start()).toMatchObject({ status: success, phase: transferActive });
  });

  it('does not apply what it could not write down', () => {
    const bench = benchIn(verificationSucceeded);
    const { internalError: status } = UpdateStatus;
    bench.withFullStore(() => expect(bench.apply()).toMatchObject({ status, phase: verificationSucceeded }));
    expect(bench.device.calls).not.toContain('apply');
    expect(bench.apply()).toMatchObject({ status: success, phase: applyingUpdate });
  });

  it('does not say that it forgot what would come back', () => {
    const bench = benchIn(verificationSucceeded);
    const { internalError: status } = UpdateStatus;
    const cancel = () => bench.status(FirmwareUpdateCancel, {});
    bench.withFullStore(() => expect(cancel()).toMatchObject({ status, phase: verificationSucceeded }));
    expect(cancel()).toMatchObject({ status: success, phase: idle });
  });

  it('goes on with what has happened', () => {
    const bench = benchIn(transferActive);
    bench.withFullStore(() => {
      bench.beginTransfer();
      bench.finishTransfer();
      expect(bench.get()).toMatchObject({ phase: verificationSucceeded });
    });
    bench.powerOn();
    expect(bench.get(), 'the last that was written').toMatchObject({ phase: UpdatePhase.transferError });
  });
});

describe('Firmware Update Server, Apply', () => {
  it('applies only when its answer has arrived', () => {
    const bench = benchIn(verificationSucceeded);
    bench.device.restart = () => bench.device.calls.push(`${bench.answers.length} answers`);
    expect(bench.apply()).toMatchObject({ status: success, phase: applyingUpdate });
    expect(bench.device.calls.slice(-2)).toEqual(['apply', '1 answers']);
  });

  it('goes back to Verification Succeeded when the answer is lost, and applies once when asked again', () => {
    const bench = benchIn(verificationSucceeded);
    bench.loseAnswer = true;
    expect(bench.apply()).toBeUndefined();
    expect(bench.server.phase).toBe(verificationSucceeded);
    expect(bench.device.calls).not.toContain('apply');
    bench.loseAnswer = false;
    expect(bench.apply()).toMatchObject({ status: success, phase: applyingUpdate });
    expect(bench.apply()).toMatchObject({ status: success, phase: applyingUpdate });
    expect(bench.device.calls.filter((call) => call === 'apply')).toHaveLength(1);
  });

  it('tells the client by "Wrong Phase, Idle" and the new firmware id that it has applied', () => {
    const bench = benchIn(applyingUpdate);
    bench.device.boot();
    bench.powerOn();
    expect(bench.get().phase).toBe(applyingUpdate);
    bench.server.applied(true);
    expect(bench.apply()).toMatchObject({ status: wrongPhase, phase: idle });
    const list = bench.ask(FirmwareUpdateInformationGet, { firstIndex: 0, entriesLimit: 1 });
    expect(list).toMatchObject({ listCount: 2, entries: [{ firmwareId: NEW_ID }] });
  });

  it('is Idle with the old firmware when the bootloader went back', () => {
    const bench = benchIn(verificationSucceeded, { failBoot: true, applyInPlace: true });
    bench.apply();
    expect(bench.apply()).toMatchObject({ status: wrongPhase, phase: idle });
    const list = bench.ask(FirmwareUpdateInformationGet, { firstIndex: 0, entriesLimit: 1 });
    expect(list).toMatchObject({ entries: [{ firmwareId: Uint8Array.of(0x59, 0, 1) }] });
  });

  it('does not apply what was given up while its answer was on the way', () => {
    for (const loseAnswer of [false, true]) {
      const bench = benchIn(verificationSucceeded);
      bench.loseAnswer = loseAnswer;
      bench.server.phases.subscribe((phase) => {
        if (phase === applyingUpdate) bench.clock.after(1, () => bench.server.abort());
      });
      bench.apply();
      expect(bench.device.calls).not.toContain('apply');
      expect(bench.server.phase).toBe(UpdatePhase.transferError);
    }
  });

  it('does not take the end of one apply for that of the next', () => {
    const bench = benchIn(applyingUpdate);
    const late = bench.device.endApply;
    bench.status(FirmwareUpdateCancel, {});
    bench.start();
    bench.apply();
    expect(bench.server.phase).toBe(applyingUpdate);
    late(false);
    expect(bench.server.phase).toBe(applyingUpdate);
    bench.device.endApply(true);
    expect(bench.server.phase).toBe(idle);
  });

  it('does not listen to an apply that ends after it was cancelled', () => {
    const bench = benchIn(applyingUpdate);
    bench.status(FirmwareUpdateCancel, {});
    bench.start();
    bench.device.endApply(true);
    expect(bench.server.phase).not.toBe(idle);
  });
});
