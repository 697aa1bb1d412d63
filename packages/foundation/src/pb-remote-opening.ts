import type { MessageOf } from '@meshferry/access';
import { Deadline, formatAddress, MeshError, toMeshError } from '@meshferry/core';
import type { LinkCloseReason, ProvisioningLink } from '@meshferry/provisioning';
import type { RequestOptions, RequestTarget } from './client-request.ts';
import { PbRemoteLink } from './pb-remote-link.ts';
import type { LinkReports, RemoteLinks } from './pb-remote-links.ts';
import {
  RemoteProvisioningLinkClose,
  RemoteProvisioningLinkOpen,
  type RemoteProvisioningLinkReport,
  RemoteProvisioningLinkStatus,
  RemoteProvisioningPduSend,
} from './remote-provisioning-messages.ts';
import { CLOSE_REASONS, RpState } from './remote-provisioning-states.ts';
import { RemoteProvisioningStatusError } from './remote-provisioning-words.ts';
import { RemoteProvisioningStatus as Status } from './status-codes.ts';

/** How a link through a server is opened. */
export interface RemoteLinkOptions extends Pick<RequestOptions, 'ttl'> {
  /** How long the server tries to reach the device, 1 to 60 s. Default 10 s. */
  readonly timeoutSeconds?: number;
}

/** Who opens a link through a server. */
export interface RemoteLinkUser {
  /** As with `ProvisioningBearer.open`. */
  done(outcome: ProvisioningLink | MeshError): void;
  /** The link, once open, is over; at the other end as well, as far as can be known. */
  over?(): void;
}

const OPEN_TIMEOUT_S = 10;
/** Time for a report that is due to get through, ms. */
const REPORT_MS = 10_000;
/** The report that the link is closed, ms: the same. */
const CLOSED_REPORT_MS = 5000;

type State =
  /** Another link through the server has to end first. */
  | 'queued'
  | 'asking'
  /** The server tries to reach the device. */
  | 'opening'
  /** A link that this client had left open is being closed. */
  | 'taking-over'
  | 'linked'
  | 'closing'
  | 'ended';

/** The link of one server from the asking for it to the end [Mesh Protocol 1.1, 4.4.6]. */
export class RemoteLinkOpening implements LinkReports {
  readonly #links: RemoteLinks;
  readonly #to: RequestTarget;
  readonly #open: MessageOf<typeof RemoteProvisioningLinkOpen>;
  readonly #options: RemoteLinkOptions;
  readonly #user: RemoteLinkUser;
  readonly #abort = new AbortController();
  #deadline: Deadline | undefined;
  #state: State = 'queued';
  #link: PbRemoteLink | undefined;
  #tookOver = false;

  /** `device`: its UUID, or the number of an NPPI procedure of the server itself. */
  constructor(
    links: RemoteLinks,
    to: RequestTarget,
    device: Uint8Array | number,
    options: RemoteLinkOptions,
    user: RemoteLinkUser,
  ) {
    const { timeoutSeconds: timeout } = options;
    this.#links = links;
    this.#to = to;
    this.#open =
      typeof device === 'number'
        ? { uuid: undefined, timeout: undefined, nppiProcedure: device }
        : { uuid: device, timeout, nppiProcedure: undefined };
    this.#options = options;
    this.#user = user;
    links.acquire(to.address, this, () => this.#begin());
  }

  /** The server is told, if it may have begun. */
  cancel(): void {
    if (this.#state === 'queued') this.#state = 'ended';
    if (this.#state === 'asking' || this.#state === 'opening' || this.#state === 'taking-over') this.#close('fail');
  }

  linkReport({ status, rpState, reason }: MessageOf<typeof RemoteProvisioningLinkReport>): void {
    const isIdle = rpState === RpState.idle;
    switch (this.#state) {
      case 'asking': // the Status may have been lost; other reports are of a link before
      case 'opening':
        if (!isIdle && status === Status.success) this.#opened();
        else if (isIdle && (this.#state === 'opening' || status === Status.linkOpenFailed))
          this.#fail(this.#refused(status));
        break;
      case 'taking-over':
        if (isIdle) this.#ask();
        break;
      case 'linked':
        if (!isIdle) break;
        this.#end();
        this.#link?.ended(status === Status.linkClosedByDevice ? (CLOSE_REASONS[reason ?? 2] ?? 'fail') : 'fail');
        break;
      case 'closing':
        if (isIdle) this.#end();
    }
  }

  outboundReport(number: number): void {
    this.#link?.outboundReport(number);
  }

  pduReport(number: number, pdu: Uint8Array): void {
    this.#link?.pduReport(number, pdu);
  }

  #begin(): void {
    if (this.#state === 'ended') {
      this.#links.release(this.#to.address, this);
      return;
    }
    this.#deadline = new Deadline(this.#links.model.clock, () => this.#expired());
    this.#ask();
  }

  #ask(): void {
    this.#enter('asking');
    const exchange = {
      type: RemoteProvisioningLinkOpen,
      value: this.#open,
      response: RemoteProvisioningLinkStatus,
    };
    this.#links.requests.ask(exchange, this.#to, { ...this.#ttl, signal: this.#abort.signal }).then(
      (answer) => this.#answered(answer),
      (thrown) => {
        if (this.#state === 'asking') this.#fail(this.#unreached(toMeshError(thrown)));
      },
    );
  }

  #answered({ status, rpState }: MessageOf<typeof RemoteProvisioningLinkStatus>): void {
    if (this.#state !== 'asking') return; // the report was faster
    if (status === Status.success) {
      this.#enter('opening');
      const openMs = rpState === RpState.opening ? 1000 * (this.#options.timeoutSeconds ?? OPEN_TIMEOUT_S) : 0;
      this.#deadline?.set(openMs + REPORT_MS);
    } else if (rpState !== RpState.idle && !this.#tookOver) this.#takeOver();
    else this.#fail(this.#refused(status));
  }

  /** Its report got lost, or it never was sent: the link is one that this client had left open. */
  #expired(): void {
    if (this.#state === 'opening' && !this.#tookOver) this.#takeOver();
    else if (this.#state === 'opening') this.#fail(this.#refused(Status.linkOpenFailed), true);
    else if (this.#state === 'taking-over') this.#ask();
    else if (this.#state === 'closing') this.#end();
  }

  /** A server lets only the client close a link that has opened it. */
  #takeOver(): void {
    this.#tookOver = true;
    this.#enter('taking-over');
    this.#tellClose('fail').then(
      ({ status, rpState }) => {
        if (this.#state !== 'taking-over') return;
        if (status !== Status.success) this.#fail(this.#refused(status));
        else if (rpState === RpState.idle) this.#ask();
        else this.#deadline?.set(CLOSED_REPORT_MS);
      },
      (thrown) => {
        if (this.#state === 'taking-over') this.#fail(this.#unreached(toMeshError(thrown)));
      },
    );
  }

  #opened(): void {
    this.#enter('linked');
    this.#abort.abort(); // asking, if the Status was lost
    const { model } = this.#links;
    const route = {
      dst: this.#to.address,
      deviceKeyOf: this.#to.address,
      segmented: true,
      ...(this.#to.netIndex !== undefined && { netIndex: this.#to.netIndex }),
      ...this.#ttl,
    };
    this.#link = new PbRemoteLink({
      clock: model.clock,
      transmit: (outboundPduNumber, provisioningPdu, done) => {
        model.send(RemoteProvisioningPduSend, { outboundPduNumber, provisioningPdu }, route, () => done());
      },
      closed: (reason) => this.#close(reason),
    });
    this.#user.done(this.#link);
  }

  #close(reason: LinkCloseReason): void {
    this.#enter('closing');
    this.#abort.abort();
    this.#tellClose(reason).then(
      ({ rpState }) => {
        if (this.#state !== 'closing') return;
        if (rpState === RpState.idle) this.#end();
        else this.#deadline?.set(CLOSED_REPORT_MS);
      },
      () => {
        if (this.#state === 'closing') this.#end();
      },
    );
  }

  #tellClose(reason: LinkCloseReason): Promise<MessageOf<typeof RemoteProvisioningLinkStatus>> {
    const value = { reason: reason === 'success' ? 0 : 2 };
    const exchange = { type: RemoteProvisioningLinkClose, value, response: RemoteProvisioningLinkStatus };
    return this.#links.requests.ask(exchange, this.#to, this.#ttl);
  }

  /** `leftOpen`: the server may still try. */
  #fail(error: MeshError, leftOpen = false): void {
    this.#abort.abort();
    if (leftOpen) this.#close('fail');
    else this.#end();
    this.#user.done(error);
  }

  #end(): void {
    if (this.#state === 'ended') return;
    const wasLinked = this.#link !== undefined;
    this.#enter('ended');
    this.#links.release(this.#to.address, this);
    if (wasLinked) this.#user.over?.();
  }

  /** The one place where the state changes. */
  #enter(state: State): void {
    this.#state = state;
    this.#deadline?.clear();
  }

  get #ttl(): Pick<RequestOptions, 'ttl'> {
    const { ttl } = this.#options;
    return ttl === undefined ? {} : { ttl };
  }

  #refused(status: number): MeshError {
    return new RemoteProvisioningStatusError('link-open-failed', this.#to.address, 'link', status);
  }

  #unreached(cause: MeshError): MeshError {
    const server = formatAddress(this.#to.address);
    const message = `the Remote Provisioning Server ${server} opens no link: ${cause.message}`;
    return new MeshError('link-open-failed', message, { cause, ...(cause.hint !== undefined && { hint: cause.hint }) });
  }
}
