import { encodeRecord, readRecord, type Store } from '@meshferry/core';
import type { TransferMode } from './messages.ts';
import type { Loss, Receiver } from './receiver.ts';

const KEY = 'transfer';

/**
 * What another process needs to resume a transfer. Which blocks are missing the receivers tell themselves, and those lost by
 * silence are tried again.
 */
export interface ClientRecord {
  readonly blobId: bigint;
  readonly size: number;
  readonly blockSizeLog: number;
  readonly mode: TransferMode;
  /** Receivers lost for good, by their answers. */
  readonly lost: readonly ({ readonly address: number } & Loss)[];
}

export function writeClientRecord(
  store: Store,
  transfer: Omit<ClientRecord, 'lost'>,
  receivers: readonly Receiver[],
): void {
  const lost = receivers.flatMap(({ address, lost, timedOut, status, step, lostIn = step, error }) =>
    lost && !timedOut && error !== undefined ? [{ address, status, lostIn, reason: error.toJSON() }] : [],
  );
  const record: ClientRecord = { ...transfer, lost };
  store.batch([[KEY, encodeRecord(record)]]);
}

/** The record of this BLOB, if it is the one that was under way last. */
export function readClientRecord(store: Store, blobId: bigint, size: number): ClientRecord | undefined {
  const record = readRecord<ClientRecord>(store, KEY);
  return record?.blobId === blobId && record.size === size && Array.isArray(record.lost) ? record : undefined;
}

export function eraseClientRecord(store: Store): void {
  store.batch([[KEY, null]]);
}
