import { Model } from '@meshferry/access';
import type { UnicastAddressRange } from '@meshferry/network';
import { ClientRequests, type RequestOptions, type RequestTarget } from './client-request.ts';
import { FoundationModelId } from './model-ids.ts';
import {
  SolicitationPduRplItemClear,
  SolicitationPduRplItemClearUnacknowledged,
  SolicitationPduRplItemStatus,
} from './solicitation-pdu-rpl-messages.ts';

interface Range {
  readonly rangeStart: number;
  readonly rangeLength: number | undefined;
}

/**
 * Solicitation PDU RPL Configuration Client [Mesh Protocol 1.1, 4.4.20]: makes proxies forget the solicitations of clients
 * whose addresses others get. It works under AppKeys, and a group may be addressed. Rejections as of `ConfigurationClient`.
 */
export class SolicitationPduRplClient {
  readonly model: Model;
  readonly #requests: ClientRequests;

  constructor() {
    const id = FoundationModelId.solicitationPduRplConfigurationClient;
    this.model = new Model({ id, name: 'Solicitation PDU RPL Configuration Client' });
    this.model.handle(SolicitationPduRplItemStatus);
    this.#requests = new ClientRequests(this.model);
  }

  /** A range of 1 to 255 unicast addresses. */
  async itemClear(to: RequestTarget, range: UnicastAddressRange, options?: RequestOptions): Promise<void> {
    const value = fieldsOf(range);
    const matches = (status: Range) =>
      status.rangeStart === value.rangeStart && status.rangeLength === value.rangeLength;
    const response = SolicitationPduRplItemStatus;
    await this.#requests.ask({ type: SolicitationPduRplItemClear, value, response, matches }, to, options);
  }

  /** The same without an answer, for groups above all. */
  itemClearUnacknowledged(to: RequestTarget, range: UnicastAddressRange, options?: RequestOptions): Promise<void> {
    return this.#requests.tell(SolicitationPduRplItemClearUnacknowledged, fieldsOf(range), to, options);
  }
}

function fieldsOf({ start, length }: UnicastAddressRange): Range {
  return { rangeStart: start, rangeLength: length === 1 ? undefined : length };
}
