import { type Cancel, Emitter, type Unsubscribe } from '@meshferry/core';
import { HciAdvertising } from './advertising.ts';
import { OPCODE, STATUS } from './codes.ts';
import type { HciHost } from './host.ts';
import type { Capabilities } from './initialise.ts';
import { nonResolvableAddress, OWN_PUBLIC, OWN_RANDOM } from './own-address.ts';
import { Scanner } from './scanner.ts';

/** How long an own address is used before it changes, ms. */
const ADDRESS_MS = 15 * 60_000;
const RETRY_MS = 20_000;
/** A renewal that is refused is tried again after this, ms, and so often in all. */
const RENEW_MS = 30;
const RENEW_TRIES = 10;

/**
 * What the controller's radio does for everyone: its random address, scanning, advertising, set up after each reset in this
 * order. GATT uses the same scanner (`pause` while connecting) and `advertising.offer`.
 */
export class Radio {
  readonly scanner: Scanner;
  readonly advertising: HciAdvertising;
  readonly #host: HciHost;
  #ownType: number = OWN_RANDOM;
  #stop: Cancel = () => {};
  readonly #ready = new Emitter<void>();

  constructor(host: HciHost) {
    this.#host = host;
    this.scanner = new Scanner(host);
    this.advertising = new HciAdvertising(host, this.scanner);
    host.onUp((capabilities) => this.#setUp(capabilities));
    host.onDown(() => this.#stop());
  }

  /** After each reset, when advertising and scanning can be used. */
  onReady(ready: () => void): Unsubscribe {
    return this.#ready.subscribe(ready);
  }

  /** Own_Address_Type for the commands that take one: random, or public where no random address could be set. */
  get ownType(): number {
    return this.#ownType;
  }

  /**
   * Changes the address now where all that is sent has the same one, as with the legacy commands; `done` follows in any case. It
   * is refused while something is on air: tried again shortly, a few times.
   */
  renewAddress(done: () => void, tries: number = RENEW_TRIES): void {
    if (this.#host.capabilities?.extended !== false || this.#ownType !== OWN_RANDOM || tries === 0) {
      done();
      return;
    }
    const resume = this.scanner.pause(() =>
      this.#setAddress((status) => {
        resume();
        if (status === STATUS.SUCCESS || status === STATUS.NO_ANSWER) done();
        else this.#host.clock.after(RENEW_MS, () => this.renewAddress(done, tries - 1));
      }),
    );
  }

  /** The random address comes first: without it scanning and advertising under it are refused. */
  #setUp(capabilities: Capabilities): void {
    this.#setAddress((status) => {
      if (status === STATUS.NO_ANSWER) return;
      this.#ownType = status === STATUS.SUCCESS ? OWN_RANDOM : OWN_PUBLIC;
      this.scanner.start(capabilities.extended, this.#ownType);
      this.advertising.start(capabilities, this.#ownType);
      if (this.#ownType === OWN_RANDOM) this.#changeLater();
      this.#ready.emit();
    });
  }

  #setAddress(done: (status: number) => void): void {
    this.#host.command(OPCODE.LE_SET_RANDOM_ADDRESS, nonResolvableAddress(this.#host.random), done);
  }

  /** A new one now and then, not while scanning. It is refused while something legacy is on air: soon again then. */
  #changeLater(ms = ADDRESS_MS): void {
    const timer = this.#host.clock.after(ms, () => {
      const resume = this.scanner.pause(() =>
        this.#setAddress((status) => {
          resume();
          if (status !== STATUS.NO_ANSWER) this.#changeLater(status === STATUS.SUCCESS ? ADDRESS_MS : RETRY_MS);
        }),
      );
    });
    this.#stop = () => timer.cancel();
  }
}
