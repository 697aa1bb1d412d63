import type { Model } from '@meshferry/access';
import { clientModel } from './client-model.ts';
import { DirectedNode } from './directed-forwarding-configuration-client-node.ts';
import { DirectedPaths } from './directed-forwarding-configuration-client-paths.ts';
import { DirectedTable } from './directed-forwarding-configuration-client-table.ts';
import { DIRECTED_FORWARDING_MESSAGES } from './families.ts';
import { FoundationModelId } from './model-ids.ts';

/**
 * Directed Forwarding Configuration Client [Mesh Protocol 1.1, 4.4.8]: switches directed forwarding of a subnet on, says
 * how its paths are made, and sets fixed ones. Rejections as of `ConfigurationClient`.
 *
 * Nodes of this project forward nothing by it yet and say so: their Directed Control is `not-supported`, and is refused
 * with Feature Not Supported when it is to be switched on. Fixed paths that they are given they keep, without an effect.
 */
export class DirectedForwardingConfigurationClient {
  readonly model: Model;
  /** Directed Control and how paths are made, by subnet; the timing of path discovery. */
  readonly paths: DirectedPaths;
  /** Fixed paths and the nodes that depend on them. */
  readonly table: DirectedTable;
  /** How directed messages are sent and published. */
  readonly node: DirectedNode;

  constructor() {
    const id = FoundationModelId.directedForwardingConfigurationClient;
    const name = 'Directed Forwarding Configuration Client';
    const { model, requests } = clientModel(id, name, DIRECTED_FORWARDING_MESSAGES);
    this.model = model;
    this.paths = new DirectedPaths(requests);
    this.table = new DirectedTable(requests);
    this.node = new DirectedNode(requests);
  }
}
