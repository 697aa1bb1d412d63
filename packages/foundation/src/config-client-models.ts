import type { MessageType, ModelId, Publication, PublicationSettings } from '@meshferry/access';
import {
  type Address,
  ALL_NODES,
  type AppIndex,
  addressKind,
  formatAddress,
  MeshError,
  UNASSIGNED,
  type Unicast,
} from '@meshferry/core';
import { type ClientRequests, LONGEST_ANSWER, type RequestOptions, type RequestTarget } from './client-request.ts';
import { succeeded } from './client-status.ts';
import {
  ConfigModelAppBind,
  ConfigModelAppStatus,
  ConfigModelAppUnbind,
  ConfigModelPublicationGet,
  ConfigModelPublicationSet,
  ConfigModelPublicationStatus,
  ConfigModelPublicationVirtualAddressSet,
  ConfigModelSubscriptionAdd,
  ConfigModelSubscriptionDelete,
  ConfigModelSubscriptionDeleteAll,
  ConfigModelSubscriptionOverwrite,
  ConfigModelSubscriptionStatus,
  ConfigModelSubscriptionVirtualAddressAdd,
  ConfigModelSubscriptionVirtualAddressDelete,
  ConfigModelSubscriptionVirtualAddressOverwrite,
  ConfigSigModelAppGet,
  ConfigSigModelAppList,
  ConfigSigModelSubscriptionGet,
  ConfigSigModelSubscriptionList,
  ConfigVendorModelAppGet,
  ConfigVendorModelAppList,
  ConfigVendorModelSubscriptionGet,
  ConfigVendorModelSubscriptionList,
} from './config-model-messages.ts';

/** How a model publishes as its node tells it: a virtual address stands without its label. */
export type ToldPublication = Omit<Publication, 'label'>;

/** The model of an element of a node. */
interface ModelFields {
  readonly elementAddress: Unicast;
  readonly modelId: ModelId;
}

/** How a model publishes, as messages have it. */
interface PublicationFields {
  readonly appKeyIndex: AppIndex;
  readonly credentialFlag: number;
  readonly publishTtl: number;
  readonly publishPeriod: number;
  readonly publishRetransmit: number;
}

interface PublicationStatus extends PublicationFields {
  readonly publishAddress: Address;
}

type AnswerTo<T> = MessageType<T & ModelFields & { readonly status: number }>;

const NO_PUBLICATION: PublicationFields = {
  appKeyIndex: 0,
  credentialFlag: 0,
  publishTtl: 0,
  publishPeriod: 0,
  publishRetransmit: 0,
};

/**
 * Procedures for a model of a node: `element` is the address of its element, `modelId` a SIG model or a vendor's
 * (company × 65536 + model). See `ConfigurationClient`.
 */
export class ModelProcedures {
  readonly #requests: ClientRequests;

  constructor(requests: ClientRequests) {
    this.#requests = requests;
  }

  /** Undefined: the model does not publish now. */
  async publicationGet(
    to: RequestTarget,
    element: Unicast,
    modelId: ModelId,
    options?: RequestOptions,
  ): Promise<ToldPublication | undefined> {
    const value = { elementAddress: element, modelId };
    return told(await this.#ask(ConfigModelPublicationGet, value, ConfigModelPublicationStatus, to, options));
  }

  /** Undefined ends the publication. What is left out of the settings is as `PublicationSettings` says. */
  async publicationSet(
    to: RequestTarget,
    element: Unicast,
    modelId: ModelId,
    settings: PublicationSettings | undefined,
    options?: RequestOptions,
  ): Promise<ToldPublication | undefined> {
    const which = { elementAddress: element, modelId };
    const address = settings?.to ?? UNASSIGNED;
    const fields = settings === undefined ? NO_PUBLICATION : fieldsOf(settings);
    const status = ConfigModelPublicationStatus;
    if (typeof address === 'number') {
      const value = { ...which, publishAddress: address, ...fields };
      const isDone = isPublication(fields, (told) => told === address);
      return told(await this.#ask(ConfigModelPublicationSet, value, status, to, options, undefined, isDone));
    }
    const value = { ...which, labelUuid: address, ...fields };
    const isDone = isPublication(fields, (told) => addressKind(told) === 'virtual');
    return told(
      await this.#ask(ConfigModelPublicationVirtualAddressSet, value, status, to, options, undefined, isDone),
    );
  }

  /** To a group address, or a Label UUID (16 octets). Gives the address; that of a label is a virtual one. */
  subscriptionAdd(
    to: RequestTarget,
    element: Unicast,
    modelId: ModelId,
    group: Address | Uint8Array,
    options?: RequestOptions,
  ): Promise<Address> {
    const types = [ConfigModelSubscriptionAdd, ConfigModelSubscriptionVirtualAddressAdd] as const;
    return this.#subscription(types, { elementAddress: element, modelId }, group, to, options);
  }

  subscriptionDelete(
    to: RequestTarget,
    element: Unicast,
    modelId: ModelId,
    group: Address | Uint8Array,
    options?: RequestOptions,
  ): Promise<Address> {
    const types = [ConfigModelSubscriptionDelete, ConfigModelSubscriptionVirtualAddressDelete] as const;
    return this.#subscription(types, { elementAddress: element, modelId }, group, to, options);
  }

  /** Makes it the only entry of the Subscription List. */
  subscriptionOverwrite(
    to: RequestTarget,
    element: Unicast,
    modelId: ModelId,
    group: Address | Uint8Array,
    options?: RequestOptions,
  ): Promise<Address> {
    const types = [ConfigModelSubscriptionOverwrite, ConfigModelSubscriptionVirtualAddressOverwrite] as const;
    return this.#subscription(types, { elementAddress: element, modelId }, group, to, options);
  }

  async subscriptionDeleteAll(
    to: RequestTarget,
    element: Unicast,
    modelId: ModelId,
    options?: RequestOptions,
  ): Promise<void> {
    const value = { elementAddress: element, modelId };
    const isMeant = ({ address }: { address: Address }) => address === UNASSIGNED;
    await this.#ask(ConfigModelSubscriptionDeleteAll, value, ConfigModelSubscriptionStatus, to, options, isMeant);
  }

  /** The Subscription List: groups, and virtual addresses without their labels. */
  async subscriptionGet(
    to: RequestTarget,
    element: Unicast,
    modelId: ModelId,
    options?: RequestOptions,
  ): Promise<Address[]> {
    const value = { elementAddress: element, modelId };
    const list =
      modelId > 0xffff
        ? await this.#ask(ConfigVendorModelSubscriptionGet, value, ConfigVendorModelSubscriptionList, to, options)
        : await this.#ask(ConfigSigModelSubscriptionGet, value, ConfigSigModelSubscriptionList, to, options);
    return [...list.addresses];
  }

  async appBind(
    to: RequestTarget,
    element: Unicast,
    modelId: ModelId,
    appKeyIndex: AppIndex,
    options?: RequestOptions,
  ): Promise<void> {
    const value = { elementAddress: element, modelId, appKeyIndex };
    await this.#ask(ConfigModelAppBind, value, ConfigModelAppStatus, to, options, isOfKey(appKeyIndex));
  }

  async appUnbind(
    to: RequestTarget,
    element: Unicast,
    modelId: ModelId,
    appKeyIndex: AppIndex,
    options?: RequestOptions,
  ): Promise<void> {
    const value = { elementAddress: element, modelId, appKeyIndex };
    await this.#ask(ConfigModelAppUnbind, value, ConfigModelAppStatus, to, options, isOfKey(appKeyIndex));
  }

  /** The AppKeys bound to the model, ascending. */
  async appGet(to: RequestTarget, element: Unicast, modelId: ModelId, options?: RequestOptions): Promise<AppIndex[]> {
    const value = { elementAddress: element, modelId };
    const list =
      modelId > 0xffff
        ? await this.#ask(ConfigVendorModelAppGet, value, ConfigVendorModelAppList, to, options)
        : await this.#ask(ConfigSigModelAppGet, value, ConfigSigModelAppList, to, options);
    return [...list.appKeyIndexes].sort((a, b) => a - b);
  }

  /** The Status must be of the same group; that of a label, and one that refuses, may stand for any. */
  async #subscription(
    [byAddress, byLabel]: readonly [
      MessageType<{ elementAddress: Unicast; address: Address; modelId: ModelId }>,
      MessageType<{ elementAddress: Unicast; labelUuid: Uint8Array; modelId: ModelId }>,
    ],
    which: { elementAddress: Unicast; modelId: ModelId },
    group: Address | Uint8Array,
    to: RequestTarget,
    options: RequestOptions | undefined,
  ): Promise<Address> {
    const status = ConfigModelSubscriptionStatus;
    if (typeof group !== 'number') {
      return (await this.#ask(byLabel, { ...which, labelUuid: group }, status, to, options)).address;
    }
    checkGroup(group);
    const matches = (answer: { status: number; address: Address }) => answer.status !== 0 || answer.address === group;
    return (await this.#ask(byAddress, { ...which, address: group }, status, to, options, matches)).address;
  }

  async #ask<T extends ModelFields, R>(
    type: MessageType<T>,
    value: T,
    response: AnswerTo<R>,
    to: RequestTarget,
    options: RequestOptions | undefined,
    isMeant: (answer: R & { readonly status: number }) => boolean = () => true,
    isDone: (answer: R) => boolean = () => true,
  ): Promise<R & ModelFields & { readonly status: number }> {
    const matches = (answer: R & ModelFields & { readonly status: number }) =>
      answer.elementAddress === value.elementAddress && answer.modelId === value.modelId && isMeant(answer);
    // Statuses have 14 octets and more with a vendor's model; lists may be as long as a message can be.
    const answerOctets = response.name.endsWith('List') ? LONGEST_ANSWER : 16;
    const exchange = {
      type,
      value,
      response,
      matches,
      isDone: (answer: R & { readonly status: number }) => answer.status !== 0 || isDone(answer),
      answerOctets,
    };
    const answer = await this.#requests.ask(exchange, to, options);
    const model = `model 0x${value.modelId.toString(16).padStart(value.modelId > 0xffff ? 8 : 4, '0')}`;
    return succeeded(answer, `${type.name} for ${model} of ${formatAddress(value.elementAddress)}`, to);
  }
}

function isOfKey(appKeyIndex: AppIndex): (answer: { appKeyIndex: AppIndex }) => boolean {
  return (answer) => answer.appKeyIndex === appKeyIndex;
}

function checkGroup(group: Address): void {
  if (addressKind(group) === 'group' && group !== ALL_NODES) return;
  throw new MeshError('bad-address', `a model cannot subscribe to ${formatAddress(group)}`, {
    hint: 'Give a group address (0xC000 to 0xFFFE), or the Label UUID of a virtual address.',
  });
}

/** Of how it is retransmitted some nodes tell something else than they do. */
function isPublication(asked: PublicationFields, isAddress: (address: Address) => boolean) {
  return (told: PublicationStatus): boolean =>
    isAddress(told.publishAddress) &&
    told.appKeyIndex === asked.appKeyIndex &&
    told.publishTtl === asked.publishTtl &&
    told.publishPeriod === asked.publishPeriod;
}

function fieldsOf(settings: PublicationSettings): PublicationFields {
  return {
    appKeyIndex: settings.appIndex,
    credentialFlag: settings.credentialFlag ? 1 : 0,
    publishTtl: settings.ttl ?? 0xff,
    publishPeriod: settings.period ?? 0,
    publishRetransmit: settings.retransmit ?? 0,
  };
}

function told(status: PublicationStatus): ToldPublication | undefined {
  if (status.publishAddress === UNASSIGNED) return undefined;
  return {
    address: status.publishAddress,
    appIndex: status.appKeyIndex,
    credentialFlag: status.credentialFlag === 1,
    ttl: status.publishTtl,
    period: status.publishPeriod,
    retransmit: status.publishRetransmit,
  };
}
