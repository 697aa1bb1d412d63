import { type Clock, Deadline, MeshError } from '@meshferry/core';
import type { LinkCloseReason, ProvisioningLink, ProvisioningLinkListener } from '@meshferry/provisioning';
import { REMOTE_PDU_MAX } from './nppi-link.ts';

/** From the end of one transmission of a PDU to the next, ms; the server hands it to the device meanwhile. */
const AGAIN_MS = 5000;
/** A PDU that the server has not taken by then ends the link, ms: it has 30 s to hand it to the device. */
const GIVE_UP_MS = 60_000;
/**
 * Once the protocol runs it has the timers, up to 120 s while a user is waited for. This is for a link whose end was not
 * heard, when the protocol has forgotten it, ms.
 */
const QUIET_MS = 150_000;

/** What a {@link PbRemoteLink} is made of. */
export interface PbRemoteLinkOptions {
  readonly clock: Clock;
  /** Sends a PDU Send; `done` when the transport has ended, whichever way. */
  transmit(number: number, pdu: Uint8Array, done: () => void): void;
  /** This end has closed the link: the server is to be told. */
  closed(reason: LinkCloseReason): void;
}

interface Outgoing {
  readonly pdu: Uint8Array;
  readonly done: (error?: MeshError) => void;
}

/**
 * A provisioning link over the link of a Remote Provisioning Server, which is open [Mesh Protocol 1.1, 5.2.3]: PDUs are
 * counted in both directions, one at a time is on its way out.
 */
export class PbRemoteLink implements ProvisioningLink {
  readonly maxPdu: number = REMOTE_PDU_MAX;
  readonly #options: PbRemoteLinkOptions;
  readonly #again: Deadline;
  readonly #giveUp: Deadline;
  readonly #quiet: Deadline;
  readonly #queue: Outgoing[] = [];
  #listener: ProvisioningLinkListener | undefined;
  /** Number of the PDU that is being sent, else of the last one; that of the last one received. */
  #outbound = 0;
  #inbound = 0;
  #sending = false;
  #open = true;

  constructor(options: PbRemoteLinkOptions) {
    this.#options = options;
    this.#again = new Deadline(options.clock, () => this.#transmit());
    this.#giveUp = new Deadline(options.clock, () => this.#break('timeout'));
    this.#quiet = new Deadline(options.clock, () => this.#break('timeout'));
    this.#quiet.set(QUIET_MS);
  }

  listen(listener: ProvisioningLinkListener): void {
    this.#listener = listener;
  }

  send(pdu: Uint8Array, done: (error?: MeshError) => void = () => {}): void {
    const error = this.#open ? lengthError(pdu) : linkClosed();
    if (error !== undefined) {
      this.#options.clock.after(0, () => done(error));
      return;
    }
    this.#queue.push({ pdu: pdu.slice(), done });
    if (!this.#sending) this.#begin();
  }

  close(reason: LinkCloseReason): void {
    if (!this.#open) return;
    this.#end();
    this.#options.closed(reason);
  }

  /** The server says how many PDUs the device has. */
  outboundReport(number: number): void {
    const ahead = distance(this.#outbound, number);
    if (ahead === 0) this.#finish();
    // Below: the answer to an earlier transmission. Above: the server counts PDUs that were never sent.
    else if (ahead > 0) this.#break('fail');
  }

  /** A PDU of the device. */
  pduReport(number: number, pdu: Uint8Array): void {
    const ahead = distance(this.#inbound, number);
    if (!this.#open || ahead <= 0) return; // a copy
    if (ahead > 1) {
      this.#break('fail'); // one was lost for good
      return;
    }
    this.#inbound = number;
    this.#quiet.set(QUIET_MS);
    // The device would not have answered without what was sent before; BlueZ reports the answer alone sometimes.
    this.#finish();
    if (this.#open) this.#listener?.received(pdu);
  }

  /** The server has ended the link, or is not there any more. */
  ended(reason: LinkCloseReason): void {
    if (!this.#open) return;
    this.#end();
    this.#listener?.closed(reason);
  }

  #begin(): void {
    this.#sending = true;
    this.#outbound = (this.#outbound + 1) & 0xff;
    this.#giveUp.set(GIVE_UP_MS);
    this.#transmit();
  }

  #transmit(): void {
    const number = this.#outbound;
    this.#options.transmit(number, this.#queue[0]!.pdu, () => {
      if (this.#sending && number === this.#outbound) this.#again.set(AGAIN_MS);
    });
  }

  #finish(): void {
    if (!this.#sending) return;
    this.#stop();
    this.#quiet.set(QUIET_MS);
    const { done } = this.#queue.shift()!;
    if (this.#queue.length > 0) this.#begin();
    done();
  }

  #break(reason: LinkCloseReason): void {
    if (!this.#open) return;
    this.close(reason);
    this.#listener?.closed(reason);
  }

  #end(): void {
    this.#open = false;
    this.#quiet.clear();
    this.#stop();
    for (const { done } of this.#queue.splice(0)) done(linkClosed());
  }

  #stop(): void {
    this.#sending = false;
    this.#again.clear();
    this.#giveUp.clear();
  }
}

/** How far `number` is ahead of `count`, both octets that go round: −128 to 127. */
function distance(count: number, number: number): number {
  return ((number - count + 0x80) & 0xff) - 0x80;
}

function linkClosed(): MeshError {
  return new MeshError('link-closed', 'the link through the Remote Provisioning Server is closed', {
    hint: 'Open it again; the device has to be in reach of the server and unprovisioned.',
  });
}

function lengthError({ length }: Uint8Array): MeshError | undefined {
  if (length >= 1 && length <= REMOTE_PDU_MAX) return undefined;
  return new MeshError(
    'bad-pdu-length',
    `a Provisioning PDU of ${length} octets, the link takes 1 to ${REMOTE_PDU_MAX}`,
    {
      hint: 'Ask for records in smaller fragments.',
    },
  );
}
