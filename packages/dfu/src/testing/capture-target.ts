import type { BlobSink } from '@meshferry/blob';
import { fromHex, type VirtualClock } from '@meshferry/core';
import { type RecordedMessage, recordedKeys } from '../../../blob/src/testing/capture-recording.ts';
import { Flash } from '../../../blob/src/testing/mesh.ts';
import type { TargetApplication, TargetImage, TargetStart } from '../target-application.ts';
import { UpdateEffect } from '../update-codes.ts';

/** The device of a recorded Target: says, and takes the time for, what the recording shows of it. */
export class RecordedDevice implements TargetApplication {
  readonly flash = new Flash();
  readonly #clock: VirtualClock;
  readonly #answers: readonly RecordedMessage[];
  readonly #old: Uint8Array;
  readonly #new: Uint8Array;
  #applied = false;

  constructor(name: string, messages: readonly RecordedMessage[], address: number, clock: VirtualClock) {
    const { fwid = '', currentFwidBefore = '' } = recordedKeys(name).truth ?? {};
    this.#clock = clock;
    this.#answers = messages.filter(({ src, hex }) => src === address && hex.startsWith('8310'));
    this.#old = fromHex(currentFwidBefore);
    this.#new = fromHex(fwid);
  }

  images(): readonly TargetImage[] {
    return [{ firmwareId: this.#applied ? this.#new : this.#old }];
  }

  /** Update Status 5 is Metadata Check Failed. */
  check(): { accept: boolean; effect: number } {
    return { accept: !this.#answers.some(({ hex }) => hex === '831005'), effect: this.#effect };
  }

  start(): TargetStart {
    return { sink: this.flash };
  }

  recover(): BlobSink {
    return this.flash;
  }

  /** A recorded Verifying Update (3) was asked for before it was over. */
  verify(_: number, __: Uint8Array, done: (ok: boolean) => void): void {
    const verifying = this.#answers.findLast(({ hex }) => phaseOf(hex) === 3);
    const ok = !this.#answers.some(({ hex }) => phaseOf(hex) === 5);
    if (verifying === undefined) done(ok);
    else this.#clock.after(Math.max(0, verifying.at + 1000 - this.#clock.now), () => done(ok));
  }

  /** One that leaves the network is not heard of again. */
  apply(_: number, done: (ok: boolean) => void): void {
    if (this.#effect === UpdateEffect.unprovisioned) return;
    this.#applied = true;
    done(true);
  }

  get #effect(): number {
    const told = this.#answers.find(({ hex }) => hex.length > 6);
    return told === undefined ? UpdateEffect.unchanged : Number.parseInt(told.hex.slice(8, 10), 16) & 0x1f;
  }
}

function phaseOf(status: string): number {
  return Number.parseInt(status.slice(4, 6), 16) >> 5;
}
