import { BlobPhase } from '@meshferry/blob';
import { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { FirmwareUpdateCancel, FirmwareUpdateInformationGet } from './firmware-update-messages.ts';
import type { TargetApplication } from './target-application.ts';
import { Bench, benchIn, IMAGE, NEW_ID, START } from './testing/target-bench.ts';
import { UpdatePhase, UpdateStatus, updatePhaseName } from './update-codes.ts';

const { success } = UpdateStatus;
const { idle, transferActive, applyingUpdate, verificationSucceeded } = UpdatePhase;

describe('Firmware Update Server, power cut', () => {
  const after: readonly [number, number][] = [
    [idle, idle],
    [UpdatePhase.transferError, UpdatePhase.transferError],
    [transferActive, UpdatePhase.transferError],
    [UpdatePhase.verifyingUpdate, UpdatePhase.verifyingUpdate],
    [verificationSucceeded, verificationSucceeded],
    [UpdatePhase.verificationFailed, UpdatePhase.verificationFailed],
    [applyingUpdate, applyingUpdate],
  ];
  for (const [before, phase] of after) {
    it(`${updatePhaseName(before)} is ${updatePhaseName(phase)} after it`, () => {
      const bench = benchIn(before);
      bench.powerOn();
      expect(bench.get()).toMatchObject({ status: success, phase });
    });
  }

  it('verifies again what was verified, and fails what has changed meanwhile', () => {
    const bench = benchIn(verificationSucceeded);
    bench.device.slot = IMAGE.map((octet) => octet ^ 1);
    bench.powerOn();
    expect(bench.get().phase).toBe(UpdatePhase.verificationFailed);
  });

  it('resumes a transfer that the power cut interrupted', () => {
    const bench = benchIn(transferActive);
    bench.beginTransfer();
    bench.powerOn();
    expect(bench.blob.phase).toBe(BlobPhase.suspended);
    expect(bench.start()).toMatchObject({ status: success, phase: transferActive });
    bench.beginTransfer();
    bench.finishTransfer();
    expect(bench.get().phase).toBe(verificationSucceeded);
  });

  it('has nothing to resume when the device lost what it had, and begins anew', () => {
    const bench = benchIn(transferActive);
    bench.beginTransfer();
    const device: TargetApplication = bench.device;
    device.recover = () => undefined;
    bench.powerOn();
    expect(bench.get()).toMatchObject({ phase: UpdatePhase.transferError });
    expect(bench.blob.phase).toBe(BlobPhase.inactive);
    expect(bench.start()).toMatchObject({ status: success, phase: transferActive });
    expect(bench.blob.phase).toBe(BlobPhase.waitingForTransferStart);
    expect(bench.device.calls.filter((call) => call === 'start')).toHaveLength(2);
  });

  it('does not take the transfer of another BLOB for its own', () => {
    const bench = benchIn(UpdatePhase.transferError);
    const { batch } = bench.store;
    bench.store.batch = (writes) => {
      const all = Array.from(writes);
      if (!all.some(([key]) => key.startsWith('update/'))) batch.call(bench.store, all);
    };
    // The power fails between the writes of the two servers.
    bench.start({ updateBlobId: 9n });
    bench.store.batch = batch;
    bench.powerOn();
    expect(bench.get()).toMatchObject({ phase: UpdatePhase.transferError, updateBlobId: START.updateBlobId });
    expect(bench.blob.phase).toBe(BlobPhase.inactive);
    expect(bench.start()).toMatchObject({ status: success, phase: transferActive });
  });

  for (const record of [
    '',
    'null',
    '7',
    '{}',
    '[1]',
    '{"phase":9}',
    '{"phase":4,"ttl":5,"timeoutBase":1,"imageIndex":0,"effect":0}',
  ]) {
    it(`is Idle when its state cannot be read: ${record}`, () => {
      const bench = benchIn(verificationSucceeded);
      bench.store.batch([['update/update', new TextEncoder().encode(record)]]);
      bench.powerOn();
      expect(bench.get()).toMatchObject({ status: success, phase: idle });
      expect(bench.start().status).toBe(success);
    });
  }

  it('does not run what was cancelled, when the power fails while it is', () => {
    const bench = benchIn(applyingUpdate);
    const order: string[] = [];
    bench.device.abandoned = () => void order.push('abandoned');
    bench.server.phases.subscribe((phase) => order.push(`phase ${phase}`));
    bench.status(FirmwareUpdateCancel, {});
    expect(order).toEqual(['abandoned', 'phase 0']);
  });

  it('frees a BLOB server that waits for what nobody knows of', () => {
    const bench = benchIn(transferActive);
    bench.store.batch([['update/update', null]]);
    bench.powerOn();
    expect([bench.server.phase, bench.blob.phase]).toEqual([idle, BlobPhase.inactive]);
  });

  it('goes on by the transfer itself when the client did not notice', () => {
    const bench = benchIn(transferActive);
    bench.powerOn();
    bench.beginTransfer();
    expect(bench.server.phase).toBe(transferActive);
    bench.finishTransfer();
    expect(bench.server.phase).toBe(verificationSucceeded);
  });

  it('needs no second transfer when all was here and nobody had been told', () => {
    const bench = benchIn(transferActive);
    bench.beginTransfer();
    const { batch } = bench.store;
    bench.store.batch = (writes) => {
      const all = Array.from(writes);
      // The power fails when the block is written down, before the update server knows.
      if (all.some(([key]) => key.startsWith('update/'))) bench.store.batch = () => {};
      else batch.call(bench.store, all);
    };
    bench.finishTransfer();
    bench.store.batch = batch;
    bench.powerOn();
    expect(bench.get()).toMatchObject({ phase: verificationSucceeded });
  });

  it('survives a power cut at each write of a whole update: a new Start leaves whatever state it is in', () => {
    for (let cut = 0; cut < 30; cut++) {
      const bench = new Bench({ applyInPlace: true });
      const { batch } = bench.store;
      let writes = 0;
      bench.store.batch = (changes) => {
        if (writes++ >= cut) throw new MeshError('store-failed', 'no power');
        batch.call(bench.store, changes);
      };
      let cutHere = false;
      try {
        bench.start();
        bench.beginTransfer();
        bench.finishTransfer();
        bench.apply();
      } catch {
        cutHere = true;
      }
      bench.store.batch = batch;
      bench.powerOn();
      bench.server.applied(true);
      if (bench.device.firmwareId[2] !== 2) {
        if (bench.start().status !== success) bench.status(FirmwareUpdateCancel, {});
        expect(bench.start().status).toBe(success);
        bench.beginTransfer();
        bench.finishTransfer();
        bench.apply();
      }
      expect(bench.device.firmwareId).toEqual(NEW_ID);
      if (!cutHere && writes < cut) return;
    }
    throw new Error('the update writes more often than expected');
  });
});

/** The chains of Zephyr's `dfu_srv_persistence` [conformance/dfu.md section 2], on the second image of the device. */
describe('Firmware Update Server, a power cycle in every phase', () => {
  const imageIndex = 1;
  const { transferError, verifyingUpdate, verificationFailed } = UpdatePhase;

  it('Transfer Active, Verifying, Verification Succeeded, Applying', () => {
    const bench = new Bench({ holdVerification: true });
    expect(bench.start({ imageIndex })).toMatchObject({ phase: transferActive });
    bench.beginTransfer();
    bench.powerOn();
    expect(bench.get()).toMatchObject({ phase: transferError, imageIndex });

    expect(bench.start({ imageIndex })).toMatchObject({ status: success, phase: transferActive });
    bench.beginTransfer();
    bench.finishTransfer();
    expect(bench.get()).toMatchObject({ phase: verifyingUpdate });
    bench.powerOn();
    expect(bench.get()).toMatchObject({ phase: verifyingUpdate, imageIndex });

    bench.device.endVerification(true);
    expect(bench.get()).toMatchObject({ phase: verificationSucceeded });
    bench.powerOn();
    // This device cannot tell any more whether its storage is what it was.
    bench.device.endVerification(false);
    expect(bench.get()).toMatchObject({ phase: verificationFailed, imageIndex });

    // It has the image already.
    expect(bench.start({ imageIndex })).toMatchObject({ status: success, phase: verifyingUpdate });
    bench.device.endVerification(true);
    expect(bench.apply()).toMatchObject({ status: success, phase: applyingUpdate });
    bench.powerOn();
    expect(bench.get()).toMatchObject({ phase: applyingUpdate, imageIndex });
    expect(bench.ask(FirmwareUpdateInformationGet, { firstIndex: 0, entriesLimit: 255 })).toBeUndefined();
    bench.device.firmwareId = NEW_ID;
    bench.server.applied(true);
    expect(bench.apply()).toMatchObject({ status: UpdateStatus.wrongPhase, phase: idle });
    const list = bench.ask(FirmwareUpdateInformationGet, { firstIndex: 0, entriesLimit: 255 });
    expect(list).toMatchObject({ entries: [{ firmwareId: NEW_ID }, {}] });
    bench.powerOn();
    expect(bench.get()).toMatchObject({ phase: idle });
  });

  it('Verification Failed, Applying', () => {
    const bench = new Bench({ holdVerification: true });
    bench.start({ imageIndex });
    bench.beginTransfer();
    bench.finishTransfer();
    bench.device.endVerification(false);
    bench.powerOn();
    expect(bench.get()).toMatchObject({ phase: verificationFailed, imageIndex });
    expect(bench.start({ imageIndex })).toMatchObject({ status: success, phase: verifyingUpdate });
    bench.device.endVerification(true);
    expect(bench.apply()).toMatchObject({ status: success, phase: applyingUpdate });
    bench.powerOn();
    expect(bench.get()).toMatchObject({ phase: applyingUpdate, imageIndex });
    bench.server.applied(false);
    expect(bench.get()).toMatchObject({ phase: idle });
  });
});
