import { type Context, Model } from '@meshferry/access';
import { statusOf } from './config-server-ground.ts';
import { isProxySupported } from './config-server-node.ts';
import type { FoundationHost } from './host.ts';
import { FoundationModelId } from './model-ids.ts';
import {
  OnDemandPrivateProxyGet,
  OnDemandPrivateProxySet,
  OnDemandPrivateProxyStatus,
} from './on-demand-private-proxy-messages.ts';
import type { PrivateBeaconServer } from './private-beacon-server.ts';
import type { SolicitationPduRplServer } from './solicitation-pdu-rpl-server.ts';

export interface OnDemandPrivateProxyServerOptions {
  /** The node, asked when a message has come. */
  readonly host: () => FoundationHost;
  /** On the same element: it extends this one … */
  readonly privateBeacon: PrivateBeaconServer;
  /** … and corresponds with this one, which every node with it must have. */
  readonly solicitationPduRpl: SolicitationPduRplServer;
}

/**
 * On-Demand Private Proxy Server [Mesh Protocol 1.1, 4.4.13]: for how long the node is a private proxy after a client
 * asked for one. A node without the Proxy feature answers 0 and stays at it.
 */
export class OnDemandPrivateProxyServer {
  readonly model: Model;

  constructor({ host, privateBeacon, solicitationPduRpl }: OnDemandPrivateProxyServerOptions) {
    this.model = new Model({
      id: FoundationModelId.onDemandPrivateProxyServer,
      name: 'On-Demand Private Proxy Server',
      security: 'device',
      extends: [privateBeacon.model],
      corresponds: [solicitationPduRpl.model],
    });
    const tell = (context: Context) => {
      const { onDemandPrivateGattProxy } = host().network.proxy.states;
      const onDemandPrivateProxy = isProxySupported(host()) ? onDemandPrivateGattProxy : 0;
      this.model.reply(context, OnDemandPrivateProxyStatus, { onDemandPrivateProxy });
    };
    this.model.handle(OnDemandPrivateProxyGet, (_, context) => tell(context));
    this.model.handle(OnDemandPrivateProxySet, ({ onDemandPrivateProxy }, context) => {
      const { states } = host().network.proxy;
      if (isProxySupported(host())) {
        statusOf(() => {
          states.onDemandPrivateGattProxy = onDemandPrivateProxy;
        });
      }
      tell(context);
    });
  }
}
