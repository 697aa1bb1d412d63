import { MeshError, type Store, type Unicast, type Write } from '@meshferry/core';
import {
  commitRefresh,
  type FoundationHost,
  type NodeRefresh,
  type NppiOffer,
  RemoteProvisioningServer,
  type SelfDescription,
} from '@meshferry/foundation';
import type { NodeGround } from './mesh-node.ts';

/** What a node needs to provision devices near it for others, and to be refreshed itself. */
export interface RemoteOptions {
  /** What it says of itself. */
  readonly self: SelfDescription;
  /** What it offers when it is provisioned anew by itself (NPPI). Default: no OOB data, its device key is enough. */
  readonly nppi?: NppiOffer;
  /** Address Refresh: records of the node's store that are to be written with it, for who keeps its address and device key. */
  moving(address: Unicast, deviceKey: Uint8Array): readonly Write[];
  /**
   * The node is closed, and is to be made anew: after an Address Refresh with the address and device key of {@link moving}, after
   * a Composition Refresh that gave it more or fewer elements with those that it was made with.
   */
  moved(): void;
}

/** The views of the store of a node that hold its states on its network. */
export interface NodeViews {
  readonly access: string;
  readonly network: string;
  readonly others: readonly string[];
}

/** The Remote Provisioning Server of a node, and what becomes of the node when it is refreshed by it. */
export function remoteProvisioningServer(
  { clock, random, crypto, log }: NodeGround,
  node: () => FoundationHost & { close(): void },
  place: { readonly store: Store; readonly prefixes: NodeViews },
  remote: RemoteOptions,
): RemoteProvisioningServer {
  const { self, nppi } = remote;
  return new RemoteProvisioningServer({
    host: node,
    ground: { clock, random, crypto },
    self,
    ...(nppi && { nppi }),
    ...(log && { log }),
    refresh: (refresh: NodeRefresh) => {
      const { access, network } = node();
      const isMove = refresh.procedure === 'address';
      const also = isMove ? remote.moving(refresh.address, refresh.deviceKey) : [];
      commitRefresh({ access, network, ...place }, refresh, also);
      // With other elements the node answers to other addresses.
      const isResized = refresh.procedure === 'composition' && access.elementCount !== network.elements;
      if (!isMove && !isResized) return;
      // Nothing may be sent from the old address, under numbers that are not written down any more.
      node().close();
      remote.moved();
    },
  });
}

/** A node that is to have the server must be told how. */
export function noRemoteOptions(): MeshError {
  return new MeshError('bad-field', 'a Remote Provisioning Server without the options of it', {
    hint: 'Give remote, or leave remote-provisioning out of servers.',
  });
}
