import { encodeRecord, readRecord, type Store, toMeshError } from '@meshferry/core';
import type { TransferMode } from './messages.ts';
import type { Loss } from './receiver.ts';
import type { TransferContext } from './transfer-context.ts';

const KEY = 'transfer';

/**
 * What another process needs to resume a transfer. Which blocks are missing the receivers tell themselves, and those lost by
 * silence are tried again.
 */
interface ClientRecord {
  readonly blobId: bigint;
  readonly size: number;
  readonly blockSizeLog: number;
  readonly mode: TransferMode;
  /** Receivers lost for good, by their answers. */
  readonly lost: readonly ({ readonly address: number } & Loss)[];
}

/** The record of a client's transfer: written before Transfer Start, after each block and when it is suspended. */
export class TransferMemory {
  readonly #store: Store | undefined;
  readonly #context: TransferContext;

  constructor(store: Store | undefined, context: TransferContext) {
    this.#store = store;
    this.#context = context;
  }

  /** Takes up what an earlier process has stored of this transfer; returns its mode. */
  recall(): TransferMode | undefined {
    if (this.#store === undefined) return undefined;
    const { blobId, source } = this.#context.parameters;
    const record = readRecord<ClientRecord>(this.#store, KEY);
    if (record?.blobId !== blobId || record.size !== source.size || !Array.isArray(record.lost)) return undefined;
    this.#context.log2 = record.blockSizeLog;
    for (const { address, ...loss } of record.lost) this.#context.receiver(address)?.recall(loss);
    return record.mode;
  }

  /** Throws what the store throws. */
  write(): void {
    const { log2: blockSizeLog, mode, parameters, receivers } = this.#context;
    if (this.#store === undefined || blockSizeLog === undefined || mode === undefined) return;
    const { blobId, source } = parameters;
    const lost = receivers.flatMap(({ address, lost, timedOut, status, step, lostIn = step, error }) =>
      lost && !timedOut && error !== undefined ? [{ address, status, lostIn, reason: error.toJSON() }] : [],
    );
    const record: ClientRecord = { blobId, size: source.size, blockSizeLog, mode, lost };
    this.#store.batch([[KEY, encodeRecord(record)]]);
  }

  erase(): void {
    try {
      this.#store?.batch([[KEY, null]]);
    } catch (thrown) {
      this.#context.log('error', 'the record of the BLOB transfer could not be erased', toMeshError(thrown).toJSON());
    }
  }
}
