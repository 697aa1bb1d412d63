import type { Context } from '@meshferry/access';
import type { NetIndex } from '@meshferry/core';
import {
  ConfigAppKeyAdd,
  ConfigAppKeyDelete,
  ConfigAppKeyGet,
  ConfigAppKeyList,
  ConfigAppKeyStatus,
  ConfigAppKeyUpdate,
  ConfigKeyRefreshPhaseGet,
  ConfigKeyRefreshPhaseSet,
  ConfigKeyRefreshPhaseStatus,
  ConfigNetKeyAdd,
  ConfigNetKeyDelete,
  ConfigNetKeyGet,
  ConfigNetKeyList,
  ConfigNetKeyStatus,
  ConfigNetKeyUpdate,
} from './config-key-messages.ts';
import { ConfigNodeIdentityGet, ConfigNodeIdentitySet, ConfigNodeIdentityStatus } from './config-node-messages.ts';
import { type ConfigurationGround, statusOf } from './config-server-ground.ts';
import { isProxySupported } from './config-server-node.ts';
import type { FoundationHost } from './host.ts';
import { ConfigurationStatus } from './status-codes.ts';

const { success, cannotRemove, insufficientResources, invalidBinding, invalidNetKeyIndex } = ConfigurationStatus;

const NOT_SUPPORTED = 2;

/** NetKeys, their Key Refresh, and the identity that the node shows in their subnets [Mesh Protocol 1.1, 4.4.1.2.9]. */
export function serveNetKeys(ground: ConfigurationGround): void {
  const { model, host, limits } = ground;
  const tell = (context: Context, status: number, netKeyIndex: NetIndex) =>
    model.reply(context, ConfigNetKeyStatus, { status, netKeyIndex });

  model.handle(ConfigNetKeyAdd, ({ netKeyIndex, netKey }, context) => {
    const { keys } = host().network;
    const full = keys.phase(netKeyIndex) === undefined && keys.netIndexes.length >= limits.netKeys;
    tell(context, full ? insufficientResources : statusOf(() => keys.addNetKey(netKeyIndex, netKey)), netKeyIndex);
  });
  model.handle(ConfigNetKeyUpdate, ({ netKeyIndex, netKey }, context) => {
    const { keys } = host().network;
    tell(
      context,
      statusOf(() => keys.updateNetKey(netKeyIndex, netKey)),
      netKeyIndex,
    );
  });
  model.handle(ConfigNetKeyDelete, ({ netKeyIndex }, context) => {
    tell(context, deleteNetKey(host(), netKeyIndex, context.netIndex), netKeyIndex);
  });
  model.handle(ConfigNetKeyGet, (_, context) => {
    model.reply(context, ConfigNetKeyList, { netKeyIndexes: host().network.keys.netIndexes });
  });

  serveKeyRefresh(ground);
  serveNodeIdentity(ground);
}

/** AppKeys [4.4.1.2.10]. */
export function serveAppKeys({ model, host, limits }: ConfigurationGround): void {
  model.handle(ConfigAppKeyAdd, ({ netKeyIndex, appKeyIndex, appKey }, context) => {
    const { keys } = host().network;
    const isNew = keys.phase(netKeyIndex) !== undefined && keys.netIndexOf(appKeyIndex) === undefined;
    const add = () =>
      statusOf(() => keys.addAppKey(appKeyIndex, netKeyIndex, appKey), { 'invalid-binding': invalidNetKeyIndex });
    const status = isNew && keys.appIndexes().length >= limits.appKeys ? insufficientResources : add();
    model.reply(context, ConfigAppKeyStatus, { status, netKeyIndex, appKeyIndex });
  });
  model.handle(ConfigAppKeyUpdate, ({ netKeyIndex, appKeyIndex, appKey }, context) => {
    const status = statusOf(() => host().network.keys.updateAppKey(appKeyIndex, netKeyIndex, appKey));
    model.reply(context, ConfigAppKeyStatus, { status, netKeyIndex, appKeyIndex });
  });
  model.handle(ConfigAppKeyDelete, ({ netKeyIndex, appKeyIndex }, context) => {
    const status = deleteAppKey(host(), netKeyIndex, appKeyIndex);
    model.reply(context, ConfigAppKeyStatus, { status, netKeyIndex, appKeyIndex });
  });
  model.handle(ConfigAppKeyGet, ({ netKeyIndex }, context) => {
    const { keys } = host().network;
    const status = keys.phase(netKeyIndex) === undefined ? invalidNetKeyIndex : success;
    model.reply(context, ConfigAppKeyList, { status, netKeyIndex, appKeyIndexes: keys.appIndexes(netKeyIndex) });
  });
}

function serveKeyRefresh({ model, host }: ConfigurationGround): void {
  const tell = (context: Context, netKeyIndex: NetIndex, status: number = success): void => {
    const phase = host().network.keys.phase(netKeyIndex);
    const told = phase === undefined ? invalidNetKeyIndex : status;
    model.reply(context, ConfigKeyRefreshPhaseStatus, { status: told, netKeyIndex, phase: phase ?? 0 });
  };
  model.handle(ConfigKeyRefreshPhaseGet, ({ netKeyIndex }, context) => tell(context, netKeyIndex));
  model.handle(ConfigKeyRefreshPhaseSet, ({ netKeyIndex, transition }, context) => {
    const { keys } = host().network;
    let isAllowed = true;
    const status = statusOf(() => {
      const phase = keys.refresh(netKeyIndex, transition === 2 ? 'transition-2' : 'transition-3');
      isAllowed = phase !== undefined;
    });
    // A transition that the phase does not allow is prohibited: such a message is ignored [4.3.2.62].
    if (isAllowed || keys.phase(netKeyIndex) === undefined) tell(context, netKeyIndex, status);
  });
}

function serveNodeIdentity({ model, host }: ConfigurationGround): void {
  const tell = (context: Context, netKeyIndex: NetIndex, ifUnknown: number): void => {
    const { keys, proxy } = host().network;
    const isKnown = keys.phase(netKeyIndex) !== undefined;
    const running = proxy.states.nodeIdentity(netKeyIndex) ? 1 : 0;
    const identity = isProxySupported(host()) ? running : NOT_SUPPORTED;
    const answer = isKnown ? { status: success, identity } : { status: invalidNetKeyIndex, identity: ifUnknown };
    model.reply(context, ConfigNodeIdentityStatus, { ...answer, netKeyIndex });
  };
  model.handle(ConfigNodeIdentityGet, ({ netKeyIndex }, context) => tell(context, netKeyIndex, 0));
  model.handle(ConfigNodeIdentitySet, ({ netKeyIndex, identity }, context) => {
    const { keys, proxy } = host().network;
    const isPossible = keys.phase(netKeyIndex) !== undefined && isProxySupported(host());
    if (isPossible) proxy.states.setNodeIdentity(netKeyIndex, identity === 1);
    tell(context, netKeyIndex, identity);
  });
}

/** What hangs on a key goes first: were the power cut in between, no model would be bound to a key that is not there. */
function deleteNetKey(host: FoundationHost, netIndex: NetIndex, usedBy: NetIndex): number {
  const { access, network } = host;
  const { keys, heartbeats } = network;
  if (keys.phase(netIndex) === undefined) return success;
  if (netIndex === usedBy || keys.netIndexes.length === 1) return cannotRemove;
  return statusOf(() => {
    for (const appIndex of keys.appIndexes(netIndex)) access.removeAppKey(appIndex);
    heartbeats.netKeyRemoved(netIndex);
    keys.removeNetKey(netIndex);
  });
}

function deleteAppKey({ access, network: { keys } }: FoundationHost, netIndex: NetIndex, appIndex: number): number {
  if (keys.phase(netIndex) === undefined) return invalidNetKeyIndex;
  const boundTo = keys.netIndexOf(appIndex);
  if (boundTo === undefined) return success;
  if (boundTo !== netIndex) return invalidBinding;
  return statusOf(() => {
    access.removeAppKey(appIndex);
    keys.removeAppKey(appIndex);
  });
}
