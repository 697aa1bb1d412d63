import { type Clock, MeshError } from '@meshferry/core';
import type { LinkCloseReason, ProvisioningLink, ProvisioningLinkListener } from '@meshferry/provisioning';

/** Octets of the longest Provisioning PDU in a message of the Remote Provisioning models: 380 less opcode and number. */
export const REMOTE_PDU_MAX = 377;

/** A link of a node to itself: its Remote Provisioning Server at one end, its own provisionee at the other. */
export function localLink(clock: Clock): { readonly server: ProvisioningLink; readonly provisionee: ProvisioningLink } {
  const server: LocalEnd = new LocalEnd(clock, () => provisionee);
  const provisionee: LocalEnd = new LocalEnd(clock, () => server);
  return { server, provisionee };
}

class LocalEnd implements ProvisioningLink {
  readonly maxPdu: number = REMOTE_PDU_MAX;
  readonly #clock: Clock;
  readonly #peer: () => LocalEnd;
  #listener: ProvisioningLinkListener | undefined;
  #open = true;

  constructor(clock: Clock, peer: () => LocalEnd) {
    this.#clock = clock;
    this.#peer = peer;
  }

  listen(listener: ProvisioningLinkListener): void {
    this.#listener = listener;
  }

  /** It arrives after what runs now, and after what was sent before. */
  send(pdu: Uint8Array, done: (error?: MeshError) => void = () => {}): void {
    const octets = pdu.slice();
    this.#clock.after(0, () => {
      if (!this.#open) return done(new MeshError('link-closed', 'the link of the node to itself is closed'));
      done();
      this.#peer().#hear(octets);
    });
  }

  close(reason: LinkCloseReason): void {
    if (!this.#open) return;
    this.#open = false;
    this.#peer().#ended(reason);
  }

  #hear(pdu: Uint8Array): void {
    if (this.#open) this.#listener?.received(pdu);
  }

  #ended(reason: LinkCloseReason): void {
    if (!this.#open) return;
    this.#open = false;
    this.#listener?.closed(reason);
  }
}
