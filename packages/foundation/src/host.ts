import type { AccessLayer } from '@meshferry/access';
import type { NetworkLayer } from '@meshferry/network';

/**
 * The node whose states the servers of the foundation models show and change. The models are made before the layers, and
 * read them only when a message has come.
 */
export interface FoundationHost {
  readonly access: AccessLayer;
  readonly network: NetworkLayer;
  /**
   * Config Node Reset was answered: the node leaves all its networks and forgets them, and is unprovisioned again
   * [Mesh Protocol 1.1, 4.4.1.2.12].
   */
  reset(): void;
}
