import type { GattLink } from '@meshferry/bearer';
import { type Clock, Deadline, type MeshError } from '@meshferry/core';
import { PROVISIONING_SERVICE_LIMITS, ProxyChannel, ProxyMessageType } from '@meshferry/network';
import type { LinkCloseReason, ProvisioningLink, ProvisioningLinkListener } from './link.ts';
import { LINK_QUIET_MS, LINK_TIMEOUT_MS, linkClosed, pduLengthError } from './link-rules.ts';

const PROVISIONING = ProxyMessageType.provisioning;

/**
 * A PB-GATT link from either end: whole Provisioning PDUs in Proxy PDUs of type 3, as long as the connection lasts
 * [Mesh Protocol 1.1, 5.2.2]. It carries no reason: the other end is told `fail`, whatever this one says.
 */
export class PbGattLink implements ProvisioningLink {
  readonly maxPdu: number = PROVISIONING_SERVICE_LIMITS[PROVISIONING]!;
  readonly #clock: Clock;
  readonly #channel: ProxyChannel;
  readonly #quiet: Deadline;
  readonly #ended: () => void;
  #listener: ProvisioningLinkListener | undefined;
  #open = true;

  /** `ended`: the connection is over, whoever ended it. */
  constructor(clock: Clock, link: GattLink, ended: () => void) {
    this.#clock = clock;
    this.#ended = ended;
    this.#channel = new ProxyChannel(clock, link, PROVISIONING_SERVICE_LIMITS, {
      message: (_, pdu) => this.#received(pdu),
      closed: () => this.#disconnected(),
    });
    this.#quiet = new Deadline(clock, () => this.#timedOut());
    this.#quiet.set(LINK_TIMEOUT_MS);
  }

  listen(listener: ProvisioningLinkListener): void {
    this.#listener = listener;
  }

  send(pdu: Uint8Array, done: (error?: MeshError) => void = () => {}): void {
    const refusal = this.#open ? pduLengthError(pdu, this.maxPdu) : linkClosed();
    if (refusal !== undefined) this.#clock.after(0, () => done(refusal));
    else this.#channel.send(PROVISIONING, pdu, (error) => done(error && linkClosed()));
  }

  close(_reason: LinkCloseReason): void {
    if (!this.#open) return;
    this.#open = false;
    this.#quiet.clear();
    this.#channel.close();
  }

  #received(pdu: Uint8Array): void {
    if (!this.#open || pdu.length === 0) return;
    this.#quiet.set(LINK_QUIET_MS);
    this.#listener?.received(pdu);
  }

  #timedOut(): void {
    this.close('timeout');
    this.#listener?.closed('timeout');
  }

  /** Comes once, also after an own close: only then the connection is free. */
  #disconnected(): void {
    const wasOpen = this.#open;
    this.#open = false;
    this.#quiet.clear();
    this.#ended();
    if (wasOpen) this.#listener?.closed('fail');
  }
}
