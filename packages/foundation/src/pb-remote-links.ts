import type { MessageOf, Model } from '@meshferry/access';
import type { Unicast } from '@meshferry/core';
import type { ClientRequests } from './client-request.ts';
import {
  RemoteProvisioningLinkReport,
  RemoteProvisioningLinkStatus,
  RemoteProvisioningPduOutboundReport,
  RemoteProvisioningPduReport,
} from './remote-provisioning-messages.ts';

/** What a server tells about its link. */
export interface LinkReports {
  linkReport(report: MessageOf<typeof RemoteProvisioningLinkReport>): void;
  outboundReport(number: number): void;
  pduReport(number: number, pdu: Uint8Array): void;
}

/** The links of a client: one at a time with each server, with several servers in parallel [Mesh Protocol 1.1, 4.4.6]. */
export class RemoteLinks {
  readonly model: Model;
  readonly requests: ClientRequests;
  readonly #users = new Map<Unicast, LinkReports>();
  readonly #waiting = new Map<Unicast, (() => void)[]>();

  constructor(model: Model, requests: ClientRequests) {
    this.model = model;
    this.requests = requests;
    model.handle(RemoteProvisioningLinkStatus);
    model.handle(RemoteProvisioningLinkReport, (report, { src }) => this.#users.get(src)?.linkReport(report));
    model.handle(RemoteProvisioningPduOutboundReport, ({ outboundPduNumber }, { src }) =>
      this.#users.get(src)?.outboundReport(outboundPduNumber),
    );
    model.handle(RemoteProvisioningPduReport, ({ inboundPduNumber, provisioningPdu }, { src }) =>
      this.#users.get(src)?.pduReport(inboundPduNumber, provisioningPdu),
    );
  }

  /** Waits until the link of the server is free and then gets its reports, until {@link release}. */
  acquire(server: Unicast, user: LinkReports, begin: () => void): void {
    const start = (): void => {
      this.#users.set(server, user);
      begin();
    };
    if (!this.#users.has(server)) {
      start();
      return;
    }
    const waiting = this.#waiting.get(server);
    if (waiting === undefined) this.#waiting.set(server, [start]);
    else waiting.push(start);
  }

  /** Lets the next one have the link; for one who has it. */
  release(server: Unicast, user: LinkReports): void {
    if (this.#users.get(server) !== user) return;
    this.#users.delete(server);
    const waiting = this.#waiting.get(server);
    const next = waiting?.shift();
    if (waiting?.length === 0) this.#waiting.delete(server);
    next?.();
  }
}
