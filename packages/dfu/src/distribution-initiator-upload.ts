import type { BlobEvent, BlobSource, BlobTransfer } from '@meshferry/blob';
import { type Cancel, fail, MeshError, ok, type Result } from '@meshferry/core';
import type { Distributor, FirmwareDistributionClient } from './distribution-client.ts';
import { DistributionStatus, UploadPhase } from './distribution-codes.ts';
import { Conversation } from './distribution-conversation.ts';
import { cancelledError, distributorRefused, distributorSilent, uploadFailed } from './distribution-errors.ts';
import type {
  FirmwareDistributionFirmwareStatus,
  FirmwareDistributionUploadStart,
  FirmwareDistributionUploadStatus,
} from './distribution-image-messages.ts';
import type { FirmwareDistributionCapabilitiesStatus } from './distribution-messages.ts';

/** An image and where it shall go. */
export interface FirmwareUpload {
  readonly to: Distributor;
  /** 2 to 108 octets. */
  readonly firmwareId: Uint8Array;
  /** 0 to 255 octets. */
  readonly metadata: Uint8Array;
  readonly source: BlobSource;
  /** The Distributor gives up after 10·(base + 1) s of silence, this node after 10·(base + 2) s. */
  readonly timeoutBase: number;
  /** Default: random. To go on with an upload that was interrupted, give its BLOB ID and `resume`. */
  readonly blobId?: bigint;
  readonly resume?: boolean;
  /** How the BLOB is sent, see `BlobTransferParameters`. */
  readonly settings?: 'auto' | 'stock';
}

/** Where an upload ended. */
export interface UploadedFirmware {
  /** Position in the Distributor's list now. */
  readonly imageIndex: number;
  /** Nothing was transferred: the Distributor had the image. */
  readonly alreadyThere: boolean;
}

export type FirmwareUploadEvent =
  /** The image has to be sent; the Distributor is told of it next. */
  | { readonly type: 'transfer'; readonly blobId: bigint }
  | { readonly type: 'blob'; readonly event: BlobEvent }
  /**
   * The last event. Errors: `no-room-on-distributor`, `distributor-busy`, `distributor-error`, `upload-failed`,
   * `distributor-silent` (can be resumed), `cancelled`.
   */
  | { readonly type: 'done'; readonly outcome: Result<UploadedFirmware, MeshError> };

/** After the transfer the Distributor commits the image: it is asked so often for so long. */
const FIRST_POLL_MS = 500;
const LONGEST_POLL_MS = 5000;
const COMMIT_MS = 60_000;

/**
 * Brings an image to a Distributor, unless it is there [firmware-distribution.md 3, step 6]. During the transfer its own
 * events tell the progress; the Distributor is asked for its Upload Phase when it is over. The Cancel ends the upload at
 * the Distributor too; `done` comes when that has answered, or does not.
 */
export function uploadFirmware(
  client: FirmwareDistributionClient,
  upload: FirmwareUpload,
  listener: (event: FirmwareUploadEvent) => void,
): Cancel {
  const job = new UploadJob(client, upload, listener);
  return () => job.cancel();
}

class UploadJob {
  readonly #client: FirmwareDistributionClient;
  readonly #upload: FirmwareUpload;
  readonly #listener: (event: FirmwareUploadEvent) => void;
  readonly #start: FirmwareDistributionUploadStart;
  readonly #talk: Conversation<UploadedFirmware>;
  /** The Distributor may know of the upload. */
  #announced = false;
  #transfer: BlobTransfer | undefined;

  constructor(
    client: FirmwareDistributionClient,
    upload: FirmwareUpload,
    listener: (event: FirmwareUploadEvent) => void,
  ) {
    this.#client = client;
    this.#upload = upload;
    this.#listener = listener;
    this.#talk = new Conversation(client.clock, (outcome) => listener({ type: 'done', outcome }));
    this.#start = {
      uploadTtl: upload.to.ttl ?? 0xff,
      uploadTimeoutBase: upload.timeoutBase,
      uploadBlobId: upload.blobId ?? new DataView(client.random.bytes(8).slice().buffer).getBigUint64(0),
      uploadFirmwareSize: upload.source.size,
      metadata: upload.metadata,
      firmwareId: upload.firmwareId,
    };
    this.#find((found) => {
      if (found.status === DistributionStatus.success) this.#found(found, true);
      else this.#checkRoom();
    });
  }

  cancel(): void {
    this.#talk.leave(() => {
      const end = (): void => this.#talk.end(fail(cancelledError('the upload')));
      if (!this.#announced) end();
      else if (this.#transfer === undefined) this.#client.uploadCancel(this.#upload.to, end);
      else this.#transfer.cancel(() => this.#client.uploadCancel(this.#upload.to, end));
    });
  }

  /** Whether, and where, the image is in the list. */
  #find(then: (found: FirmwareDistributionFirmwareStatus) => void): void {
    const { to, firmwareId } = this.#upload;
    this.#talk.ask((done) => this.#client.firmwareGet(to, firmwareId, done), then);
  }

  #checkRoom(): void {
    const { to, source } = this.#upload;
    this.#talk.ask<FirmwareDistributionCapabilitiesStatus>(
      (done) => this.#client.capabilitiesGet(to, done),
      (capabilities) => {
        const refusal = noRoom(to, source.size, capabilities);
        if (refusal !== undefined) this.#talk.end(fail(refusal));
        else this.#announce();
      },
    );
  }

  #announce(): void {
    const { to } = this.#upload;
    this.#announced = true;
    // Before the Distributor hears of it: who is interrupted must be able to go on under the same BLOB ID.
    this.#listener({ type: 'transfer', blobId: this.#start.uploadBlobId });
    this.#talk.ask<FirmwareDistributionUploadStatus>(
      (done) => this.#client.uploadStart(to, this.#start, done),
      ({ status, phase }) => {
        if (status !== DistributionStatus.success)
          this.#talk.end(fail(distributorRefused(to.address, status, 'Upload Start')));
        else if (phase === UploadPhase.transferSuccess) this.#find((found) => this.#found(found, true));
        else this.#send();
      },
    );
  }

  #send(): void {
    const { to, source, timeoutBase, settings, resume } = this.#upload;
    const { uploadBlobId: blobId, uploadTtl: ttl } = this.#start;
    this.#transfer = this.#client.blob.start(
      {
        blobId,
        source,
        receivers: [{ address: to.address }],
        appIndex: to.appIndex,
        ttl,
        timeoutBase,
        mode: 'push',
        ...(settings === undefined ? {} : { settings }),
        ...(resume === undefined ? {} : { resume }),
      },
      (event) => this.#take(event),
    );
  }

  #take(event: BlobEvent): void {
    if (!this.#talk.isRunning) return;
    this.#listener({ type: 'blob', event });
    const { address } = this.#upload.to;
    if (event.type === 'suspended') {
      // Suspended, the client forgets the transfer without a message; the Distributor keeps what has come.
      this.#talk.leave(() => {
        this.#transfer?.cancel();
        this.#talk.end(fail(interrupted(distributorSilent(address, 'BLOB Transfer', event.error))));
      });
    } else if (event.type === 'done') {
      this.#transfer = undefined;
      const cause = event.receivers[0]?.error;
      if (event.outcome === 'complete') this.#awaitCommit(this.#client.clock.now, FIRST_POLL_MS);
      else this.#talk.end(fail(uploadFailed(address, cause?.message ?? `the BLOB transfer ${event.outcome}`, cause)));
    }
  }

  #awaitCommit(since: number, pollMs: number): void {
    const { to } = this.#upload;
    this.#talk.ask<FirmwareDistributionUploadStatus>(
      (done) => this.#client.uploadGet(to, done),
      (answer) => {
        const { now } = this.#client.clock;
        if (answer.phase === UploadPhase.transferSuccess) this.#find((found) => this.#found(found, false));
        else if (answer.phase !== UploadPhase.transferActive || now - since > COMMIT_MS)
          this.#talk.end(fail(uploadFailed(to.address, whyNotCommitted(answer))));
        else {
          const next = Math.min(2 * pollMs, LONGEST_POLL_MS);
          this.#talk.pause(pollMs, () => this.#awaitCommit(since, next));
        }
      },
    );
  }

  #found({ status, imageIndex }: FirmwareDistributionFirmwareStatus, alreadyThere: boolean): void {
    const { address } = this.#upload.to;
    if (imageIndex !== undefined) this.#talk.end(ok({ imageIndex, alreadyThere }));
    else this.#talk.end(fail(distributorRefused(address, status, 'Firmware Get after the upload')));
  }
}

function noRoom(
  { address }: Distributor,
  size: number,
  { maxFirmwareImageSize, remainingUploadSpace }: FirmwareDistributionCapabilitiesStatus,
): MeshError | undefined {
  if (size <= Math.min(maxFirmwareImageSize, remainingUploadSpace)) return undefined;
  const { code, message, hint } = distributorRefused(address, DistributionStatus.insufficientResources, 'capabilities');
  const room = `${size} octets, an image may have ${maxFirmwareImageSize}, ${remainingUploadSpace} are free`;
  return new MeshError(code, `${message}: ${room}`, hint === undefined ? {} : { hint });
}

function interrupted(error: MeshError): MeshError {
  return new MeshError(error.code, error.message, {
    hint: `${error.hint} Then resume: the Distributor keeps what it has.`,
    cause: error.cause,
  });
}

function whyNotCommitted({ phase }: FirmwareDistributionUploadStatus): string {
  if (phase === UploadPhase.transferError) return 'it did not store the image';
  return phase === UploadPhase.idle ? 'somebody cancelled it there' : 'it does not finish storing the image';
}
