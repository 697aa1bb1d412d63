import type { BlobSink } from '@meshferry/blob';
import { concat, equal, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { TargetApplication, TargetImage, TargetStart } from '../target-application.ts';
import { UpdateEffect } from '../update-codes.ts';

/** How a {@link Device} behaves. */
export interface DeviceTraits {
  readonly firmwareId?: Uint8Array;
  /** Default: what the metadata say. */
  readonly effect?: number;
  readonly refuseMetadata?: boolean;
  readonly refuseStart?: 'resources' | 'busy' | 'internal';
  /** Verification finds a fault whatever the image is. */
  readonly failVerification?: boolean;
  /** Verification never ends by itself: the test ends it with {@link Device.endVerification}. */
  readonly holdVerification?: boolean;
  /** The bootloader goes back to the old image. */
  readonly failBoot?: boolean;
  /** Apply is done in place, without a restart. */
  readonly applyInPlace?: boolean;
  /** Takes any image with any metadata for this firmware. */
  readonly nextFirmwareId?: Uint8Array;
  readonly moreImages?: readonly TargetImage[];
}

/** Metadata as the devices of these tests understand it: effect, SHA-256 of the image, firmware id. */
export function metadataOf(
  image: Uint8Array,
  firmwareId: Uint8Array,
  effect: number = UpdateEffect.unchanged,
): Uint8Array {
  return concat(Uint8Array.of(effect), portableCrypto.sha256(image), firmwareId);
}

/** A device with flash: what is in it outlives every restart of the stack above it. */
export class Device implements TargetApplication {
  readonly traits: DeviceTraits;
  firmwareId: Uint8Array;
  /** The running image, once it was updated. */
  running: Uint8Array | undefined;
  slot: Uint8Array = new Uint8Array(0);
  /** Metadata of the verified image that waits for the restart. */
  pending: Uint8Array | undefined;
  /** Called by apply when the device restarts. */
  restart: () => void = () => {};
  readonly calls: string[] = [];
  /** Image indexes whose update was given up. */
  readonly abandonedImages: number[] = [];
  /** Ends the verification under way, with `holdVerification`. */
  endVerification: (ok: boolean) => void = () => {};
  endApply: (ok: boolean) => void = () => {};

  constructor(traits: DeviceTraits = {}) {
    this.traits = traits;
    this.firmwareId = traits.firmwareId ?? Uint8Array.of(0x59, 0, 1);
  }

  images(): readonly TargetImage[] {
    return [{ firmwareId: this.firmwareId }, ...(this.traits.moreImages ?? [])];
  }

  check(_: number, metadata: Uint8Array): { accept: boolean; effect: number } {
    const known = this.traits.nextFirmwareId !== undefined || metadata.length > 33;
    return { accept: known && this.traits.refuseMetadata !== true, effect: this.effectOf(metadata) };
  }

  start(_: number, metadata: Uint8Array): TargetStart {
    this.calls.push('start');
    if (this.traits.refuseStart !== undefined) return { refuse: this.traits.refuseStart };
    if (this.#matches(metadata)) return { alreadyThere: true };
    return { sink: this.#sink() };
  }

  effectOf(metadata: Uint8Array): number {
    if (this.traits.nextFirmwareId !== undefined) return UpdateEffect.unchanged;
    return this.traits.effect ?? metadata[0] ?? UpdateEffect.unchanged;
  }

  recover(): BlobSink {
    this.calls.push('recover');
    return this.#sink();
  }

  verify(_: number, metadata: Uint8Array, done: (ok: boolean, reason?: string) => void): void {
    this.calls.push('verify');
    this.endVerification = done;
    if (this.traits.holdVerification) return;
    const good = this.traits.nextFirmwareId !== undefined || this.#matches(metadata);
    const ok = good && this.traits.failVerification !== true;
    if (ok) this.pending = metadata;
    done(ok, `digest ${toHex(portableCrypto.sha256(this.slot))}`);
  }

  apply(_: number, done: (ok: boolean) => void): void {
    this.calls.push('apply');
    this.endApply = done;
    if (this.traits.applyInPlace) done(this.boot());
    else this.restart();
  }

  abandoned(imageIndex: number): void {
    this.abandonedImages.push(imageIndex);
    this.calls.push('abandoned');
  }

  /** What the bootloader does at power-on with a pending image; whether the new one runs. */
  boot(): boolean {
    const { pending } = this;
    this.pending = undefined;
    if (pending === undefined || this.traits.failBoot) return false;
    this.running = this.slot;
    this.firmwareId = this.traits.nextFirmwareId ?? pending.slice(33);
    return true;
  }

  #matches(metadata: Uint8Array): boolean {
    return equal(portableCrypto.sha256(this.slot), metadata.slice(1, 33));
  }

  #sink(): BlobSink {
    return {
      begin: (_, size) => {
        this.calls.push('begin');
        if (this.slot.length !== size) this.slot = new Uint8Array(size);
        return true;
      },
      block: (offset, data) => {
        this.calls.push(`block ${offset}`);
        this.slot.set(data, offset);
        return true;
      },
    };
  }
}
