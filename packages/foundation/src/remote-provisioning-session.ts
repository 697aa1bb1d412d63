import type { MessageOf, Model } from '@meshferry/access';
import { type Cancel, equal } from '@meshferry/core';
import type { LinkCloseReason, ProvisioningLink } from '@meshferry/provisioning';
import type { NppiSession } from './nppi-server.ts';
import { type RemoteProvisioningLinkOpen, RemoteProvisioningLinkReport } from './remote-provisioning-messages.ts';
import { type Client, Reports } from './remote-provisioning-reports.ts';
import { CLOSE_REASONS, RpState } from './remote-provisioning-states.ts';

export type Open = MessageOf<typeof RemoteProvisioningLinkOpen>;

/** What the server keeps of the link of a client to a device or to the node itself. */
export interface Session {
  readonly client: Client;
  /** What it was opened with. */
  readonly target: Pick<Open, 'uuid' | 'nppiProcedure'>;
  readonly reports: Reports;
  readonly nppi: NppiSession | undefined;
  link: ProvisioningLink | undefined;
  cancelOpening: Cancel | undefined;
  /** OutboundPDUCount and InboundPDUCount. */
  outbound: number;
  inbound: number;
}

/** A link that nothing was sent over yet. */
export function newSession(
  model: Model,
  { uuid, nppiProcedure }: Open,
  client: Client,
  nppi: NppiSession | undefined,
): Session {
  const target = { uuid, nppiProcedure };
  const reports = new Reports(model, client);
  return { client, target, reports, nppi, link: undefined, cancelOpening: undefined, outbound: 0, inbound: 0 };
}

/** Tells the client that the link is no more. */
export function reportEnd(model: Model, { client }: Session, status: number, reason?: LinkCloseReason): void {
  const code = reason === undefined ? undefined : CLOSE_REASONS.indexOf(reason);
  new Reports(model, client).send(RemoteProvisioningLinkReport, { status, rpState: RpState.idle, reason: code });
}

/** PDU numbers are octets. */
export function next(count: number): number {
  return (count + 1) & 0xff;
}

/** Whether a Link Open asks for the link that there is. */
export function isSameTarget(a: Session['target'], b: Session['target']): boolean {
  if (a.uuid === undefined || b.uuid === undefined) return a.uuid === b.uuid && a.nppiProcedure === b.nppiProcedure;
  return equal(a.uuid, b.uuid);
}
