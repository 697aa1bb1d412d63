import { encodeRecord, formatAddress, MeshError, readRecord, type Store, type Write } from '@meshferry/core';
import type { MutableReceiver } from './update-receivers.ts';
import type { SavedUpdate, UpdatePlan, UpdateReceiverState, UpdateRunPhase } from './update-types.ts';

interface RunRecord {
  readonly plan: UpdatePlan;
  readonly phase: UpdateRunPhase;
  readonly size: number;
  /** Keeps the order of the receivers, whose states are records of their own. */
  readonly addresses: readonly number[];
}

interface SavedError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

const RUN = 'run';

/** What the store of a Firmware Update Client keeps of the update under way: one record of it, one of each receiver. */
export class UpdateStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  load(): SavedUpdate | undefined {
    const run = readRecord<RunRecord>(this.#store, RUN);
    if (run === undefined) return undefined;
    const receivers = run.addresses.flatMap((address) => {
      const saved = readRecord<Omit<MutableReceiver, 'error'> & { error?: SavedError }>(
        this.#store,
        receiverKey(address),
      );
      return saved === undefined ? [] : [receiverOf(saved)];
    });
    return { ...run.plan, receivers, phase: run.phase, size: run.size };
  }

  /** All of an update; replaces another one. */
  begin(plan: UpdatePlan, size: number, phase: UpdateRunPhase, receivers: readonly UpdateReceiverState[]): void {
    const writes: Write[] = this.#store.keys('').map((key) => [key, null]);
    for (const receiver of receivers) writes.push(receiverWrite(receiver));
    writes.push(runWrite(plan, size, phase, receivers));
    this.#store.batch(writes);
  }

  save(plan: UpdatePlan, size: number, phase: UpdateRunPhase, receivers: readonly UpdateReceiverState[]): void {
    this.#store.batch([runWrite(plan, size, phase, receivers)]);
  }

  saveReceiver(receiver: UpdateReceiverState): void {
    this.#store.batch([receiverWrite(receiver)]);
  }

  clear(): void {
    this.#store.batch(this.#store.keys('').map((key) => [key, null]));
  }
}

function receiverOf(saved: Omit<MutableReceiver, 'error'> & { error?: SavedError }): UpdateReceiverState {
  const { error, ...rest } = saved;
  return {
    ...rest,
    effect: rest.effect,
    firmwareId: rest.firmwareId,
    error:
      error === undefined
        ? undefined
        : new MeshError(error.code, error.message, error.hint === undefined ? {} : { hint: error.hint }),
  };
}

function runWrite(
  plan: UpdatePlan,
  size: number,
  phase: UpdateRunPhase,
  receivers: readonly UpdateReceiverState[],
): Write {
  const record: RunRecord = { plan, phase, size, addresses: receivers.map(({ address }) => address) };
  return [RUN, encodeRecord(record)];
}

function receiverWrite(receiver: UpdateReceiverState): Write {
  return [receiverKey(receiver.address), encodeRecord(receiver)];
}

function receiverKey(address: number): string {
  return `receiver/${formatAddress(address)}`;
}
