import { type Cancel, type Clock, Deadline, type MeshError, type Random } from '@meshferry/core';
import type { GenericProvisioningPdu } from './generic-provisioning-pdu.ts';
import { PB_ADV_MAX_PDU, TransactionAssembly, type TransactionSegment } from './generic-provisioning-segments.ts';
import type { LinkCloseReason, ProvisioningLink, ProvisioningLinkListener } from './link.ts';
import { LINK_QUIET_MS, LINK_TIMEOUT_MS, linkClosed, pduLengthError } from './link-rules.ts';
import { nextTransaction, PbAdvOutgoing } from './pb-adv-outgoing.ts';
import type { PbAdvPdu } from './pb-adv-pdu.ts';
import { type PbAdvRadio, THRICE } from './pb-adv-radio.ts';
import { TransactionVoices, twoDevices } from './pb-adv-voices.ts';

/** First Transaction Number of each role [5.3.1]. */
const FIRST = { provisioner: 0x00, device: 0x80 } as const;
const REASONS: readonly LinkCloseReason[] = ['success', 'timeout', 'fail'];

/** What a {@link PbAdvLink} is made of. */
export interface PbAdvLinkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly radio: PbAdvRadio;
  readonly role: keyof typeof FIRST;
  /** The link has ended, whoever ended it: it takes no packets any more. */
  ended(): void;
}

/** An established PB-ADV link from either end [Mesh Protocol 1.1, 5.3]. Who made it hands it the packets of its Link ID. */
export class PbAdvLink implements ProvisioningLink {
  readonly maxPdu: number = PB_ADV_MAX_PDU;
  readonly #clock: Clock;
  readonly #radio: PbAdvRadio;
  readonly #role: keyof typeof FIRST;
  readonly #ended: () => void;
  readonly #quiet: Deadline;
  readonly #outgoing: PbAdvOutgoing;
  readonly #assembly = new TransactionAssembly();
  readonly #voices = new TransactionVoices();
  /** Transaction Number of the peer that is expected, and that which was delivered last. */
  #expected: number;
  #delivered: number | undefined;
  #listener: ProvisioningLinkListener | undefined;
  #open = true;
  /** An acknowledgment that is still being sent: the same one is not sent twice at a time. */
  #acknowledging: { readonly transaction: number | undefined; readonly cancel: Cancel } | undefined;

  constructor({ clock, random, radio, role, ended }: PbAdvLinkOptions) {
    this.#clock = clock;
    this.#radio = radio;
    this.#role = role;
    this.#ended = ended;
    this.#expected = FIRST[role === 'device' ? 'provisioner' : 'device'];
    this.#quiet = new Deadline(clock, () => this.#give('timeout'));
    this.#quiet.set(LINK_TIMEOUT_MS);
    this.#outgoing = new PbAdvOutgoing(clock, random, radio, FIRST[role], {
      timedOut: () => this.#give('timeout'),
      failed: () => this.#give('fail'),
    });
  }

  listen(listener: ProvisioningLinkListener): void {
    this.#listener = listener;
  }

  send(pdu: Uint8Array, done: (error?: MeshError) => void = () => {}): void {
    const refusal = this.#open ? pduLengthError(pdu, this.maxPdu) : linkClosed();
    if (refusal === undefined) this.#outgoing.send(pdu, done);
    else this.#clock.after(0, () => done(refusal));
  }

  close(reason: LinkCloseReason): void {
    if (!this.#open) return;
    this.#end();
    this.#radio.send(0, { kind: 'link-close', reason: REASONS.indexOf(reason) }, THRICE, () => {});
  }

  /** A packet with this Link ID. */
  receive({ transaction, generic }: PbAdvPdu): void {
    if (!this.#open) return;
    switch (generic.kind) {
      case 'transaction-start':
      case 'transaction-continuation':
        this.#segment(transaction, generic);
        break;
      case 'transaction-acknowledgment':
        this.#heard();
        this.#outgoing.acknowledged(transaction);
        break;
      case 'link-close':
        this.#closed(REASONS[generic.reason] ?? 'fail');
        break;
      case 'link-open':
        // Our Link ACK was lost, unless PDUs came already: then it is an old copy.
        if (this.#role === 'device' && this.#delivered === undefined) this.acknowledgeOpen();
        break;
      case 'link-ack': // known already
        break;
    }
  }

  /** Answers Link Open; for the device. */
  acknowledgeOpen(): void {
    this.#acknowledge(undefined);
  }

  #segment(transaction: number, segment: TransactionSegment): void {
    const delivered = transaction === this.#delivered;
    if (!delivered && transaction !== this.#expected) return;
    if (this.#role === 'provisioner' && segment.kind === 'transaction-start') {
      if (this.#voices.isSecond(transaction, segment, delivered)) {
        this.#give('fail', twoDevices());
        return;
      }
    }
    this.#heard();
    if (delivered) {
      this.#acknowledge(transaction); // the acknowledgment was lost
      return;
    }
    const pdu = this.#assembly.add(segment);
    if (pdu === undefined) return;
    this.#delivered = transaction;
    this.#expected = nextTransaction(transaction);
    this.#heard();
    this.#acknowledge(transaction);
    this.#outgoing.answered();
    this.#listener?.received(pdu);
  }

  /** `transaction` undefined: of Link Open. A newer acknowledgment replaces what is left of an older one. */
  #acknowledge(transaction: number | undefined): void {
    if (this.#acknowledging !== undefined) {
      if (this.#acknowledging.transaction === transaction) return;
      this.#acknowledging.cancel();
    }
    const pdu: GenericProvisioningPdu =
      transaction === undefined ? { kind: 'link-ack' } : { kind: 'transaction-acknowledgment' };
    const cancel = this.#radio.send(transaction ?? 0, pdu, THRICE, (error) => {
      this.#acknowledging = undefined;
      if (error !== undefined) this.#give('fail');
    });
    this.#acknowledging = { transaction, cancel };
  }

  #heard(): void {
    this.#quiet.set(this.#delivered === undefined ? LINK_TIMEOUT_MS : LINK_QUIET_MS);
  }

  /** This end has to give up. */
  #give(reason: LinkCloseReason, error?: MeshError): void {
    if (!this.#open) return;
    this.close(reason);
    this.#listener?.closed(reason, error);
  }

  #closed(reason: LinkCloseReason): void {
    this.#end();
    this.#listener?.closed(reason);
  }

  #end(): void {
    this.#open = false;
    this.#quiet.clear();
    this.#ended();
    this.#outgoing.close(linkClosed());
  }
}
