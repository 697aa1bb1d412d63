import { formatAddress, MeshError, type NetIndex, toMeshError, type Unicast } from '@meshferry/core';
import {
  type ProvisionedNode,
  type ProvisionerOptions,
  type ProvisionerState,
  type ProvisioningCapabilities,
  type ProvisioningData,
  type ProvisioningGround,
  type ProvisioningLink,
  provisionDevice,
} from '@meshferry/provisioning';
import type { RequestOptions } from './client-request.ts';
import type { ConfigurationClient } from './config-client.ts';
import { RemoteLinkOpening, type RemoteLinkUser } from './pb-remote-opening.ts';
import type { RemoteProvisioningClient } from './remote-provisioning-client.ts';
import { NPPI_PROCEDURES, type NppiProcedure } from './remote-provisioning-states.ts';

/** What the refresh of a node is done with. */
export interface RefreshGround {
  readonly ground: ProvisioningGround;
  readonly client: RemoteProvisioningClient;
  /** Finds out under which key the node answers. */
  readonly configuration: ConfigurationClient;
}

/** The node as it is before. */
export interface RefreshTarget {
  /** Of its primary element. */
  readonly address: Unicast;
  /** The subnet to reach it over. Default 0. */
  readonly netIndex?: NetIndex;
  /** 16 octets. */
  readonly deviceKey: Uint8Array;
}

/** A refresh that may have happened: enough to find out later whether it has. */
export interface PendingRefresh {
  readonly procedure: NppiProcedure;
  readonly before: RefreshTarget;
  /** What the node has if it happened. */
  readonly after: RefreshTarget;
  /** Number of elements then. */
  readonly elements: number;
}

/** A node that was refreshed. */
export interface RefreshedNode extends PendingRefresh {
  /** Composition Data Page 0 as the node has it now, without the page number; 378 octets at most. */
  readonly composition: Uint8Array;
}

/** Where a refresh keeps what must survive a crash. */
export interface RefreshKeeping {
  /** From now on messages to the node at this address are secured with this key; needs not last. */
  use(node: RefreshTarget): void;
  /**
   * How it ended, durable when it returns: the node is the new one (then use and keep that alone), or it is as it was
   * (undefined).
   */
  settle(pending: PendingRefresh, refreshed: RefreshedNode | undefined): void;
}

/** How a node is refreshed. */
export interface RefreshOptions
  extends RefreshKeeping,
    Pick<ProvisionerOptions, 'policy' | 'oob' | 'authentication' | 'inspect'> {
  /** NetKey, IV Index and flags of the network as they are, of a subnet that the node is on. */
  network(): Omit<ProvisioningData, 'unicastAddress'>;
  /**
   * Keeps both keys, durable when it returns; called before the node can have the new one. When it throws, the node stays as
   * it was. From here on, and after a crash as well, {@link finishRefresh} finds out which of them the node has.
   */
  keep(pending: PendingRefresh): void;
  readonly progress?: (state: 'linking' | ProvisionerState | 'asking') => void;
  /** How the node is asked afterwards. Default: as by the Configuration Client. */
  readonly asking?: RequestOptions;
}

/** The same for other addresses. */
export interface AddressRefreshOptions extends RefreshOptions {
  /** The new primary address: chosen and durably reserved for so many elements; an error ends here. */
  addressFor(elements: number): Unicast | MeshError;
}

/**
 * Device Key Refresh [Mesh Protocol 1.1, 3.11.8.4]: the node gets a new device key. Rejects with what opening the link
 * (`link-open-failed`) or provisioning fails with, and with the errors of {@link finishRefresh}.
 */
export function refreshDeviceKey(
  ground: RefreshGround,
  node: RefreshTarget,
  options: RefreshOptions,
): Promise<RefreshedNode> {
  return refresh(ground, 'device-key', node, options, () => node.address);
}

/**
 * Node Address Refresh [3.11.8.5]: the node gets other addresses, a new device key, and its new composition if there is
 * one; its configuration is gone. The old addresses stay excluded until the IV Index has advanced by 2. Rejects as
 * {@link refreshDeviceKey}.
 */
export function refreshAddress(
  ground: RefreshGround,
  node: RefreshTarget,
  options: AddressRefreshOptions,
): Promise<RefreshedNode> {
  return refresh(ground, 'address', node, options, ({ elements }) => options.addressFor(elements));
}

/**
 * Node Composition Refresh [3.11.8.6]: the composition on pages 128 and up, that of new software, becomes that of the
 * node, with a new device key. Rejects as {@link refreshDeviceKey}; `link-open-failed` with Link Cannot Open when there is
 * nothing new.
 */
export function refreshComposition(
  ground: RefreshGround,
  node: RefreshTarget,
  options: RefreshOptions,
): Promise<RefreshedNode> {
  return refresh(ground, 'composition', node, options, () => node.address);
}

/**
 * Finds out whether a refresh has happened, by asking the node under the new key first: the first message under it makes
 * it the key. Rejects with `refresh-lost` (the node is as it was: repeat the refresh) or `refresh-uncertain` (it answers
 * under neither key now: try again later, keep both).
 */
export async function finishRefresh(
  { configuration }: Pick<RefreshGround, 'configuration'>,
  pending: PendingRefresh,
  keeping: RefreshKeeping,
  asking?: RequestOptions,
): Promise<RefreshedNode> {
  const composition = await ask(configuration, pending.after, keeping, asking);
  if (composition !== undefined) {
    const refreshed = { ...pending, composition };
    keeping.settle(pending, refreshed);
    return refreshed;
  }
  const answersAsBefore = (await ask(configuration, pending.before, keeping, asking)) !== undefined;
  if (!answersAsBefore) throw uncertain(pending);
  keeping.settle(pending, undefined);
  throw lost(pending);
}

/** Page 0 under the key of `node`, or undefined when it does not answer; other errors are thrown. */
async function ask(
  configuration: ConfigurationClient,
  node: RefreshTarget,
  keeping: RefreshKeeping,
  asking: RequestOptions | undefined,
): Promise<Uint8Array | undefined> {
  keeping.use(node);
  try {
    return (await configuration.node.compositionDataGet(node, 0, asking)).data;
  } catch (thrown) {
    const error = toMeshError(thrown);
    if (error.code === 'no-response') return undefined;
    throw error;
  }
}

async function refresh(
  ground: RefreshGround,
  procedure: NppiProcedure,
  node: RefreshTarget,
  options: RefreshOptions,
  addressFor: (capabilities: ProvisioningCapabilities) => Unicast | MeshError,
): Promise<RefreshedNode> {
  options.progress?.('linking');
  let pending: PendingRefresh | undefined;
  const aboutToFinish = ({ deviceKey, data, capabilities }: ProvisionedNode): void => {
    const after = { ...node, address: data.unicastAddress, deviceKey: deviceKey.slice() };
    const kept = { procedure, before: node, after, elements: capabilities.elements };
    options.keep(kept);
    pending = kept;
  };
  const outcome = await overNppi(ground.client, node, NPPI_PROCEDURES.indexOf(procedure), (link, done) => {
    provisionDevice(ground.ground, link, { ...provisionerOptions(options, addressFor), aboutToFinish, done });
  });
  if (outcome instanceof MeshError) {
    // The node changes only when the link is closed with Success, which follows Complete alone.
    if (pending !== undefined) options.settle(pending, undefined);
    throw certain(outcome);
  }
  if (pending === undefined) throw new MeshError('internal', 'a refresh that was not kept');
  options.progress?.('asking');
  return finishRefresh(ground, pending, options, options.asking);
}

/** What ended a refresh: unlike a new device, the node is known to be as it was. */
function certain(error: MeshError): MeshError {
  return error.code === 'provisioning-uncertain' && error.cause instanceof MeshError ? error.cause : error;
}

/** Runs something over a link of a node to itself; its outcome, once the link is over at the other end as well. */
function overNppi(
  client: RemoteProvisioningClient,
  node: RefreshTarget,
  procedure: number,
  run: (link: ProvisioningLink, done: (outcome: ProvisionedNode | MeshError) => void) => void,
): Promise<ProvisionedNode | MeshError> {
  return new Promise((resolve) => {
    let outcome: ProvisionedNode | MeshError | undefined;
    let isOver = false;
    const settle = (): void => {
      if (isOver && outcome !== undefined) resolve(outcome);
    };
    const start = (link: ProvisioningLink): void => {
      try {
        run(link, (ended) => {
          outcome = ended;
          settle();
        });
      } catch (thrown) {
        outcome = toMeshError(thrown); // of options that nothing can be provisioned with
        link.close('fail');
      }
    };
    const user: RemoteLinkUser = {
      done: (opened) => (opened instanceof MeshError ? resolve(opened) : start(opened)),
      over: () => {
        isOver = true;
        settle();
      },
    };
    new RemoteLinkOpening(client.links, node, procedure, {}, user);
  });
}

function provisionerOptions(
  { policy, oob, authentication, inspect, progress, network }: RefreshOptions,
  addressFor: (capabilities: ProvisioningCapabilities) => Unicast | MeshError,
): Omit<ProvisionerOptions, 'aboutToFinish' | 'done'> {
  return {
    ...(policy && { policy }),
    ...(oob && { oob }),
    ...(authentication && { authentication }),
    ...(inspect && { inspect }),
    ...(progress && { progress }),
    dataFor: (capabilities) => {
      const unicastAddress = addressFor(capabilities);
      return unicastAddress instanceof MeshError ? unicastAddress : { ...network(), unicastAddress };
    },
  };
}

function lost({ before }: PendingRefresh): MeshError {
  const node = formatAddress(before.address);
  return new MeshError('refresh-lost', `the node ${node} did not take its refresh: it answers as before`, {
    hint: 'Nothing has changed; refresh it again.',
  });
}

function uncertain({ before, after }: PendingRefresh): MeshError {
  const node = formatAddress(before.address);
  const moved = before.address === after.address ? '' : ` or at ${formatAddress(after.address)}`;
  return new MeshError(
    'refresh-uncertain',
    `the node ${node} answers neither as before its refresh nor as after${moved}`,
    {
      hint: 'See that it has power and is in reach, and ask again: both its keys are kept.',
    },
  );
}
