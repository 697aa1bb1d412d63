import type { Model, SendOptions } from '@meshferry/access';
import type { Cancel, MeshError } from '@meshferry/core';
import type { BlockShape } from './arithmetic.ts';
import type { BlobTransferParameters } from './client-contract.ts';
import { BLOB_MTU } from './constants.ts';
import {
  BlobBlockGet,
  BlobBlockStart,
  BlobChunkTransfer,
  BlobInformationGet,
  BlobTransferCancel,
  BlobTransferGet,
  BlobTransferStart,
  type TransferMode,
} from './messages.ts';
import type { Stage } from './receiver.ts';
import type { OnAir } from './strategy.ts';

type Done = (error?: MeshError) => void;

/** The messages of one transfer, addressed and secured as its parameters say. */
export class Requests {
  readonly #model: Model;
  readonly #parameters: BlobTransferParameters;
  /** What Transfer Start says. */
  mode: TransferMode = 'push';
  readonly #base: Omit<SendOptions, 'dst'>;

  constructor(model: Model, parameters: BlobTransferParameters) {
    this.#model = model;
    this.#parameters = parameters;
    this.#base = { appIndex: parameters.appIndex, ttl: parameters.ttl };
  }

  /** What a receiver at `stage` is asked for, to `address` or, when that is undefined, to the group. */
  ask(
    stage: Stage,
    address: number | undefined,
    block: BlockShape | undefined,
    log: number,
    onAir: OnAir,
    done: Done,
  ): Cancel {
    const { blobId, source } = this.#parameters;
    const to = this.#to(address, onAir);
    switch (stage) {
      case 'information':
        return this.#model.send(BlobInformationGet, {}, to, done);
      case 'start': {
        const start = {
          transferMode: this.mode,
          blobId,
          blobSize: source.size,
          blockSizeLog: log,
          clientMtuSize: BLOB_MTU,
        };
        return this.#model.send(BlobTransferStart, start, to, done);
      }
      case 'block':
        return this.blockStart(address, block as BlockShape, onAir, done);
      case 'locate':
      case 'check':
        return this.#model.send(BlobBlockGet, {}, to, done);
      case 'cancel':
        return this.#model.send(BlobTransferCancel, { blobId }, to, done);
      default:
        return this.#model.send(BlobTransferGet, {}, to, done);
    }
  }

  blockStart(address: number | undefined, { number, chunkSize }: BlockShape, onAir: OnAir, done: Done): Cancel {
    return this.#model.send(BlobBlockStart, { blockNumber: number, chunkSize }, this.#to(address, onAir), done);
  }

  /** To one receiver always segmented, so that its transport layer acknowledges it. */
  chunk(address: number | undefined, chunkNumber: number, data: Uint8Array, onAir: OnAir, done: Done): Cancel {
    const to = this.#to(address, onAir);
    const options = address === undefined ? to : { ...to, segmented: true };
    return this.#model.send(BlobChunkTransfer, { chunkNumber, data }, options, done);
  }

  #to(address: number | undefined, onAir: OnAir): SendOptions {
    const options = { ...this.#base, priority: 'bulk', ...onAir } as const;
    if (address !== undefined) return { ...options, dst: address };
    const { group, label } = this.#parameters;
    return { ...options, dst: group as number, ...(label === undefined ? {} : { label }) };
  }
}
