import type { Model, ModelId } from '@meshferry/access';
import { MeshError, type Unicast } from '@meshferry/core';
import type { FoundationHost } from './host.ts';
import { ConfigurationStatus } from './status-codes.ts';

/** How much a node lets itself be configured with. */
export interface ConfigurationLimits {
  /** NetKeys of the node. */
  readonly netKeys: number;
  /** AppKeys of the node, and of one model. */
  readonly appKeys: number;
}

/** Lists of key indexes travel in one message: 240 of them leave room for all that stands before them. */
export const MOST_KEYS = 240;

/** What the parts of the Configuration Server share. */
export interface ConfigurationGround {
  readonly model: Model;
  readonly limits: ConfigurationLimits;
  host(): FoundationHost;
}

/** Status codes of what the layers below refuse with. */
const STATUS_OF: Readonly<Record<string, number>> = {
  'bad-address': ConfigurationStatus.invalidAddress,
  'cannot-update': ConfigurationStatus.cannotUpdate,
  'feature-not-supported': ConfigurationStatus.featureNotSupported,
  'invalid-binding': ConfigurationStatus.invalidBinding,
  'key-exists': ConfigurationStatus.keyIndexAlreadyStored,
  'key-not-bound': ConfigurationStatus.invalidAppKeyIndex,
  'no-period': ConfigurationStatus.invalidPublishParameters,
  'no-publication': ConfigurationStatus.invalidPublishParameters,
  'store-failed': ConfigurationStatus.storageFailure,
  'subscription-list-full': ConfigurationStatus.insufficientResources,
  'unknown-app-key': ConfigurationStatus.invalidAppKeyIndex,
  'unknown-net-key': ConfigurationStatus.invalidNetKeyIndex,
};

/**
 * Makes a change and gives its status; one that failed has changed nothing. `other` names the status of an error code
 * where it is not the usual one. What is no `MeshError` is a defect, and thrown on.
 */
export function statusOf(change: () => void, other: Readonly<Record<string, number>> = {}): number {
  try {
    change();
    return ConfigurationStatus.success;
  } catch (thrown) {
    if (!(thrown instanceof MeshError)) throw thrown;
    return other[thrown.code] ?? STATUS_OF[thrown.code] ?? ConfigurationStatus.unspecifiedError;
  }
}

/** The model of an element of the node, or the status that says what is unknown. */
export function findModel({ access }: FoundationHost, element: Unicast, id: ModelId): Model | number {
  const index = element - access.address;
  if (index < 0 || index >= access.elementCount) return ConfigurationStatus.invalidAddress;
  return access.modelAt(element, id) ?? ConfigurationStatus.invalidModel;
}

/** Models of device keys can neither be bound to an AppKey nor hear groups. */
export function takesAppKeys(model: Model): boolean {
  return model.security === 'app';
}
