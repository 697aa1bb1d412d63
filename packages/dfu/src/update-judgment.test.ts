import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { FirmwareUpdateStatus } from './firmware-update-messages.ts';
import { UpdateEffect, UpdatePhase, UpdateStatus, updatePhaseName } from './update-codes.ts';
import { refusedError } from './update-errors.ts';
import { judgeApply, judgeCancel, judgeConfirm, judgeRefresh, judgeStart, type Verdict } from './update-judgment.ts';

const OURS = 7n;
const NEW_ID = Uint8Array.of(0x59, 0, 2);

function status(code: number, phase: number, blobId: bigint = OURS): FirmwareUpdateStatus {
  const idle = phase === UpdatePhase.idle;
  return {
    status: code,
    phase,
    updateTtl: idle ? undefined : 5,
    additionalInformation: idle ? undefined : 0,
    updateTimeoutBase: idle ? undefined : 1,
    updateBlobId: idle ? undefined : blobId,
    imageIndex: idle ? undefined : 0,
  };
}

/** `done`, `again`, `ignore`, or the code of the error. */
function outcome(verdict: Verdict): string {
  return verdict.kind === 'fail' ? verdict.error.code : verdict.kind;
}

const PHASES = [0, 1, 2, 3, 4, 5, 6];
const { success, wrongPhase } = UpdateStatus;

describe('what an answer means', () => {
  it('to Start: Transfer Active, or the image is there already', () => {
    expect(PHASES.map((phase) => outcome(judgeStart(1, status(success, phase), OURS)))).toEqual([
      'target-left-update',
      'target-left-update',
      'done',
      'done',
      'done',
      'verification-failed',
      'target-left-update',
    ]);
    const codes = [1, 2, 3, 4, 5, 6, 7].map((code) => outcome(judgeStart(1, status(code, 0), OURS)));
    expect(codes).toEqual([
      'not-enough-room',
      'target-busy',
      'target-error',
      'no-such-image',
      'metadata-refused',
      'target-busy',
      'blob-busy',
    ]);
    expect(judgeStart(1, status(success, 2, 8n), OURS)).toMatchObject({ kind: 'fail', updateStatus: 7 });
  });

  it('to Get: only Verification Succeeded is verified', () => {
    expect(PHASES.map((phase) => outcome(judgeRefresh(1, status(success, phase), OURS)))).toEqual([
      'target-left-update',
      'target-left-update',
      'target-left-update',
      'again',
      'done',
      'verification-failed',
      'target-left-update',
    ]);
    expect(outcome(judgeRefresh(1, status(success, 4, 8n), OURS))).toBe('blob-busy');
  });

  it('to Apply: "Wrong Phase, Idle" has applied; Success but for Applying is a late answer to Get', () => {
    const judge = (code: number, phase: number, effect?: number): string =>
      outcome(judgeApply(1, status(code, phase), OURS, effect));
    expect(PHASES.map((phase) => judge(success, phase))).toEqual([
      'ignore',
      'ignore',
      'ignore',
      'ignore',
      'ignore',
      'ignore',
      'again',
    ]);
    expect(PHASES.map((phase) => judge(wrongPhase, phase))).toEqual([
      'done',
      'target-left-update',
      'target-left-update',
      'again',
      'target-left-update',
      'verification-failed',
      'target-left-update',
    ]);
    expect(judge(wrongPhase, UpdatePhase.idle, UpdateEffect.unprovisioned)).toBe('apply-failed');
    expect(judge(UpdateStatus.internalError, UpdatePhase.verificationSucceeded)).toBe('target-error');
  });

  it('to Information Get: the new id anywhere in the list, on whichever page', () => {
    const page = (firstIndex: number, ids: Uint8Array[], listCount: number) => ({
      firstIndex,
      listCount,
      entries: ids.map((firmwareId) => ({ firmwareId, updateUri: '' })),
    });
    const old = Uint8Array.of(0x59, 0, 1);
    expect(outcome(judgeConfirm(1, page(0, [old, NEW_ID], 3), NEW_ID, 0))).toBe('done');
    expect(outcome(judgeConfirm(1, page(0, [old, old], 3), NEW_ID, 0))).toBe('again');
    expect(outcome(judgeConfirm(1, page(2, [NEW_ID], 3), NEW_ID, 0))).toBe('done');
    expect(outcome(judgeConfirm(1, page(2, [old], 3), NEW_ID, 0))).toBe('apply-failed');
    // A list that claims more than it gives must not be asked for ever.
    expect(outcome(judgeConfirm(1, page(2, [], 3), NEW_ID, 0))).toBe('apply-failed');
    expect(judgeConfirm(1, page(2, [old], 3), NEW_ID, 0)).toMatchObject({
      error: { message: `0x0001 runs ${toHex(old)} after applying, not ${toHex(NEW_ID)}` },
    });
    expect(outcome(judgeConfirm(1, page(0, [NEW_ID], 1), NEW_ID, UpdateEffect.unprovisioned))).toBe('apply-failed');
  });

  it('to Cancel: only Idle has forgotten', () => {
    expect(outcome(judgeCancel(status(success, UpdatePhase.idle)))).toBe('done');
    expect(outcome(judgeCancel(status(success, UpdatePhase.applyingUpdate)))).toBe('ignore');
  });

  it('with a number that no specification of today knows', () => {
    expect(refusedError(1, 9, 'Start')).toMatchObject({
      code: 'target-error',
      message: expect.stringContaining('reserved status 9'),
    });
    expect([updatePhaseName(4), updatePhaseName(15)]).toEqual(['Verification Succeeded', 'reserved phase 15']);
  });
});
