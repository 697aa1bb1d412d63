import type { NetworkDocument } from '@meshferry/cdb';
import { encodeRecord, type NetIndex, readRecord, type Store, type Unicast } from '@meshferry/core';
import type { NetworkState } from './network-state.ts';

/** The new keys are given to the nodes; the nodes shall use them; the old keys are revoked. */
export type KeyRefreshStage = 'distributing' | 'switching' | 'revoking';

/** What is kept of a key refresh besides the document. */
export interface SavedKeyRefresh {
  readonly netIndex: NetIndex;
  readonly stage: KeyRefreshStage;
  /** Nodes that have confirmed the stage. */
  readonly confirmed: readonly Unicast[];
}

const JOB = 'key-refresh';
const RECORD = 'refresh';

/** The record of a key refresh in the state of its network: with each stage in one write with the document. */
export class KeyRefreshRecord {
  readonly #state: NetworkState;
  readonly #store: Store;
  #confirmed: Set<Unicast>;

  constructor(state: NetworkState) {
    this.#state = state;
    this.#store = state.view(JOB);
    this.#confirmed = new Set(this.saved?.confirmed);
  }

  get saved(): SavedKeyRefresh | undefined {
    return readRecord<SavedKeyRefresh>(this.#store, RECORD);
  }

  get stage(): KeyRefreshStage {
    return this.saved?.stage ?? 'distributing';
  }

  isConfirmed(address: Unicast): boolean {
    return this.#confirmed.has(address);
  }

  confirm(address: Unicast): void {
    const { saved } = this;
    if (saved === undefined) return;
    this.#confirmed.add(address);
    this.#store.batch([[RECORD, encodeRecord({ ...saved, confirmed: [...this.#confirmed] })]]);
  }

  /** Another stage, and the document that goes with it. */
  save(document: NetworkDocument, saved: SavedKeyRefresh): void {
    this.#state.change(document, [this.#state.jobWrite(JOB, RECORD, encodeRecord(saved))]);
    this.#confirmed = new Set(saved.confirmed);
  }

  /** The refresh is over. */
  end(document: NetworkDocument): void {
    this.#state.change(document, [this.#state.jobWrite(JOB, RECORD, null)]);
    this.#confirmed.clear();
  }
}
