import { type Cancel, fail, formatAddress, isUnicast, MeshError, ok, type Result } from '@meshferry/core';
import type { Distributor, FirmwareDistributionClient } from './distribution-client.ts';
import { DistributionPhase, DistributionStatus } from './distribution-codes.ts';
import {
  cancelledError,
  distributorOccupied,
  distributorRefused,
  receiversFull,
  receiversMiscounted,
} from './distribution-errors.ts';
import type { FirmwareDistributionStart, FirmwareDistributionStatus } from './distribution-messages.ts';
import {
  type AddedReceiver,
  type FirmwareDistributionReceiversStatus,
  MAX_RECEIVERS_ADDED,
  RECEIVERS_PER_PDU,
} from './distribution-receivers-messages.ts';

/** Called once, never before the procedure returned. */
export type DistributionDone<T> = (outcome: Result<T, MeshError>) => void;

const Phase = DistributionPhase;
const Status = DistributionStatus;

/** Between two questions whether a cancellation is over, ms. */
const POLL_MS = 3000;
/** How often the same receivers are added while the count in the answers stays behind. */
const ADD_ATTEMPTS = 3;

/**
 * Makes sure that the Distributor is Idle: what it has finished is cleared away [firmware-distribution.md 3, step 5].
 * Errors: `distributor-busy` when it works for somebody, `distributor-silent`, `cancelled`.
 */
export function freeDistributor(
  client: FirmwareDistributionClient,
  to: Distributor,
  done: DistributionDone<FirmwareDistributionStatus>,
): Cancel {
  let cancel: Cancel = client.get(to, (outcome) => {
    const phase = outcome.ok ? outcome.value.phase : Phase.idle;
    if (phase === Phase.completed || phase === Phase.failed) cancel = cancelDistribution(client, to, done);
    else if (phase === Phase.idle) done(outcome);
    else done(fail(distributorOccupied(to.address, phase)));
  });
  return () => cancel();
}

/** How {@link fillReceivers} fills the list. */
export interface FillOptions {
  /** Receivers in one message, 1 to 125. Default 3: more need a segmented message. */
  readonly perMessage?: number;
  /** Told after each message. */
  readonly progress?: (added: number, of: number) => void;
}

/**
 * Clears the receivers list and fills it; the count in each answer is checked. Tells the count at the end. Errors:
 * `receivers-full` (those before stay in the list), `receivers-miscounted`, `distributor-busy`, `distributor-silent`,
 * `cancelled`. Throws `bad-address` for a receiver that is no unicast address or is there twice.
 */
export function fillReceivers(
  client: FirmwareDistributionClient,
  to: Distributor,
  receivers: readonly AddedReceiver[],
  options: FillOptions,
  done: DistributionDone<number>,
): Cancel {
  checkReceivers(receivers);
  const perMessage = Math.min(options.perMessage ?? RECEIVERS_PER_PDU, MAX_RECEIVERS_ADDED);
  let added = 0;
  let attempts = 0;
  const addNext = (): Cancel =>
    client.receiversAdd(to, receivers.slice(added, added + perMessage), (outcome) => {
      const count = accepted(outcome, 'Receivers Add');
      if (count === undefined) return;
      const expected = Math.min(added + perMessage, receivers.length);
      attempts++;
      // A count that stays behind is that of a late answer; to add the same receivers again changes nothing.
      if (count < expected && attempts < ADD_ATTEMPTS) cancel = addNext();
      else if (count !== expected) done(fail(receiversMiscounted(to.address, count, expected)));
      else {
        added = expected;
        attempts = 0;
        options.progress?.(added, receivers.length);
        proceed();
      }
    });
  const proceed = (): void => {
    if (added === receivers.length) done(ok(added));
    else cancel = addNext();
  };
  /** The count in the list, undefined when that was the end. */
  const accepted = (outcome: Result<FirmwareDistributionReceiversStatus, MeshError>, during: string) => {
    if (!outcome.ok) return done(outcome);
    const { status, receiversListCount } = outcome.value;
    if (status === Status.success) return receiversListCount;
    if (status === Status.insufficientResources)
      return done(fail(receiversFull(to.address, receiversListCount, receivers.length)));
    return done(fail(distributorRefused(to.address, status, during)));
  };
  let cancel: Cancel = client.receiversDeleteAll(to, (outcome) => {
    if (accepted(outcome, 'Receivers Delete All') !== undefined) proceed();
  });
  return () => cancel();
}

/**
 * Starts a distribution, or resumes a suspended one with the same parameters. Errors: `receivers-list-empty`,
 * `app-key-unknown-to-distributor`, `image-not-on-distributor`, `distributor-busy`, `distributor-error`,
 * `distributor-silent`, `cancelled`.
 */
export function startDistribution(
  client: FirmwareDistributionClient,
  to: Distributor,
  start: FirmwareDistributionStart,
  done: DistributionDone<FirmwareDistributionStatus>,
): Cancel {
  return client.start(to, start, orRefusal(to, 'Start', done));
}

/** Pauses the transfer. Errors: `suspend-failed`, `distributor-wrong-phase`, `distributor-silent`, `cancelled`. */
export function suspendDistribution(
  client: FirmwareDistributionClient,
  to: Distributor,
  done: DistributionDone<FirmwareDistributionStatus>,
): Cancel {
  return client.suspend(to, orRefusal(to, 'Suspend', done));
}

/** Lets the targets apply after Transfer Success. Errors: `distributor-wrong-phase`, `distributor-silent`, `cancelled`. */
export function applyDistribution(
  client: FirmwareDistributionClient,
  to: Distributor,
  done: DistributionDone<FirmwareDistributionStatus>,
): Cancel {
  return client.apply(to, orRefusal(to, 'Apply', done));
}

/** Ends whatever distribution there is, and waits until the Distributor is Idle. Errors: `distributor-silent`, `cancelled`. */
export function cancelDistribution(
  client: FirmwareDistributionClient,
  to: Distributor,
  done: DistributionDone<FirmwareDistributionStatus>,
): Cancel {
  const answered = (outcome: Result<FirmwareDistributionStatus, MeshError>): void => {
    if (!outcome.ok || outcome.value.phase !== Phase.cancelingUpdate) {
      done(outcome);
      return;
    }
    const timer = client.clock.after(POLL_MS, () => {
      cancel = client.get(to, answered);
    });
    cancel = () => {
      timer.cancel();
      done(fail(cancelledError('waiting for the end of the distribution')));
      cancel = () => {};
    };
  };
  let cancel: Cancel = client.cancel(to, orRefusal(to, 'Cancel', answered));
  return () => cancel();
}

function orRefusal<T extends { readonly status: number }>(
  to: Distributor,
  during: string,
  done: DistributionDone<T>,
): DistributionDone<T> {
  return (outcome) => {
    const isRefused = outcome.ok && outcome.value.status !== Status.success;
    done(isRefused ? fail(distributorRefused(to.address, outcome.value.status, during)) : outcome);
  };
}

function checkReceivers(receivers: readonly AddedReceiver[]): void {
  const seen = new Set<number>();
  for (const { address } of receivers) {
    if (!isUnicast(address) || seen.has(address)) {
      const what = seen.has(address) ? 'is there twice' : 'is no unicast address';
      throw new MeshError('bad-address', `receiver ${formatAddress(address)} ${what}`, {
        hint: 'Name the element with the Firmware Update Server of each node, once.',
      });
    }
    seen.add(address);
  }
}
