import type { Context, MessageType, Model, ModelId } from '@meshferry/access';
import { type Address, UNASSIGNED, type Unicast } from '@meshferry/core';
import {
  ConfigModelSubscriptionAdd,
  ConfigModelSubscriptionDelete,
  ConfigModelSubscriptionDeleteAll,
  ConfigModelSubscriptionOverwrite,
  ConfigModelSubscriptionStatus,
  ConfigModelSubscriptionVirtualAddressAdd,
  ConfigModelSubscriptionVirtualAddressDelete,
  ConfigModelSubscriptionVirtualAddressOverwrite,
  ConfigSigModelSubscriptionGet,
  ConfigSigModelSubscriptionList,
  ConfigVendorModelSubscriptionGet,
  ConfigVendorModelSubscriptionList,
} from './config-model-messages.ts';
import { type ConfigurationGround, findModel, statusOf, takesAppKeys } from './config-server-ground.ts';
import { ConfigurationStatus } from './status-codes.ts';

/** What a message does to the Subscription List of a model. */
type Change = (model: Model, to: Address | Uint8Array) => void;

interface ModelFields {
  readonly elementAddress: Unicast;
  readonly modelId: ModelId;
}

const add: Change = (model, to) => model.subscribe(to);
const remove: Change = (model, to) => model.unsubscribe(to);
const overwrite: Change = (model, to) => model.overwriteSubscriptions([to]);
const clear: Change = (model) => model.overwriteSubscriptions([]);

/** Subscription Lists [Mesh Protocol 1.1, 4.4.1.2.7]; a virtual address is told without its label. */
export function serveSubscriptions(ground: ConfigurationGround): void {
  const { model: server, host } = ground;
  const change = (
    context: Context,
    { elementAddress, modelId }: ModelFields,
    to: Address | Uint8Array,
    how: Change,
  ) => {
    const found = findModel(host(), elementAddress, modelId);
    const status = typeof found === 'number' ? found : changed(found, to, how);
    const address = typeof to === 'number' ? to : host().access.virtualAddress(to);
    server.reply(context, ConfigModelSubscriptionStatus, { status, elementAddress, address, modelId });
  };
  const byAddress = (type: MessageType<ModelFields & { address: Address }>, how: Change) =>
    server.handle(type, (fields, context) => change(context, fields, fields.address, how));
  const byLabel = (type: MessageType<ModelFields & { labelUuid: Uint8Array }>, how: Change) =>
    server.handle(type, (fields, context) => change(context, fields, fields.labelUuid, how));

  byAddress(ConfigModelSubscriptionAdd, add);
  byAddress(ConfigModelSubscriptionDelete, remove);
  byAddress(ConfigModelSubscriptionOverwrite, overwrite);
  byLabel(ConfigModelSubscriptionVirtualAddressAdd, add);
  byLabel(ConfigModelSubscriptionVirtualAddressDelete, remove);
  byLabel(ConfigModelSubscriptionVirtualAddressOverwrite, overwrite);
  server.handle(ConfigModelSubscriptionDeleteAll, (fields, context) => change(context, fields, UNASSIGNED, clear));
  serveLists(ground);
}

function serveLists({ model: server, host }: ConfigurationGround): void {
  const lists = [
    [ConfigSigModelSubscriptionGet, ConfigSigModelSubscriptionList],
    [ConfigVendorModelSubscriptionGet, ConfigVendorModelSubscriptionList],
  ] as const;
  for (const [get, list] of lists) {
    server.handle(get, ({ elementAddress, modelId }, context) => {
      const found = findModel(host(), elementAddress, modelId);
      const status = typeof found === 'number' ? found : refusal(found);
      const entries = typeof found === 'number' || status !== ConfigurationStatus.success ? [] : found.subscriptions;
      const addresses = entries.map(({ address }) => address);
      server.reply(context, list, { status, elementAddress, modelId, addresses });
    });
  }
}

function changed(model: Model, to: Address | Uint8Array, how: Change): number {
  const refused = refusal(model);
  return refused === ConfigurationStatus.success ? statusOf(() => how(model, to)) : refused;
}

function refusal(model: Model): number {
  return takesAppKeys(model) ? ConfigurationStatus.success : ConfigurationStatus.notASubscribeModel;
}
