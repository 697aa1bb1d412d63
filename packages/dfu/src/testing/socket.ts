import { AccessLayer, type Model } from '@meshferry/access';
import { type Clock, SeededRandom, type Store } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { AccessReceived, AccessTransport, NetworkHost } from '@meshferry/network';
import type { Link } from '../../../access/src/testing/index.ts';

/** A place on a {@link Link} for a node that may be powered off and on: the latest access layer sits in it. */
export class Socket implements NetworkHost {
  readonly address: number;
  readonly elementCount: number = 1;
  /** Off: hears nothing. */
  on = true;
  readonly #clock: Clock;
  readonly #transport: AccessTransport;
  #access: AccessLayer | undefined;

  constructor(clock: Clock, link: Link, address: number) {
    this.#clock = clock;
    this.address = address;
    this.#transport = link.join(this);
  }

  /** A new access layer with these models on its element, bound to AppKey 0. */
  powerOn(store: Store, models: readonly Model[]): AccessLayer {
    const access = new AccessLayer({
      clock: this.#clock,
      random: new SeededRandom(this.address),
      crypto: portableCrypto,
      store,
      address: this.address,
      identity: { cid: 0x59, pid: 0, vid: 0, crpl: 10, features: 0 },
    });
    access.addElement(0, models);
    access.connect(this.#transport);
    for (const model of models) model.bind(0);
    this.#access = access;
    this.on = true;
    return access;
  }

  isSubscribed(dst: number): boolean {
    return this.on && this.#access?.isSubscribed(dst) === true;
  }

  labelsOf(dst: number): readonly Uint8Array[] {
    return this.#access?.labelsOf(dst) ?? [];
  }

  deviceKeyOf(): undefined {
    return undefined;
  }

  receive(message: AccessReceived): void {
    if (this.on) this.#access?.receive(message);
  }
}
