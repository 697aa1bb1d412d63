import type { BlobSink } from '@meshferry/blob';
import {
  encodeRecord,
  type Log,
  readRecord,
  type Store,
  silent,
  toHex,
  toMeshError,
  type Write,
} from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import { type TargetApplication, type TargetImage, type TargetStart, UpdateEffect } from '@meshferry/dfu';
import {
  CoreType,
  compareVersions,
  compositionHash,
  decodeFirmwareMetadata,
  encodeFirmwareId,
  type FirmwareMetadata,
  type PublicKey,
  parseImage,
  type Version,
  verifyImageHash,
  verifySignature,
} from '@meshferry/firmware';
import { ImageSlot } from './image-slot.ts';

/** What an accepted update does to the node: always the same, or found by comparing composition hashes (`auto`). */
export type TargetEffect = 'auto' | 'none' | 'unprovision' | 'composition' | 'composition-norpr';

export interface McubootTargetOptions {
  /** A view of its own. */
  readonly store: Store;
  readonly crypto: CryptoProvider;
  /** Company Identifier of the firmware id. */
  readonly company: number;
  /** What runs while the store knows of nothing newer. */
  readonly version: Version;
  /** Octets of the slot for new images. */
  readonly slotSize: number;
  readonly effect: TargetEffect;
  /** Composition Data Page 0 of this node, for `auto`. */
  readonly compositionPage0: () => Uint8Array;
  /** Signing keys; with any, an image must be signed by one of them. */
  readonly trust?: readonly PublicKey[];
  /** Whether an image that is not newer than the running one is taken. Default true. */
  readonly downgrade?: boolean;
  /** Restarts the device: everything but the store is lost, then {@link McubootTarget.boot} of the next instance runs. */
  readonly restart: () => void;
  readonly log?: Log;
}

/** What {@link McubootTarget.boot} did with the last update. */
export type BootOutcome = 'nothing' | 'swapped' | 'swapped-and-unprovisioned' | 'reverted';

interface Running {
  readonly firmwareId: Uint8Array;
  readonly version: Version;
  /** Octets of the image in the primary slot; 0: the firmware that the device was made with, of which nothing is kept. */
  readonly size: number;
}

interface Incoming {
  readonly size: number;
  readonly blobId: bigint;
}

/** A swap that the next boot shall do. */
interface Pending {
  readonly metadata: Uint8Array;
  readonly effect: number;
  readonly size: number;
}

/**
 * The device side of a firmware update as the nRF Connect SDK's Target does it: metadata in its form, MCUboot images in
 * two slots, a swap at the next boot. Both slots are records of the store: a virtual flash.
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
    if (pending === undefined) return readRecord<BootOutcome>(this.#store, 'outcome') ?? 'nothing';
    const metadata = decodeFirmwareMetadata(pending.metadata);
    const image = parseImage(this.#secondary.read(pending.size));
    if (!metadata.ok || !image.ok || !verifyImageHash(image.value).ok) {
      return this.#booted('reverted', this.#secondary.erasing());
    }
    const { version } = metadata.value;
    const running: Running = { firmwareId: this.#firmwareId(version), version, size: pending.size };
    const outcome = pending.effect === UpdateEffect.unprovisioned ? 'swapped-and-unprovisioned' : 'swapped';
    return this.#booted(outcome, [...this.#secondary.moving(this.#primary), ['running', encodeRecord(running)]]);
  }

  /** {@link McubootTarget.boot} says `nothing` from now on: somebody has acted, durably, on what it did. */
  forgetOutcome(): void {
    this.#store.batch([['outcome', null]]);
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
    return [{ firmwareId: this.#running().firmwareId }];
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

  start(): TargetStart {
    this.#store.batch([...this.#secondary.erasing(), ['incoming', null], ['pending', null], ['outcome', null]]);
    return { sink: this.#sink() };
  }

  /** The slot is always there; its sink says whether it holds what a begun transfer has stored. */
  recover(): BlobSink {
    return this.#sink();
  }

  verify(_imageIndex: number, metadata: Uint8Array, done: (ok: boolean, reason?: string) => void): void {
    const reason = this.#fault(metadata);
    done(reason === undefined, reason);
  }

  apply(imageIndex: number, done: (ok: boolean) => void): void {
    const incoming = readRecord<Incoming>(this.#store, 'incoming');
    const metadata = readRecord<Uint8Array>(this.#store, 'verified');
    if (incoming === undefined || metadata === undefined) {
      done(false);
      return;
    }
    const pending: Pending = { metadata, effect: this.check(imageIndex, metadata).effect, size: incoming.size };
    this.#store.batch([
      ['pending', encodeRecord(pending)],
      ['verified', null],
    ]);
    this.#options.restart();
  }

  abandoned(): void {
    this.#store.batch([...this.#secondary.erasing(), ['incoming', null], ['verified', null]]);
  }

  #booted(outcome: BootOutcome, writes: readonly Write[]): BootOutcome {
    this.#store.batch([...writes, ['outcome', encodeRecord(outcome)], ['pending', null], ['incoming', null]]);
    return outcome;
  }

  #sink(): BlobSink {
    return {
      begin: (blobId, size) => {
        if (size > this.#options.slotSize) return false;
        const incoming: Incoming = { blobId, size };
        return this.#stored(() =>
          this.#store.batch([...this.#secondary.erasing(), ['incoming', encodeRecord(incoming)]]),
        );
      },
      block: (offset, data) => this.#stored(() => this.#secondary.write(offset, data)),
      recover: (blobId, size) => {
        const incoming = readRecord<Incoming>(this.#store, 'incoming');
        return incoming !== undefined && incoming.blobId === blobId && incoming.size === size;
      },
    };
  }

  /** Whether the write is durable: what the flash refuses is asked for again, and takes nothing else down. */
  #stored(write: () => void): boolean {
    try {
      write();
      return true;
    } catch (error) {
      this.#log('error', 'the flash refuses a write', { reason: toMeshError(error).message });
      return false;
    }
  }

  /** Why the node would not take an image with such metadata; undefined when it would. */
  #refusal(metadata: FirmwareMetadata): string | undefined {
    const { slotSize, downgrade = true } = this.#options;
    if ((metadata.coreType & CoreType.application) === 0)
      return `core type ${metadata.coreType} is not the application core`;
    if (metadata.size > slotSize) return `${metadata.size} octets do not fit the slot of ${slotSize}`;
    if (!downgrade && compareVersions(metadata.version, this.#running().version, { withBuild: true }) <= 0) {
      return 'the image is not newer than the running one';
    }
    return undefined;
  }

  /** Everything that makes the image unfit to boot; undefined when nothing does. */
  #fault(metadata: Uint8Array): string | undefined {
    const incoming = readRecord<Incoming>(this.#store, 'incoming');
    const decoded = decodeFirmwareMetadata(metadata);
    if (incoming === undefined) return 'the slot is empty';
    if (!decoded.ok) return decoded.error.message;
    const refusal = this.#refusal(decoded.value);
    if (refusal !== undefined) return refusal;
    if (decoded.value.size !== incoming.size) {
      return `the image has ${incoming.size} octets, the metadata says ${decoded.value.size}`;
    }
    const image = parseImage(this.#secondary.read(incoming.size));
    if (!image.ok) return image.error.message;
    const hash = verifyImageHash(image.value);
    if (!hash.ok) return hash.error.message;
    const { trust = [] } = this.#options;
    if (trust.length > 0) {
      const { state, keyHash } = verifySignature(image.value, trust);
      if (state !== 'valid')
        return `signature ${state}${keyHash === null ? '' : `, key hash ${toHex(keyHash.subarray(0, 8))}`}`;
    }
    this.#log('info', 'image verified', { size: incoming.size, signature: trust.length > 0 ? 'valid' : 'not checked' });
    this.#store.batch([['verified', encodeRecord(metadata)]]);
    return undefined;
  }

  #effect(metadata: FirmwareMetadata): number {
    switch (this.#options.effect) {
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
