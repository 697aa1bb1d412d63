import type { Context, Model, ModelId } from '@meshferry/access';
import type { AppIndex, Unicast } from '@meshferry/core';
import {
  ConfigModelAppBind,
  ConfigModelAppStatus,
  ConfigModelAppUnbind,
  ConfigSigModelAppGet,
  ConfigSigModelAppList,
  ConfigVendorModelAppGet,
  ConfigVendorModelAppList,
} from './config-model-messages.ts';
import { type ConfigurationGround, findModel, statusOf, takesAppKeys } from './config-server-ground.ts';
import { ConfigurationStatus } from './status-codes.ts';

interface BindingFields {
  readonly elementAddress: Unicast;
  readonly appKeyIndex: AppIndex;
  readonly modelId: ModelId;
}

const { success, invalidAppKeyIndex, insufficientResources, cannotBind } = ConfigurationStatus;

/** AppKeys bound to models [Mesh Protocol 1.1, 4.4.1.2.8]. */
export function serveBindings(ground: ConfigurationGround): void {
  const { model: server, host, limits } = ground;
  const change = (context: Context, fields: BindingFields, how: (model: Model) => number): void => {
    const { elementAddress, appKeyIndex, modelId } = fields;
    const found = findModel(host(), elementAddress, modelId);
    const isKnown = host().network.keys.netIndexOf(appKeyIndex) !== undefined;
    const status = typeof found === 'number' ? found : isKnown ? how(found) : invalidAppKeyIndex;
    server.reply(context, ConfigModelAppStatus, { status, elementAddress, appKeyIndex, modelId });
  };

  server.handle(ConfigModelAppBind, (fields, context) => {
    const { appKeyIndex } = fields;
    change(context, fields, (model) => {
      if (!takesAppKeys(model)) return cannotBind;
      const isFull = model.appKeys.length >= limits.appKeys && !model.appKeys.includes(appKeyIndex);
      return isFull ? insufficientResources : statusOf(() => model.bind(appKeyIndex));
    });
  });
  server.handle(ConfigModelAppUnbind, (fields, context) => {
    change(context, fields, (model) => statusOf(() => model.unbind(fields.appKeyIndex)));
  });

  const lists = [
    [ConfigSigModelAppGet, ConfigSigModelAppList],
    [ConfigVendorModelAppGet, ConfigVendorModelAppList],
  ] as const;
  for (const [get, list] of lists) {
    server.handle(get, ({ elementAddress, modelId }, context) => {
      const found = findModel(host(), elementAddress, modelId);
      const known = typeof found === 'number' ? { status: found, appKeyIndexes: [] } : boundTo(found);
      server.reply(context, list, { elementAddress, modelId, ...known });
    });
  }
}

function boundTo({ appKeys }: Model): { status: number; appKeyIndexes: number[] } {
  return { status: success, appKeyIndexes: [...appKeys] };
}
