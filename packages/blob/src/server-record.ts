import { type AppIndex, encodeRecord, readRecord, type Store, type Unicast } from '@meshferry/core';
import type { TransferMode } from './messages.ts';

const KEY = 'transfer';

/** What an accepted Transfer Start settled. */
export interface TransferParameters {
  readonly size: number;
  readonly mode: TransferMode;
  readonly blockSizeLog: number;
  readonly mtu: number;
  /** Where Partial Block Reports go, and under which key. */
  readonly client: Unicast;
  readonly appIndex: AppIndex;
}

/** The state of a server that survives a power cut [MBT 4.2.2]; parameters and missing blocks only once it was started. */
export interface ServerRecord {
  readonly blobId: bigint;
  readonly ttl: number;
  readonly timeoutBase: number;
  readonly parameters?: TransferParameters;
  readonly missing?: Uint8Array;
}

/** Writes the state; throws `store-failed`. */
export function writeServerRecord(store: Store, record: ServerRecord): void {
  store.batch([[KEY, encodeRecord(record)]]);
}

export function eraseServerRecord(store: Store): void {
  store.batch([[KEY, null]]);
}

export function readServerRecord(store: Store): ServerRecord | undefined {
  return readRecord<ServerRecord>(store, KEY);
}
