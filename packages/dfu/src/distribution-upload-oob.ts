import { type Cancel, equal, MeshError, type Result, toMeshError } from '@meshferry/core';
import { DistributionStatus, UploadPhase } from './distribution-codes.ts';
import { type OobFirmware, type OobOffer, type OobRequest, type OobVerdict, refuseUri } from './distribution-oob.ts';
import type { OobRecord, UploadGround, UploadState } from './distribution-upload-state.ts';
import type { SlotReservation } from './slot-store.ts';

const Status = DistributionStatus;
const Phase = UploadPhase;

const REFUSALS = {
  malformed: Status.uriMalformed,
  'not-supported': Status.uriNotSupported,
  unreachable: Status.uriUnreachable,
  'nothing-newer': Status.newFirmwareNotAvailable,
} as const;

/** What the two kinds of upload decide together. */
export interface OobHost {
  /** Whether the image is in the list; throws when it is and must not be used. */
  isStored(firmwareId: Uint8Array): boolean;
  /** The upload that was there before makes way, but for its place in the slots. */
  supersede(): void;
}

/** An upload that the Distributor fetches by itself [firmware-distribution.md 2.4]. */
export class OobUpload {
  readonly #ground: UploadGround;
  readonly #state: UploadState;
  readonly #host: OobHost;
  /** What the retriever does now: an answer of it that belongs to anything else comes too late. */
  #job: { cancel: Cancel | undefined } | undefined;
  #isChecking = false;
  #progress = 0;

  constructor(ground: UploadGround, state: UploadState, host: OobHost) {
    this.#ground = ground;
    this.#state = state;
    this.#host = host;
  }

  /** A check runs, whose requester waits for its answer. */
  get isChecking(): boolean {
    return this.#isChecking;
  }

  /** Percent of what is being fetched, 0 to 100. */
  get progress(): number {
    return this.#progress;
  }

  /** Asks whether there is something newer; `answer` is told the status, when it is known. */
  check(request: OobRequest, answer: (status: number) => void): void {
    const { oob, log } = this.#ground;
    const refusal = this.#refusal(request);
    if (oob === undefined || refusal !== undefined) {
      answer(refusal ?? Status.uriNotSupported);
      return;
    }
    this.#isChecking = true;
    this.#run((ended) =>
      oob.check(request, (verdict) => {
        if (!ended()) return;
        this.#isChecking = false;
        let status: number = Status.internalError;
        try {
          status = this.#judge(request, verdict);
        } catch (thrown) {
          log('error', 'the upload cannot be started', toMeshError(thrown).toJSON());
        }
        answer(status);
        const { record } = this.#state;
        const isBegun = status === Status.success && record?.kind === 'oob' && record.phase === Phase.transferActive;
        if (isBegun) this.#fetch(record);
      }),
    );
  }

  /** After power-on: what was being fetched is fetched anew, its Initiator need not come back. */
  recover(record: OobRecord): void {
    if (record.phase !== Phase.transferActive) return;
    const place = this.#state.reservation ?? this.#reserve(record.offer);
    if (place instanceof MeshError) {
      this.#fail(place);
      return;
    }
    this.#state.reservation = place;
    this.#fetch(record);
  }

  /** Ends the check or the transfer; a requester that waits is not answered. */
  stop(): void {
    this.#job?.cancel?.();
    this.#job = undefined;
    this.#isChecking = false;
  }

  /** The status that refuses a request at once; undefined when it is to be checked. */
  #refusal({ uri }: OobRequest): number | undefined {
    const { oob, slots } = this.#ground;
    const wrong = refuseUri(uri, oob?.schemes ?? []);
    if (wrong !== undefined) return REFUSALS[wrong];
    return slots.isFull(this.#state.reservation) ? Status.insufficientResources : undefined;
  }

  #judge(request: OobRequest, verdict: OobVerdict): number {
    // An upload in band may have come back to life meanwhile.
    if (this.#state.phase === Phase.transferActive) return Status.busyWithUpload;
    if ('refuse' in verdict) return REFUSALS[verdict.refuse];
    const { offer } = verdict;
    if (equal(offer.firmwareId, request.current)) return Status.newFirmwareNotAvailable;
    if (this.#host.isStored(offer.firmwareId)) {
      this.#host.supersede();
      this.#state.release();
      this.#state.enter({ kind: 'oob', request, offer, phase: Phase.transferSuccess });
      return Status.success;
    }
    const reservation = this.#reserve(offer);
    if (reservation instanceof MeshError) {
      this.#ground.log('info', `upload refused: ${reservation.message}`);
      return Status.insufficientResources;
    }
    this.#state.reservation = reservation;
    this.#progress = 0;
    this.#host.supersede();
    this.#state.enter({ kind: 'oob', request, offer, phase: Phase.transferActive });
    return Status.success;
  }

  /** The place of an image of which the metadata, and perhaps the size, are not known yet. */
  #reserve({ firmwareId, size = 0 }: OobOffer): SlotReservation | MeshError {
    const image = { firmwareId, metadata: new Uint8Array(0), size };
    return this.#ground.slots.reserve(image, this.#state.reservation);
  }

  #fetch({ request, offer }: OobRecord): void {
    const { oob } = this.#ground;
    if (oob === undefined) {
      this.#fail(new MeshError('no-oob', 'there is no way to fetch firmware any more'));
      return;
    }
    this.#run((ended) =>
      oob.fetch(
        request,
        offer,
        (percent) => {
          this.#progress = Math.floor(Math.min(100, Math.max(0, percent)));
        },
        (outcome) => {
          if (ended()) this.#fetched(offer, outcome);
        },
      ),
    );
  }

  #fetched(offer: OobOffer, outcome: Result<OobFirmware, MeshError>): void {
    try {
      if (!outcome.ok) throw outcome.error;
      const { firmwareId, metadata, image } = outcome.value;
      if (!equal(firmwareId, offer.firmwareId) || metadata.length > 255 || image.length === 0) {
        throw new MeshError('bad-oob-firmware', 'what was fetched is not what was offered');
      }
      this.#ground.slots.add(firmwareId, metadata, image, this.#state.reservation);
    } catch (thrown) {
      this.#fail(toMeshError(thrown));
      return;
    }
    this.#state.reservation = undefined;
    this.#state.move(Phase.transferSuccess);
  }

  /** Nothing is kept that could be gone on with: the Initiator asks anew. */
  #fail(error: MeshError): void {
    this.#ground.log('warn', `upload failed: ${error.message}`);
    this.#state.tryRelease();
    this.#state.move(Phase.transferError);
  }

  /** `ended`: whether the answer still counts; the job is over then. */
  #run(begin: (ended: () => boolean) => Cancel): void {
    const job: { cancel: Cancel | undefined } = { cancel: undefined };
    this.#job = job;
    const cancel = begin(() => {
      if (this.#job !== job) return false;
      this.#job = undefined;
      return true;
    });
    if (this.#job === job) job.cancel = cancel;
  }
}
