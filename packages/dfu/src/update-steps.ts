import {
  FirmwareUpdateApply,
  FirmwareUpdateCancel,
  FirmwareUpdateGet,
  FirmwareUpdateInformationGet,
  FirmwareUpdateInformationStatus,
  FirmwareUpdateStart,
  FirmwareUpdateStatus,
} from './firmware-update-messages.ts';
import { UpdateStatus } from './update-codes.ts';
import { slowRebootError, slowVerificationError } from './update-errors.ts';
import {
  judgeApply,
  judgeApplySilence,
  judgeCancel,
  judgeConfirm,
  judgeConfirmSilence,
  judgeRefresh,
  judgeSilence,
  judgeStart,
} from './update-judgment.ts';
import { type MutableReceiver, takeStatus } from './update-receivers.ts';
import type { UpdateStep } from './update-step.ts';
import type { UpdatePlan } from './update-types.ts';

type Empty = Record<never, never>;

/** Default of `verifyMs`: a signature takes seconds, a slow flash with a large image a minute. */
const VERIFY_MS = 120_000;
/** Default of `rebootMs`: the swap of 450 kB by a bootloader takes 20 to 90 s. */
const REBOOT_MS = 180_000;

/** The Client Timeout of a step, ms: 10 000·(base + 2) + 100·TTL [blob.md, section 6]. `ttl` is the effective one. */
export function clientTimeout(timeoutBase: number, ttl: number): number {
  return 10_000 * (timeoutBase + 2) + 100 * ttl;
}

/** The steps of an update that are not the BLOB transfer's, in the order of [firmware-update.md, section 5]. */
export class UpdateSteps {
  readonly #plan: UpdatePlan;
  readonly #clientMs: number;

  constructor(plan: UpdatePlan, clientMs: number) {
    this.#plan = plan;
    this.#clientMs = clientMs;
  }

  /** Step 1. Sent again when the transfer resumes: the same Start wakes a target from Transfer Error. */
  start(): UpdateStep<FirmwareUpdateStart, FirmwareUpdateStatus> {
    const { ttl, timeoutBase, blobId, metadata } = this.#plan;
    return {
      ...this.#answeredByStatus('Start'),
      type: FirmwareUpdateStart,
      value: ({ imageIndex }) => ({
        updateTtl: ttl,
        updateTimeoutBase: timeoutBase,
        updateBlobId: blobId,
        imageIndex,
        metadata,
      }),
      judge: ({ address }, answer) => judgeStart(address, answer, blobId),
    };
  }

  /** Step 4. */
  refresh(): UpdateStep<Empty, FirmwareUpdateStatus> {
    const { blobId, verifyMs = VERIFY_MS } = this.#plan;
    const totalMs = Math.max(this.#clientMs, verifyMs);
    return {
      ...this.#answeredByStatus('Get'),
      type: FirmwareUpdateGet,
      value: () => ({}),
      totalMs,
      judge: ({ address }, answer) => judgeRefresh(address, answer, blobId),
      judgeSilence: ({ address }, why) =>
        why === 'silent'
          ? judgeSilence(address, 'Get', this.#clientMs)
          : {
              kind: 'fail',
              error: slowVerificationError(address, totalMs / 1000),
              updateStatus: UpdateStatus.internalError,
            },
    };
  }

  /** Step 5. Silence during the restart is normal: it has as long as the whole step. */
  apply(): UpdateStep<Empty, FirmwareUpdateStatus> {
    const { blobId, rebootMs = REBOOT_MS } = this.#plan;
    const totalMs = Math.max(this.#clientMs, rebootMs);
    return {
      ...this.#answeredByStatus('Apply'),
      type: FirmwareUpdateApply,
      value: () => ({}),
      silenceMs: totalMs,
      totalMs,
      judge: ({ address, effect }, answer) => judgeApply(address, answer, blobId, effect),
      judgeSilence: ({ address, effect }, why) =>
        why === 'silent'
          ? judgeApplySilence(address, effect, totalMs)
          : { kind: 'fail', error: slowRebootError(address, totalMs / 1000), updateStatus: UpdateStatus.internalError },
    };
  }

  /** Step 6. */
  confirm(): UpdateStep<FirmwareUpdateInformationGet, FirmwareUpdateInformationStatus> {
    const { firmwareId } = this.#plan;
    const seen = new Map<MutableReceiver, number>();
    return {
      type: FirmwareUpdateInformationGet,
      value: (receiver) => ({ firstIndex: seen.get(receiver) ?? 0, entriesLimit: 255 }),
      response: FirmwareUpdateInformationStatus,
      silenceMs: this.#clientMs,
      inParts: true,
      judge: (receiver, page) => {
        if (page.firstIndex !== (seen.get(receiver) ?? 0)) return { kind: 'ignore' };
        const verdict = judgeConfirm(receiver.address, page, firmwareId, receiver.effect);
        seen.set(receiver, verdict.kind === 'again' ? page.firstIndex + page.entries.length : 0);
        return verdict;
      },
      judgeSilence: ({ address, effect }) => judgeConfirmSilence(address, effect, this.#clientMs),
    };
  }

  cancel(): UpdateStep<Empty, FirmwareUpdateStatus> {
    return {
      ...this.#answeredByStatus('Cancel'),
      type: FirmwareUpdateCancel,
      value: () => ({}),
      judge: (_, answer) => judgeCancel(answer),
    };
  }

  #answeredByStatus(
    name: string,
  ): Pick<UpdateStep<Empty, FirmwareUpdateStatus>, 'response' | 'silenceMs' | 'judgeSilence' | 'take'> {
    return {
      response: FirmwareUpdateStatus,
      silenceMs: this.#clientMs,
      judgeSilence: ({ address }) => judgeSilence(address, name, this.#clientMs),
      take: (receiver, answer) => takeStatus(receiver, answer, this.#plan.blobId),
    };
  }
}
