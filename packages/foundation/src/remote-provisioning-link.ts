import type { Context, Model } from '@meshferry/access';
import { Deadline, type Log, MeshError, type NetIndex, toMeshError } from '@meshferry/core';
import type { LinkCloseReason, ProvisioningBearer, ProvisioningLink } from '@meshferry/provisioning';
import { REMOTE_PDU_MAX } from './nppi-link.ts';
import type { NodeRefresh, NppiServer, NppiSession } from './nppi-server.ts';
import {
  RemoteProvisioningLinkClose,
  RemoteProvisioningLinkGet,
  RemoteProvisioningLinkOpen,
  RemoteProvisioningLinkReport,
  RemoteProvisioningLinkStatus,
  RemoteProvisioningPduOutboundReport,
  RemoteProvisioningPduReport,
  RemoteProvisioningPduSend,
} from './remote-provisioning-messages.ts';
import { clientOf, isSameClient } from './remote-provisioning-reports.ts';
import { isSameTarget, newSession, next, type Open, reportEnd, type Session } from './remote-provisioning-session.ts';
import { CLOSE_REASONS, NPPI_PROCEDURES, RpState } from './remote-provisioning-states.ts';
import { RemoteProvisioningStatus as Status } from './status-codes.ts';

/** What the link of a server needs. */
export interface RemoteLinkGround {
  readonly model: Model;
  readonly log: Log;
  /** Reaches unprovisioned devices; undefined while nothing does. */
  bearer(): ProvisioningBearer | undefined;
  readonly nppi: NppiServer;
  /** Makes a refresh of the node durable; throws when that fails. */
  refresh(refresh: NodeRefresh): void;
}

/** A link that takes longer to open has failed, s. */
const OPEN_TIMEOUT_S = 10;

/** The Remote Provisioning Link procedure of a server [Mesh Protocol 1.1, 4.4.5.6]: one link at a time. */
export class RemoteLink {
  readonly #ground: RemoteLinkGround;
  #state: RpState = RpState.idle;
  #session: Session | undefined;
  #opening: Deadline | undefined;

  /** Declares what the model receives. */
  constructor(ground: RemoteLinkGround) {
    const { model } = ground;
    this.#ground = ground;
    model.handle(RemoteProvisioningLinkGet, (_, context) => this.#tell(context, Status.success));
    model.handle(RemoteProvisioningLinkOpen, (open, context) => this.#open(open, context));
    model.handle(RemoteProvisioningLinkClose, ({ reason }, context) =>
      this.#close(CLOSE_REASONS[reason] ?? 'fail', context),
    );
    model.handle(RemoteProvisioningPduSend, ({ outboundPduNumber, provisioningPdu }, context) =>
      this.#send(outboundPduNumber, provisioningPdu, context),
    );
  }

  get isIdle(): boolean {
    return this.#state === RpState.idle;
  }

  /** The subnet is gone, and with it whoever opened the link. */
  netKeyRemoved(netIndex: NetIndex): void {
    if (this.#session?.client.netIndex === netIndex) this.close();
  }

  /** Ends without a word to the client. */
  close(): void {
    const session = this.#session;
    this.#leave();
    session?.reports.close();
    session?.cancelOpening?.();
    session?.link?.close('fail');
  }

  #open(open: Open, context: Context): void {
    switch (this.#state) {
      case RpState.idle:
        if (open.uuid === undefined) this.#openNppi(open, context);
        else this.#openDevice(open, open.uuid, context);
        return;
      case RpState.opening:
      case RpState.active: {
        const isSame = isSameClient(this.#session!.client, context) && isSameTarget(this.#session!.target, open);
        this.#tell(context, isSame ? Status.success : Status.linkCannotOpen);
        return;
      }
      default:
        this.#tell(context, Status.invalidState);
    }
  }

  #openDevice(open: Open, uuid: Uint8Array, context: Context): void {
    const { model } = this.#ground;
    const bearer = this.#ground.bearer();
    if (bearer === undefined) {
      this.#tell(context, Status.linkCannotOpen);
      return;
    }
    const session = this.#begin(open, context, undefined);
    this.#state = RpState.opening;
    this.#opening ??= new Deadline(model.clock, () => {
      this.#session?.cancelOpening?.();
      this.#end(Status.linkOpenFailed);
    });
    this.#opening.set(1000 * (open.timeout ?? OPEN_TIMEOUT_S));
    this.#tell(context, Status.success);
    session.cancelOpening = bearer.open(uuid, (outcome) => {
      session.cancelOpening = undefined;
      if (outcome instanceof MeshError) this.#end(Status.linkOpenFailed);
      else this.#opened(session, outcome);
    });
  }

  #openNppi(open: Open, context: Context): void {
    const procedure = NPPI_PROCEDURES[open.nppiProcedure ?? 0]!;
    const nppi = this.#ground.nppi.open(procedure);
    if (nppi === undefined) {
      this.#tell(context, Status.linkCannotOpen);
      return;
    }
    const session = this.#begin(open, context, nppi);
    this.#listen(session, nppi.link);
    this.#tell(context, Status.success, () => this.#reportActive(session));
  }

  #begin(open: Open, context: Context, nppi: NppiSession | undefined): Session {
    this.#session = newSession(this.#ground.model, open, clientOf(context), nppi);
    return this.#session;
  }

  #opened(session: Session, link: ProvisioningLink): void {
    this.#opening?.clear();
    this.#listen(session, link);
    this.#reportActive(session);
  }

  #listen(session: Session, link: ProvisioningLink): void {
    session.link = link;
    this.#state = RpState.active;
    link.listen({
      received: (pdu) => this.#received(session, pdu),
      closed: (reason) => this.#closed(session, reason),
    });
  }

  #reportActive(session: Session): void {
    if (session !== this.#session) return;
    const report = { status: Status.success, rpState: RpState.active, reason: undefined };
    session.reports.send(RemoteProvisioningLinkReport, report);
  }

  #send(number: number, pdu: Uint8Array, context: Context): void {
    const session = this.#session;
    if (session === undefined || !isSameClient(session.client, context)) return;
    if (this.#state !== RpState.active && this.#state !== RpState.opening) return;
    if (number !== next(session.outbound)) {
      this.#reportOutbound(session);
      return;
    }
    if (this.#state !== RpState.active) return;
    if (session.nppi === undefined) this.#state = RpState.outbound;
    else this.#sent(session); // before what the node answers to it
    session.link?.send(pdu, (error) => {
      if (session !== this.#session || session.nppi !== undefined) return;
      if (error === undefined) this.#sent(session);
      // A link that has ended says so by itself, and why.
      else if (error.code !== 'link-closed') this.#fail(session, Status.linkClosedAsCannotSendPdu);
    });
  }

  #sent(session: Session): void {
    session.outbound = next(session.outbound);
    if (this.#state === RpState.outbound) this.#state = RpState.active;
    this.#reportOutbound(session);
  }

  #reportOutbound({ reports, outbound }: Session): void {
    if (!reports.isFull) reports.send(RemoteProvisioningPduOutboundReport, { outboundPduNumber: outbound });
  }

  #received(session: Session, provisioningPdu: Uint8Array): void {
    if (session !== this.#session || this.#state === RpState.closing) return;
    if (provisioningPdu.length > REMOTE_PDU_MAX || session.reports.isFull) {
      this.#fail(session, Status.linkClosedAsCannotReceivePdu);
      return;
    }
    session.inbound = next(session.inbound);
    const report = { inboundPduNumber: session.inbound, provisioningPdu };
    session.reports.send(RemoteProvisioningPduReport, report, (error) => {
      if (error === undefined || session !== this.#session || this.#state === RpState.closing) return;
      this.#fail(
        session,
        session.nppi === undefined ? Status.linkClosedAsCannotDeliverPduReport : Status.linkClosedByServer,
      );
    });
  }

  /** The link has ended at its other end. */
  #closed(session: Session, reason: LinkCloseReason): void {
    if (session !== this.#session) return;
    if (session.nppi !== undefined) this.#end(Status.linkClosedByServer, reason);
    // PDUs are given up after 30 s: a link that ends like that while one is sent has not delivered it.
    else if (this.#state === RpState.outbound && reason === 'timeout')
      this.#end(Status.linkClosedAsCannotSendPdu, 'fail');
    else this.#end(Status.linkClosedByDevice, reason);
  }

  /** The server has to end the link. */
  #fail(session: Session, status: number): void {
    session.link?.close('fail');
    this.#end(status, 'fail');
  }

  /** Back to idle; the client is told, with nothing of what else it was to be told. */
  #end(status: number, reason?: LinkCloseReason): void {
    const session = this.#session;
    this.#leave();
    if (session === undefined) return;
    session.reports.close();
    reportEnd(this.#ground.model, session, status, reason);
  }

  #leave(): void {
    this.#opening?.clear();
    this.#session = undefined;
    this.#state = RpState.idle;
  }

  #close(reason: LinkCloseReason, context: Context): void {
    const session = this.#session;
    if (session === undefined || this.#state === RpState.closing) this.#tell(context, Status.success);
    else if (!isSameClient(session.client, context)) this.#tell(context, Status.invalidState);
    else if (session.nppi === undefined) this.#closeDevice(session, reason, context);
    else this.#closeNppi(session, session.nppi, reason, context);
  }

  #closeDevice(session: Session, reason: LinkCloseReason, context: Context): void {
    this.#opening?.clear();
    this.#state = RpState.closing;
    session.reports.close();
    this.#tell(context, Status.success, () => {
      if (session !== this.#session) return;
      this.#leave();
      reportEnd(this.#ground.model, session, Status.linkClosedByClient, reason);
    });
    session.cancelOpening?.();
    session.link?.close(reason);
  }

  /** The node changes, if its provisioning was complete and the client wants it. */
  #closeNppi(session: Session, nppi: NppiSession, reason: LinkCloseReason, context: Context): void {
    const { outcome } = nppi;
    this.#leave();
    session.reports.close();
    nppi.link.close(reason);
    // The old address and device key still send the Status; a candidate does not change what the node sends with.
    if (outcome === undefined || reason !== 'success') this.#tell(context, Status.success);
    else if (outcome.procedure === 'address') this.#tell(context, Status.success, () => this.#refresh(outcome));
    else this.#tell(context, this.#refresh(outcome) ? Status.success : Status.limitedResources);
  }

  #refresh(refresh: NodeRefresh): boolean {
    try {
      this.#ground.refresh(refresh);
      return true;
    } catch (thrown) {
      const { code } = toMeshError(thrown);
      this.#ground.log('error', 'the refresh of the node could not be written: it stays as it was', { code });
      return false;
    }
  }

  #tell(context: Context, status: number, done: () => void = () => {}): void {
    const answer = { status, rpState: this.#state };
    this.#ground.model.reply(context, RemoteProvisioningLinkStatus, answer, {}, done);
  }
}
