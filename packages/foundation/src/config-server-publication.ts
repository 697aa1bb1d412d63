import type { Context, Model, ModelId, PublicationSettings } from '@meshferry/access';
import { UNASSIGNED, type Unicast } from '@meshferry/core';
import {
  ConfigModelPublicationGet,
  ConfigModelPublicationSet,
  ConfigModelPublicationStatus,
  ConfigModelPublicationVirtualAddressSet,
} from './config-model-messages.ts';
import { type ConfigurationGround, findModel, statusOf } from './config-server-ground.ts';
import { ConfigurationStatus } from './status-codes.ts';

/** How a model publishes, as messages have it. */
interface PublicationFields {
  readonly appKeyIndex: number;
  readonly credentialFlag: number;
  readonly publishTtl: number;
  readonly publishPeriod: number;
  readonly publishRetransmit: number;
}

const NO_PUBLICATION = {
  publishAddress: UNASSIGNED,
  appKeyIndex: 0,
  credentialFlag: 0,
  publishTtl: 0,
  publishPeriod: 0,
  publishRetransmit: 0,
} as const;

/** Model Publication [Mesh Protocol 1.1, 4.4.1.2.6]; a virtual address is told without its label. */
export function servePublication({ model: server, host }: ConfigurationGround): void {
  const tell = (context: Context, elementAddress: Unicast, modelId: ModelId, found: Model | number): void => {
    const publishes = typeof found !== 'number' && found.publishing !== undefined;
    const status = publishes ? ConfigurationStatus.success : ConfigurationStatus.invalidPublishParameters;
    const fields = publishes ? fieldsOf(found) : NO_PUBLICATION;
    const told = typeof found === 'number' ? found : status;
    server.reply(context, ConfigModelPublicationStatus, { status: told, elementAddress, ...fields, modelId });
  };
  const set = (
    context: Context,
    elementAddress: Unicast,
    modelId: ModelId,
    settings: PublicationSettings | undefined,
  ): void => {
    const found = findModel(host(), elementAddress, modelId);
    if (typeof found === 'number') {
      tell(context, elementAddress, modelId, found);
      return;
    }
    const status = statusOf(() => found.setPublication(settings));
    tell(context, elementAddress, modelId, status === ConfigurationStatus.success ? found : status);
  };

  server.handle(ConfigModelPublicationGet, ({ elementAddress, modelId }, context) => {
    tell(context, elementAddress, modelId, findModel(host(), elementAddress, modelId));
  });
  server.handle(ConfigModelPublicationSet, ({ elementAddress, publishAddress, modelId, ...fields }, context) => {
    const settings = publishAddress === UNASSIGNED ? undefined : settingsOf(publishAddress, fields);
    set(context, elementAddress, modelId, settings);
  });
  server.handle(
    ConfigModelPublicationVirtualAddressSet,
    ({ elementAddress, labelUuid, modelId, ...fields }, context) => {
      set(context, elementAddress, modelId, settingsOf(labelUuid, fields));
    },
  );
}

function settingsOf(to: number | Uint8Array, fields: PublicationFields): PublicationSettings {
  return {
    to,
    appIndex: fields.appKeyIndex,
    credentialFlag: fields.credentialFlag === 1,
    ttl: fields.publishTtl,
    period: fields.publishPeriod,
    retransmit: fields.publishRetransmit,
  };
}

function fieldsOf({ publication }: Model): PublicationFields & { readonly publishAddress: number } {
  if (publication === undefined) return NO_PUBLICATION;
  return {
    publishAddress: publication.address,
    appKeyIndex: publication.appIndex,
    credentialFlag: publication.credentialFlag ? 1 : 0,
    publishTtl: publication.ttl,
    publishPeriod: publication.period,
    publishRetransmit: publication.retransmit,
  };
}
