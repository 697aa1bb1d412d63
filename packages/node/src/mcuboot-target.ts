import type { BlobSink } from '@meshferry/blob';
import {
  encodeRecord,
  equal,
  type Log,
  readRecord,
  type Store,
  silent,
  toMeshError,
  type Write,
} from '@meshferry/core';
import { type TargetApplication, type TargetImage, type TargetStart, UpdateEffect } from '@meshferry/dfu';
import {
  compositionHash,
  decodeFirmwareMetadata,
  encodeFirmwareId,
  type FirmwareMetadata,
  type Version,
} from '@meshferry/firmware';
import { ImageSlot } from './image-slot.ts';
import { imageFault, metadataFault } from './mcuboot-target-check.ts';
import type { BootOutcome, McubootTargetOptions } from './mcuboot-target-options.ts';

export type { BootOutcome, McubootTargetOptions, TargetCore, TargetEffect } from './mcuboot-target-options.ts';

interface Running {
  readonly firmwareId: Uint8Array;
  readonly version: Version;
  /** Octets of the image in the primary slot; 0: the firmware that the device was made with, of which nothing is kept. */
  readonly size: number;
  /** How many of the images applied so far changed the composition of the node. */
  readonly compositions?: number;
}

interface Incoming {
  readonly size: number;
  readonly blobId: bigint;
  /** What it came with: the same size and a good hash do not make it the image that is offered now. */
  readonly metadata?: Uint8Array;
}

/** What was found to be fit to run, and what it does to the node. */
interface Verified {
  readonly metadata: Uint8Array;
  readonly effect: number;
}

/** A swap that the next boot shall do. */
interface Pending extends Verified {
  readonly size: number;
}

/**
 * The device side of the update of one image, as the nRF Connect SDK's Target does it: metadata in its form, an MCUboot image
 * in two slots, a swap at the next boot; a file (`core: 'blob'`) takes its place at once. Both slots are records of the store:
 * a virtual flash. A device with several images has one of these for each, see `combineTargets` of `@meshferry/dfu`.
 */
export class McubootTarget implements TargetApplication {
  readonly #options: McubootTargetOptions;
  readonly #store: Store;
  readonly #log: Log;
  readonly #primary: ImageSlot;
  readonly #secondary: ImageSlot;

  constructor(options: McubootTargetOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#log = options.log ?? silent;
    this.#primary = new ImageSlot(options.store, 'slot0');
    this.#secondary = new ImageSlot(options.store, 'slot1');
  }

  /**
   * The bootloader: swaps a pending image in when it is whole, before anything else of the node runs. Its outcome is the
   * same at each boot until the next update begins: the power may fail before anybody has acted on it.
   */
  boot(): BootOutcome {
    const pending = readRecord<Pending>(this.#store, 'pending');
    return pending === undefined ? this.outcome : this.#swap(pending);
  }

  /** What became of the last update, until the next one begins or {@link McubootTarget.forgetOutcome}. */
  get outcome(): BootOutcome {
    return readRecord<BootOutcome>(this.#store, 'outcome') ?? 'nothing';
  }

  /** {@link McubootTarget.boot} says `nothing` from now on: somebody has acted, durably, on what it did. */
  forgetOutcome(): void {
    this.#store.batch([['outcome', null]]);
  }

  /** How many of the images applied so far changed the composition of the node (effects 1 and 2). */
  get compositionChanges(): number {
    return this.#running().compositions ?? 0;
  }

  /** The version that runs. */
  get version(): Version {
    return this.#running().version;
  }

  /** What the primary slot holds: the image last applied, octet for octet; undefined before any was. */
  runningImage(): Uint8Array | undefined {
    const { size } = this.#running();
    return size === 0 ? undefined : this.#primary.read(size);
  }

  /** Changes one octet of the secondary slot, as worn-out flash would: for tests of what must catch it. */
  flipOctet(): void {
    this.#secondary.flipOctet();
  }

  images(): readonly TargetImage[] {
    const { updateUri } = this.#options;
    return [{ firmwareId: this.#running().firmwareId, ...(updateUri !== undefined && { updateUri }) }];
  }

  check(_imageIndex: number, metadata: Uint8Array): { accept: boolean; effect: number } {
    const decoded = decodeFirmwareMetadata(metadata);
    const reason = decoded.ok ? this.#refusal(decoded.value) : decoded.error.message;
    if (!decoded.ok || reason !== undefined) {
      this.#log('info', 'metadata refused', { reason });
      return { accept: false, effect: UpdateEffect.unchanged };
    }
    return { accept: true, effect: this.#effect(decoded.value) };
  }

  start(_imageIndex: number, metadata: Uint8Array): TargetStart {
    const cameWith = readRecord<Incoming>(this.#store, 'incoming')?.metadata;
    if (cameWith !== undefined && equal(cameWith, metadata) && this.#fault(metadata) === undefined)
      return this.#stored(CLEARED) ? { alreadyThere: true } : TROUBLE;
    // What is in the slot counts no more; it is erased when the new image begins to come.
    return this.#stored([['incoming', null], ...CLEARED]) ? { sink: this.#sink(metadata) } : TROUBLE;
  }

  /** The slot is always there; its sink says whether it holds what a begun transfer has stored. */
  recover(_imageIndex: number, metadata: Uint8Array): BlobSink {
    return this.#sink(metadata);
  }

  verify(_imageIndex: number, metadata: Uint8Array, done: (ok: boolean, reason?: string) => void): void {
    const reason = this.#fault(metadata);
    if (reason !== undefined) {
      done(false, reason);
      return;
    }
    const verified: Verified = { metadata, effect: this.check(0, metadata).effect };
    if (!this.#stored([['verified', encodeRecord(verified)]])) {
      done(false, 'the flash refuses to keep that the image is good');
      return;
    }
    this.#log('info', 'image verified', { signature: this.#options.trust?.length ? 'valid' : 'not checked' });
    done(true);
  }

  apply(_imageIndex: number, done: (ok: boolean) => void): void {
    const incoming = readRecord<Incoming>(this.#store, 'incoming');
    const verified = readRecord<Verified>(this.#store, 'verified');
    if (incoming === undefined || verified === undefined) {
      done(false);
      return;
    }
    const pending: Pending = { ...verified, size: incoming.size };
    if (this.#options.core === 'blob') {
      done(this.#swapNow(pending));
    } else if (
      this.#stored([
        ['verified', null],
        ['pending', encodeRecord(pending)],
      ])
    ) {
      this.#options.restart();
    } else {
      done(false);
    }
  }

  abandoned(): void {
    this.#stored([...this.#secondary.erasing(), ['incoming', null], ...CLEARED]);
  }

  /** Without a restart; whether the new one is there now. */
  #swapNow(pending: Pending): boolean {
    try {
      return this.#swap(pending) === 'swapped';
    } catch (error) {
      this.#log('error', 'the flash refuses a write', { reason: toMeshError(error).message });
      return false;
    }
  }

  /** The image of the secondary slot, when it is whole, takes the place of the running one. */
  #swap({ metadata, effect, size }: Pending): BootOutcome {
    const decoded = decodeFirmwareMetadata(metadata);
    if (!decoded.ok || imageFault(this.#secondary.read(size), decoded.value, this.#options) !== undefined) {
      return this.#ended('reverted', this.#secondary.erasing());
    }
    const { version } = decoded.value;
    const compositions = this.compositionChanges + (CHANGES_COMPOSITION.includes(effect) ? 1 : 0);
    const running: Running = { firmwareId: this.#firmwareId(version), version, size, compositions };
    const outcome = effect === UpdateEffect.unprovisioned ? 'swapped-and-unprovisioned' : 'swapped';
    return this.#ended(outcome, [...this.#secondary.moving(this.#primary), ['running', encodeRecord(running)]]);
  }

  #ended(outcome: BootOutcome, writes: readonly Write[]): BootOutcome {
    const after: readonly Write[] = [
      ['outcome', encodeRecord(outcome)],
      ['pending', null],
      ['verified', null],
      ['incoming', null],
    ];
    this.#store.batch([...writes, ...after]);
    return outcome;
  }

  /** The image of the secondary slot takes the place of the running one. */
  #sink(metadata: Uint8Array): BlobSink {
    return {
      begin: (blobId, size) => {
        if (size > this.#options.slotSize) return false;
        const incoming: Incoming = { blobId, size, metadata };
        return this.#stored([...this.#secondary.erasing(), ['incoming', encodeRecord(incoming)]]);
      },
      block: (offset, data) => this.#stored([this.#secondary.writing(offset, data)]),
      recover: (blobId, size) => {
        const incoming = readRecord<Incoming>(this.#store, 'incoming');
        return incoming !== undefined && incoming.blobId === blobId && incoming.size === size;
      },
    };
  }

  /** Whether the writes are durable: what the flash refuses takes nothing else down. */
  #stored(writes: readonly Write[]): boolean {
    try {
      this.#store.batch(writes);
      return true;
    } catch (error) {
      this.#log('error', 'the flash refuses a write', { reason: toMeshError(error).message });
      return false;
    }
  }

  #refusal(metadata: FirmwareMetadata): string | undefined {
    return metadataFault(metadata, this.#running().version, this.#options);
  }

  /** Everything that makes what the slot holds unfit to run; undefined when nothing does. */
  #fault(metadata: Uint8Array): string | undefined {
    const incoming = readRecord<Incoming>(this.#store, 'incoming');
    if (incoming === undefined) return 'the slot is empty';
    const decoded = decodeFirmwareMetadata(metadata);
    if (!decoded.ok) return decoded.error.message;
    const { size } = decoded.value;
    if (size !== incoming.size) return `the image has ${incoming.size} octets, the metadata says ${size}`;
    return this.#refusal(decoded.value) ?? imageFault(this.#secondary.read(size), decoded.value, this.#options);
  }

  #effect(metadata: FirmwareMetadata): number {
    const { effect, core = 'application' } = this.#options;
    if (core !== 'application') return UpdateEffect.unchanged;
    switch (effect) {
      case 'none':
        return UpdateEffect.unchanged;
      case 'unprovision':
        return UpdateEffect.unprovisioned;
      case 'composition':
        return UpdateEffect.compositionChangedWithRemoteProvisioning;
      case 'composition-norpr':
        return UpdateEffect.compositionChangedWithoutRemoteProvisioning;
      case 'auto': {
        const own = compositionHash(this.#options.compositionPage0(), this.#options.crypto);
        return metadata.compositionHash === own ? UpdateEffect.unchanged : UpdateEffect.unprovisioned;
      }
    }
  }

  #running(): Running {
    const { version } = this.#options;
    return readRecord<Running>(this.#store, 'running') ?? { firmwareId: this.#firmwareId(version), version, size: 0 };
  }

  #firmwareId(version: Version): Uint8Array {
    return encodeFirmwareId(this.#options.company, version);
  }
}

const CHANGES_COMPOSITION: readonly number[] = [
  UpdateEffect.compositionChangedWithoutRemoteProvisioning,
  UpdateEffect.compositionChangedWithRemoteProvisioning,
];

/** What is left of the last update is of no account any more. */
const CLEARED: readonly Write[] = [
  ['pending', null],
  ['verified', null],
  ['outcome', null],
];

const TROUBLE: TargetStart = { refuse: 'internal' };
