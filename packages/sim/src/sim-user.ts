import { type Cancel, type Clock, Emitter } from '@meshferry/core';
import type { Answer, DeviceInput, DeviceOutput, OobValue, ProvisionerOob } from '@meshferry/provisioning';

/** How long it takes to read a value here and enter it there, ms. */
const USER_MS = 1000;

/** A value that a device shows. */
export type ShownValue = Parameters<DeviceOutput['show']>[0];

/**
 * Somebody who stands between a simulated device and its Provisioner. At the device he reads what it shows and enters what he
 * was told, as `output` and `input` of `ProvisioningDeviceOptions`; for the Provisioner he is `enter` and `show` of its
 * `ProvisionerOob`.
 */
export class SimUser implements Required<Pick<ProvisionerOob, 'enter' | 'show'>> {
  /** Tells what the device shows, as soon as it does. */
  readonly displays: Emitter<ShownValue> = new Emitter();
  readonly output: DeviceOutput;
  readonly input: DeviceInput;
  readonly #fromDevice: Handover;
  readonly #toDevice: Handover;

  constructor(clock: Clock) {
    const fromDevice = new Handover(clock);
    const toDevice = new Handover(clock);
    this.#fromDevice = fromDevice;
    this.#toDevice = toDevice;
    this.output = {
      size: 6,
      actions: ['numeric', 'alphanumeric', 'blink'],
      show: (shown) => {
        this.displays.emit(shown);
        return fromDevice.give(shown.value);
      },
    };
    this.input = {
      size: 6,
      actions: ['numeric', 'alphanumeric', 'push'],
      enter: (_, answer) => toDevice.ask(answer),
    };
  }

  readonly enter: NonNullable<ProvisionerOob['enter']> = (_, answer) => this.#fromDevice.ask(answer);

  readonly show: NonNullable<ProvisionerOob['show']> = ({ value }) => this.#toDevice.give(value);
}

/** A value goes from one side to the other as soon as the one has it and the other wants it. */
class Handover {
  readonly #clock: Clock;
  #given: { readonly value: OobValue } | undefined;
  #asked: { readonly answer: Answer } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  give(value: OobValue): Cancel {
    const given = { value };
    this.#given = given;
    this.#plan();
    return () => {
      if (this.#given === given) this.#given = undefined;
    };
  }

  ask(answer: Answer): Cancel {
    const asked = { answer };
    this.#asked = asked;
    this.#plan();
    return () => {
      if (this.#asked === asked) this.#asked = undefined;
    };
  }

  #plan(): void {
    const { value } = this.#given ?? {};
    const asked = this.#asked;
    if (value === undefined || asked === undefined) return;
    this.#clock.after(USER_MS, () => {
      if (this.#asked === asked) asked.answer(value);
    });
  }
}
