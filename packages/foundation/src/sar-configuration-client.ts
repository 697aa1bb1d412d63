import type { Model } from '@meshferry/access';
import type { SarReceiver, SarTransmitter } from '@meshferry/network';
import { clientModel } from './client-model.ts';
import type { ClientRequests, RequestOptions, RequestTarget } from './client-request.ts';
import { FoundationModelId } from './model-ids.ts';
import {
  SAR_CONFIGURATION_MESSAGES,
  SarReceiverGet,
  SarReceiverSet,
  SarReceiverStatus,
  SarTransmitterGet,
  SarTransmitterSet,
  SarTransmitterStatus,
} from './sar-configuration-messages.ts';

/**
 * SAR Configuration Client [Mesh Protocol 1.1, 4.4.16]: how nodes send and receive segmented messages, the main lever for
 * the speed of a firmware transfer. Rejections as of `ConfigurationClient`; `bad-field` for values out of range.
 */
export class SarConfigurationClient {
  readonly model: Model;
  readonly #requests: ClientRequests;

  constructor() {
    const id = FoundationModelId.sarConfigurationClient;
    const { model, requests } = clientModel(id, 'SAR Configuration Client', SAR_CONFIGURATION_MESSAGES);
    this.model = model;
    this.#requests = requests;
  }

  transmitterGet(to: RequestTarget, options?: RequestOptions): Promise<SarTransmitter> {
    return this.#requests.ask({ type: SarTransmitterGet, value: {}, response: SarTransmitterStatus }, to, options);
  }

  transmitterSet(to: RequestTarget, value: SarTransmitter, options?: RequestOptions): Promise<SarTransmitter> {
    return this.#requests.ask({ type: SarTransmitterSet, value, response: SarTransmitterStatus }, to, options);
  }

  receiverGet(to: RequestTarget, options?: RequestOptions): Promise<SarReceiver> {
    return this.#requests.ask({ type: SarReceiverGet, value: {}, response: SarReceiverStatus }, to, options);
  }

  receiverSet(to: RequestTarget, value: SarReceiver, options?: RequestOptions): Promise<SarReceiver> {
    return this.#requests.ask({ type: SarReceiverSet, value, response: SarReceiverStatus }, to, options);
  }
}
