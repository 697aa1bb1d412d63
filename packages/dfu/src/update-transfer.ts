import {
  type BlobClient,
  type BlobEvent,
  type BlobSource,
  BlobStatus,
  type BlobTransfer,
  type RadioOutlook,
} from '@meshferry/blob';
import { judgeTransferLoss, type Verdict } from './update-judgment.ts';
import { type MutableReceiver, needsImage } from './update-receivers.ts';
import type { UpdatePlan } from './update-types.ts';

/** Steps 2 and 3 of an update: its BLOB transfer, and what becomes of the receivers in it. */
export class UpdateTransfer {
  readonly #blob: BlobClient;
  readonly #source: BlobSource;
  readonly #outlook: RadioOutlook | undefined;
  /** It may have begun, here or before a restart: then the receivers are asked what they miss first. */
  #begun: boolean;
  #transfer: BlobTransfer | undefined;

  constructor(blob: BlobClient, source: BlobSource, begun: boolean, outlook: RadioOutlook | undefined) {
    this.#blob = blob;
    this.#outlook = outlook;
    this.#source = source;
    this.#begun = begun;
  }

  /** Begins or goes on, without those that have the image. Throws as {@link BlobClient.start} does. */
  start(plan: UpdatePlan, active: readonly MutableReceiver[], listener: (event: BlobEvent) => void): void {
    const { blobId, appIndex, ttl, timeoutBase, mode, group, label, settings } = plan;
    const receivers = active.map((receiver) => ({
      address: receiver.address,
      skip: !needsImage(receiver),
      ...(receiver.lowPower === undefined ? {} : { lowPower: receiver.lowPower }),
    }));
    const source = this.#source;
    const outlook = this.#outlook;
    const resume = this.#begun;
    const transfer = this.#blob.start(
      { blobId, source, receivers, appIndex, ttl, timeoutBase, mode, group, label, settings, outlook, resume },
      (event) => {
        if (this.#transfer === transfer) listener(event);
      },
    );
    this.#transfer = transfer;
    this.#begun = true;
  }

  /**
   * Ends it here, without an event. Suspended, a BLOB transfer forgets without a message; what it needs to go on the
   * receivers tell it again.
   */
  drop(): void {
    const transfer = this.#transfer;
    this.#transfer = undefined;
    transfer?.suspend();
    transfer?.cancel();
  }

  /**
   * Takes down how far the receivers are that an event is about; returns what is to be said of those that are lost to it. Who
   * is lost has failed for the whole update, unless it has merely forgotten the transfer: the target restarted, and may have
   * had the image by then. Refresh will tell.
   */
  take(event: BlobEvent, byAddress: ReadonlyMap<number, MutableReceiver>): [MutableReceiver, Verdict][] {
    const losses: [MutableReceiver, Verdict][] = [];
    // Nobody has received the image.
    const failed = event.type === 'done' && event.outcome !== 'complete';
    for (const { address, progress, status, lost, timedOut, error } of this.#toldBy(event)) {
      const receiver = byAddress.get(address);
      if (receiver === undefined || !needsImage(receiver)) continue;
      receiver.progress = progress;
      receiver.transferStatus = status;
      const forgotten = lost && !timedOut && status === BlobStatus.wrongPhase;
      if (forgotten || !(lost || failed)) continue;
      losses.push([receiver, judgeTransferLoss(address, progress, timedOut, error)]);
    }
    return losses;
  }

  /** The receivers of which an event says something new: with hundreds of them, looking at all each time adds up. */
  #toldBy(event: BlobEvent): BlobTransfer['receivers'] {
    switch (event.type) {
      case 'lost':
        return [event.receiver];
      case 'progress':
      case 'done':
        return event.receivers;
      case 'suspended':
        return this.#transfer?.receivers ?? [];
      default:
        return [];
    }
  }
}
