import { type Context, Model } from '@meshferry/access';
import { statusOf } from './config-server-ground.ts';
import type { FoundationHost } from './host.ts';
import { FoundationModelId } from './model-ids.ts';
import {
  SarReceiverGet,
  SarReceiverSet,
  SarReceiverStatus,
  SarTransmitterGet,
  SarTransmitterSet,
  SarTransmitterStatus,
} from './sar-configuration-messages.ts';

export interface SarConfigurationServerOptions {
  /** The node, asked when a message has come. */
  readonly host: () => FoundationHost;
}

/**
 * SAR Configuration Server [Mesh Protocol 1.1, 4.4.15]: shows and changes how the node sends and receives segmented
 * messages. The states are those of the network layer, durable there before the answer; when the store refuses a change,
 * the Status shows that nothing has changed.
 */
export class SarConfigurationServer {
  readonly model: Model = new Model({
    id: FoundationModelId.sarConfigurationServer,
    name: 'SAR Configuration Server',
    security: 'device',
  });

  constructor({ host }: SarConfigurationServerOptions) {
    const { model } = this;
    const tellTransmitter = (context: Context) =>
      model.reply(context, SarTransmitterStatus, { ...host().network.sarTransmitter });
    model.handle(SarTransmitterGet, (_, context) => tellTransmitter(context));
    model.handle(SarTransmitterSet, (state, context) => {
      statusOf(() => host().network.setSarTransmitter(state));
      tellTransmitter(context);
    });

    const tellReceiver = (context: Context) =>
      model.reply(context, SarReceiverStatus, { ...host().network.sarReceiver });
    model.handle(SarReceiverGet, (_, context) => tellReceiver(context));
    model.handle(SarReceiverSet, (state, context) => {
      statusOf(() => host().network.setSarReceiver(state));
      tellReceiver(context);
    });
  }
}
