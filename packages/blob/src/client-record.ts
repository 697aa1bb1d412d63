import { encodeRecord, readRecord, type Store } from '@meshferry/core';
import type { TransferMode } from './messages.ts';
import type { Receiver } from './receiver.ts';

const KEY = 'transfer';

/** What another process needs to resume a transfer. Which blocks are missing the receivers tell themselves. */
export interface ClientRecord {
  readonly blobId: bigint;
  readonly size: number;
  readonly blockSizeLog: number;
  readonly mode: TransferMode;
  readonly receivers: readonly {
    readonly address: number;
    readonly lost: boolean;
    readonly timedOut: boolean;
    readonly status: number;
    readonly blocksDone: number;
  }[];
}

export function writeClientRecord(
  store: Store,
  transfer: Omit<ClientRecord, 'receivers'>,
  receivers: readonly Receiver[],
): void {
  const record: ClientRecord = {
    ...transfer,
    receivers: receivers.map(({ address, lost, timedOut, status, blocksDone }) => ({
      address,
      lost,
      timedOut,
      status,
      blocksDone,
    })),
  };
  store.batch([[KEY, encodeRecord(record)]]);
}

/** The record of this BLOB, if it is the one that was under way last. */
export function readClientRecord(store: Store, blobId: bigint): ClientRecord | undefined {
  const record = readRecord<ClientRecord>(store, KEY);
  return record?.blobId === blobId ? record : undefined;
}

export function eraseClientRecord(store: Store): void {
  store.batch([[KEY, null]]);
}
