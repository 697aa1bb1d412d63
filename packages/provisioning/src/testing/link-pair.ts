import { type Clock, MeshError, toHex } from '@meshferry/core';
import type { LinkCloseReason, ProvisioningLink, ProvisioningLinkListener } from '../link.ts';

const LATENCY_MS = 20;

/** One end of a link in memory. */
export class LinkEnd implements ProvisioningLink {
  readonly maxPdu: number;
  /** What this end sent, as hex. */
  readonly sent: string[] = [];
  /** How this end closed the link. */
  closedWith: LinkCloseReason | undefined;
  /** Stands in for what this end sends on its way, to play an attacker; undefined: lost. */
  tamper: (pdu: Uint8Array) => Uint8Array | undefined = (pdu) => pdu;
  readonly #clock: Clock;
  readonly #peer: () => LinkEnd;
  #listener: ProvisioningLinkListener | undefined;
  #isOpen = true;

  constructor(clock: Clock, maxPdu: number, peer: () => LinkEnd) {
    this.#clock = clock;
    this.maxPdu = maxPdu;
    this.#peer = peer;
  }

  send(pdu: Uint8Array, done: (error?: MeshError) => void = () => {}): void {
    this.sent.push(toHex(pdu));
    this.#clock.after(LATENCY_MS, () => {
      if (!this.#isOpen) return done(new MeshError('link-closed', 'the link is closed'));
      const arriving = this.tamper(pdu.slice());
      done();
      if (arriving !== undefined) this.#peer().hear(arriving);
    });
  }

  listen(listener: ProvisioningLinkListener): void {
    this.#listener = listener;
  }

  close(reason: LinkCloseReason): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.closedWith = reason;
    this.#clock.after(LATENCY_MS, () => this.#peer().end(reason));
  }

  /** A PDU of the peer, or of a test in its place. */
  hear(pdu: Uint8Array): void {
    if (this.#isOpen) this.#listener?.received(pdu);
  }

  /** The link ends from the other side. */
  end(reason: LinkCloseReason): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#listener?.closed(reason);
  }
}

/** A link in memory: PDUs take 20 ms, none is lost. */
export function linkPair(clock: Clock, maxPdu = 1469): { readonly provisioner: LinkEnd; readonly device: LinkEnd } {
  const provisioner: LinkEnd = new LinkEnd(clock, maxPdu, () => device);
  const device: LinkEnd = new LinkEnd(clock, maxPdu, () => provisioner);
  return { provisioner, device };
}
