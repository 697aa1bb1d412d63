import { type MeshError, toHex } from '@meshferry/core';
import type { LinkCloseReason, ProvisioningLink } from '../link.ts';

/** One end of a link in a test: keeps what came. */
export class LinkEnd {
  readonly link: ProvisioningLink;
  /** Received PDUs in hex, oldest first. */
  readonly received: string[] = [];
  /** How each PDU that was sent ended: `sent` or the code of the error. */
  readonly outcomes: string[] = [];
  closed: LinkCloseReason | undefined;
  /** Called for each PDU. */
  onPdu: (pdu: Uint8Array) => void = () => {};

  constructor(link: ProvisioningLink) {
    this.link = link;
    link.listen({
      received: (pdu) => {
        this.received.push(toHex(pdu));
        this.onPdu(pdu);
      },
      closed: (reason) => {
        if (this.closed !== undefined) throw new Error('told twice that it is closed');
        this.closed = reason;
      },
    });
  }

  send(...pdus: readonly Uint8Array[]): void {
    for (const pdu of pdus) this.link.send(pdu, (error?: MeshError) => this.outcomes.push(error?.code ?? 'sent'));
  }
}
