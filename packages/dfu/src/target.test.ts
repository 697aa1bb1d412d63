import { describe, expect, it } from 'vitest';
import {
  FirmwareUpdateCancel,
  FirmwareUpdateFirmwareMetadataCheck,
  FirmwareUpdateInformationGet,
  type FirmwareUpdateStart,
  type FirmwareUpdateStatus,
} from './firmware-update-messages.ts';
import { benchIn, OTHER_METADATA, START } from './testing/target-bench.ts';
import { UpdateEffect, UpdatePhase, UpdateStatus, updatePhaseName } from './update-codes.ts';

/** A Start that differs from START in one field. */
const DIFFERENT: Readonly<Record<string, Partial<FirmwareUpdateStart>>> = {
  TTL: { updateTtl: 4 },
  'time-out base': { updateTimeoutBase: 6 },
  'BLOB ID': { updateBlobId: 7n },
  'image index': { imageIndex: 1 },
  metadata: { metadata: OTHER_METADATA },
};

const PHASES = [0, 1, 2, 3, 4, 5, 6];
const { success, wrongPhase } = UpdateStatus;
const { idle, transferActive, applyingUpdate, verificationSucceeded } = UpdatePhase;

/** Status and phase of the answer to each message in each phase [firmware-update.md, 4.1]; a Start begins anew or resumes. */
const REACTIONS: Readonly<Record<string, readonly (readonly [status: number, phase: number])[]>> = {
  Get: PHASES.map((phase) => [success, phase]),
  Cancel: PHASES.map(() => [success, idle]),
  Apply: PHASES.map((phase) => {
    if (phase === verificationSucceeded || phase === applyingUpdate) return [success, applyingUpdate];
    return [wrongPhase, phase];
  }),
  'identical Start': PHASES.map((phase) => [success, phase < 3 ? transferActive : phase]),
};
// The device has the image in its slot by then, so that it is verified at once.
const AFTER_FAILED = UpdatePhase.verificationFailed;

describe('Firmware Update Server, reaction by phase', () => {
  for (const phase of PHASES) {
    const name = updatePhaseName(phase);

    for (const [message, reactions] of Object.entries(REACTIONS)) {
      it(`${name}: ${message}`, () => {
        const bench = benchIn(phase);
        const types: Record<string, () => FirmwareUpdateStatus> = {
          Get: () => bench.get(),
          Cancel: () => bench.status(FirmwareUpdateCancel, {}),
          Apply: () => bench.apply(),
          'identical Start': () => bench.start(),
        };
        const answer = types[message]!();
        const [status, after] = reactions[phase]!;
        expect(answer).toMatchObject({ status, phase: after });
        expect(bench.server.phase).toBe(after);
        expect(answer.updateBlobId).toBe(after === idle ? undefined : START.updateBlobId);
        expect(answer.updateTtl).toBe(after === idle ? undefined : START.updateTtl);
        expect(bench.answers[0]?.ttl).toBe(after === idle ? 5 : 3);
      });
    }

    for (const [field, change] of Object.entries(DIFFERENT)) {
      it(`${name}: Start with another ${field}`, () => {
        const bench = benchIn(phase);
        const before = phase === idle ? undefined : bench.get();
        const answer = bench.start(change);
        const begins = phase === idle || phase === UpdatePhase.transferError || phase === AFTER_FAILED;
        if (!begins) {
          expect(answer).toEqual({ ...before, status: wrongPhase });
          expect(bench.get()).toEqual(before);
          return;
        }
        const again = phase === AFTER_FAILED && field !== 'metadata' ? AFTER_FAILED : transferActive;
        const effect = field === 'metadata' ? UpdateEffect.unprovisioned : UpdateEffect.unchanged;
        const { updateTtl, updateTimeoutBase, updateBlobId, imageIndex } = { ...START, ...change };
        expect(answer).toEqual({
          status: success,
          phase: again,
          additionalInformation: effect,
          updateTtl,
          updateTimeoutBase,
          updateBlobId,
          imageIndex,
        });
      });
    }

    it(`${name}: Metadata Check is answered and changes nothing`, () => {
      const bench = benchIn(phase);
      const answer = bench.ask(FirmwareUpdateFirmwareMetadataCheck, { imageIndex: 1, metadata: OTHER_METADATA });
      expect(answer).toEqual({ status: success, additionalInformation: UpdateEffect.unprovisioned, imageIndex: 1 });
      expect(bench.server.phase).toBe(phase);
    });

    it(`${name}: Information Get is ${phase === applyingUpdate ? 'not ' : ''}answered`, () => {
      const answer = benchIn(phase).ask(FirmwareUpdateInformationGet, { firstIndex: 0, entriesLimit: 255 });
      if (phase === applyingUpdate) expect(answer).toBeUndefined();
      else expect(answer).toMatchObject({ listCount: 2, firstIndex: 0, entries: [{ updateUri: '' }, {}] });
    });
  }
});
