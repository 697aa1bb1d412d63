import { Model } from '@meshferry/access';
import { statusOf } from './config-server-ground.ts';
import type { FoundationHost } from './host.ts';
import { FoundationModelId } from './model-ids.ts';
import {
  SolicitationPduRplItemClear,
  SolicitationPduRplItemClearUnacknowledged,
  SolicitationPduRplItemStatus,
} from './solicitation-pdu-rpl-messages.ts';
import { ConfigurationStatus } from './status-codes.ts';

export interface SolicitationPduRplServerOptions {
  /** The node, asked when a message has come. */
  readonly host: () => FoundationHost;
}

interface Range {
  readonly rangeStart: number;
  readonly rangeLength: number | undefined;
}

/**
 * Solicitation PDU RPL Configuration Server [Mesh Protocol 1.1, 4.4.19]: forgets the solicitations of clients, so that
 * whoever has their addresses next is heard. It takes AppKeys, and groups. What could not be forgotten durably is not
 * acknowledged: the client asks again.
 */
export class SolicitationPduRplServer {
  readonly model: Model = new Model({
    id: FoundationModelId.solicitationPduRplConfigurationServer,
    name: 'Solicitation PDU RPL Configuration Server',
  });

  constructor({ host }: SolicitationPduRplServerOptions) {
    const clear = ({ rangeStart, rangeLength = 1 }: Range): boolean => {
      const { proxy } = host().network;
      const status = statusOf(() => proxy.clearSolicitations({ start: rangeStart, length: rangeLength }));
      return status === ConfigurationStatus.success;
    };
    this.model.handle(SolicitationPduRplItemClear, (range, context) => {
      if (clear(range)) this.model.reply(context, SolicitationPduRplItemStatus, range);
    });
    this.model.handle(SolicitationPduRplItemClearUnacknowledged, (range) => void clear(range));
  }
}
