import { type Cancel, fail, type MeshError, ok, type Result } from '@meshferry/core';
import type { Distributor, FirmwareDistributionClient } from './distribution-client.ts';
import { DistributionStatus, UploadPhase } from './distribution-codes.ts';
import { Conversation } from './distribution-conversation.ts';
import {
  cancelledError,
  distributorRefused,
  noOobRetrieval,
  otherFirmwareFetched,
  uploadFailed,
} from './distribution-errors.ts';
import type { FirmwareDistributionUploadStatus } from './distribution-image-messages.ts';
import type { UploadedFirmware } from './distribution-initiator-upload.ts';
import { UriScheme, type UriSchemeName } from './distribution-oob.ts';

/** An image that a Distributor is to fetch by itself. */
export interface OobUpload {
  readonly to: Distributor;
  /** Where a Firmware Archive offers it, without "/check"; at most 255 octets of UTF-8. */
  readonly uri: string;
  /** What the targets run now: the archive is asked for something newer. 2 to 108 octets. */
  readonly currentFirmwareId: Uint8Array;
  /** What it is to find there; 2 to 108 octets. */
  readonly firmwareId: Uint8Array;
}

export type OobUploadEvent =
  /** How much of the image the Distributor has fetched, 0 to 100. */
  | { readonly type: 'progress'; readonly percent: number }
  /**
   * The last event. Errors: `oob-not-supported`, `uri-not-supported`, `uri-malformed`, `uri-unreachable`,
   * `no-newer-firmware`, `other-firmware-fetched`, `no-room-on-distributor`, `distributor-busy`, `distributor-error`,
   * `upload-failed`, `distributor-silent`, `cancelled`.
   */
  | { readonly type: 'done'; readonly outcome: Result<UploadedFirmware, MeshError> };

/** While it fetches, it is asked how far it is: at first so soon, then more and more seldom. */
const FIRST_POLL_MS = 1000;
const LONGEST_POLL_MS = 10_000;
/** It answers when it has looked at the URI; meanwhile it ignores what it is asked. Rounds of half a minute each. */
const START_ROUNDS = 4;

/**
 * Lets a Distributor fetch an image from a Firmware Archive, unless it has it [firmware-distribution.md 2.4 and 3, step 6].
 * To begin again with the same parameters goes on with what it is doing. The Cancel ends it at the Distributor too.
 */
export function uploadOutOfBand(
  client: FirmwareDistributionClient,
  upload: OobUpload,
  listener: (event: OobUploadEvent) => void,
): Cancel {
  const job = new OobUploadJob(client, upload, listener);
  return () => job.cancel();
}

class OobUploadJob {
  readonly #client: FirmwareDistributionClient;
  readonly #upload: OobUpload;
  readonly #listener: (event: OobUploadEvent) => void;
  readonly #talk: Conversation<UploadedFirmware>;
  /** The Distributor may know of the upload. */
  #announced = false;

  constructor(client: FirmwareDistributionClient, upload: OobUpload, listener: (event: OobUploadEvent) => void) {
    this.#client = client;
    this.#upload = upload;
    this.#listener = listener;
    this.#talk = new Conversation(client.clock, (outcome) => listener({ type: 'done', outcome }));
    this.#find(
      (imageIndex) => this.#talk.end(ok({ imageIndex, alreadyThere: true })),
      () => this.#checkScheme(),
    );
  }

  cancel(): void {
    this.#talk.leave(() => {
      const end = (): void => this.#talk.end(fail(cancelledError('the upload')));
      if (this.#announced) this.#client.uploadCancel(this.#upload.to, end);
      else end();
    });
  }

  #find(found: (imageIndex: number) => void, missing: (entryCount: number) => void): void {
    const { to, firmwareId } = this.#upload;
    this.#talk.ask(this.#client.firmwareGet.bind(this.#client, to, firmwareId), ({ imageIndex, entryCount }) =>
      imageIndex === undefined ? missing(entryCount) : found(imageIndex),
    );
  }

  #checkScheme(): void {
    const { to, uri } = this.#upload;
    this.#talk.ask(
      this.#client.capabilitiesGet.bind(this.#client, to),
      ({ oobRetrievalSupported, supportedUriSchemes }) => {
        const name = uri.slice(0, Math.max(0, uri.indexOf(':'))).toLowerCase();
        const known = !isSchemeName(name) || supportedUriSchemes.includes(UriScheme[name]);
        if (!oobRetrievalSupported) this.#talk.end(fail(noOobRetrieval(to.address)));
        else if (known) this.#start(START_ROUNDS);
        else this.#talk.end(fail(distributorRefused(to.address, DistributionStatus.uriNotSupported, 'capabilities')));
      },
    );
  }

  #start(rounds: number): void {
    const { to, uri, currentFirmwareId } = this.#upload;
    this.#announced = true;
    this.#talk.request<FirmwareDistributionUploadStatus>(
      (done) => this.#client.uploadOobStart(to, { uploadUri: uri, currentFirmwareId }, done),
      (outcome) => {
        if (outcome.ok) this.#started(outcome.value);
        else if (outcome.error.code === 'distributor-silent' && rounds > 1) this.#start(rounds - 1);
        else this.#talk.end(outcome);
      },
    );
  }

  #started(answer: FirmwareDistributionUploadStatus): void {
    const { address } = this.#upload.to;
    if (answer.status === DistributionStatus.success) this.#follow(answer, FIRST_POLL_MS);
    else this.#talk.end(fail(distributorRefused(address, answer.status, 'Upload OOB Start')));
  }

  /** To the end of the upload: asks again after a while until it is there. */
  #follow({ phase, uploadProgress }: FirmwareDistributionUploadStatus, pollMs: number): void {
    if (phase === UploadPhase.transferSuccess) {
      this.#find(
        (imageIndex) => this.#talk.end(ok({ imageIndex, alreadyThere: false })),
        (entryCount) => this.#sayWhatCame(entryCount),
      );
    } else if (phase !== UploadPhase.transferActive) {
      const why = phase === UploadPhase.idle ? 'somebody cancelled it there' : 'it could not fetch the image';
      this.#talk.end(fail(uploadFailed(this.#upload.to.address, why)));
    } else {
      this.#listener({ type: 'progress', percent: uploadProgress ?? 0 });
      this.#talk.pause(pollMs, () =>
        this.#talk.ask(this.#client.uploadGet.bind(this.#client, this.#upload.to), (answer) =>
          this.#follow(answer, Math.min(2 * pollMs, LONGEST_POLL_MS)),
        ),
      );
    }
  }

  /** The archive had another image than the one that is meant: the newest of the list. */
  #sayWhatCame(entryCount: number): void {
    const { to, firmwareId } = this.#upload;
    const ask = this.#client.firmwareGetByIndex.bind(this.#client, to, Math.max(0, entryCount - 1));
    this.#talk.ask(ask, (found) =>
      this.#talk.end(fail(otherFirmwareFetched(to.address, firmwareId, found.firmwareId))),
    );
  }
}

/** Others than these have no code: whether a Distributor knows them only it can tell. */
function isSchemeName(name: string): name is UriSchemeName {
  return Object.hasOwn(UriScheme, name);
}
