import type { Model } from '@meshferry/access';
import { clientModel } from './client-model.ts';
import type { ClientRequests, RequestOptions, RequestTarget } from './client-request.ts';
import { FoundationModelId } from './model-ids.ts';
import {
  ON_DEMAND_PRIVATE_PROXY_MESSAGES,
  OnDemandPrivateProxyGet,
  OnDemandPrivateProxySet,
  OnDemandPrivateProxyStatus,
} from './on-demand-private-proxy-messages.ts';

/** On-Demand Private Proxy Client [Mesh Protocol 1.1, 4.4.14]. Rejections as of `ConfigurationClient`. */
export class OnDemandPrivateProxyClient {
  readonly model: Model;
  readonly #requests: ClientRequests;

  constructor() {
    const id = FoundationModelId.onDemandPrivateProxyClient;
    const { model, requests } = clientModel(id, 'On-Demand Private Proxy Client', ON_DEMAND_PRIVATE_PROXY_MESSAGES);
    this.model = model;
    this.#requests = requests;
  }

  /** For how many seconds the node is a private proxy after a solicitation; 0: it does not listen to them. */
  async get(to: RequestTarget, options?: RequestOptions): Promise<number> {
    const exchange = { type: OnDemandPrivateProxyGet, value: {}, response: OnDemandPrivateProxyStatus };
    return (await this.#requests.ask(exchange, to, options)).onDemandPrivateProxy;
  }

  /** 0 to 255 s; a node without the Proxy feature stays at 0. */
  async set(to: RequestTarget, seconds: number, options?: RequestOptions): Promise<number> {
    const value = { onDemandPrivateProxy: seconds };
    const exchange = { type: OnDemandPrivateProxySet, value, response: OnDemandPrivateProxyStatus };
    return (await this.#requests.ask(exchange, to, options)).onDemandPrivateProxy;
  }
}
