import type { Model } from '@meshferry/access';
import { clientModel } from './client-model.ts';
import { HeartbeatProcedures } from './config-client-heartbeats.ts';
import { KeyProcedures } from './config-client-keys.ts';
import { ModelProcedures } from './config-client-models.ts';
import { NodeProcedures } from './config-client-node.ts';
import { CONFIGURATION_MESSAGES } from './families.ts';
import { FoundationModelId } from './model-ids.ts';

/**
 * Configuration Client [Mesh Protocol 1.1, 4.4.2]: configures nodes whose device keys the access layer knows. Its
 * procedures have the names of the messages; each gives the answer of the node as a plain value, and rejects with
 * `ConfigurationStatusError` (`config-status`) when the node refuses, or with `no-response`, `cancelled`, `no-key` (no device
 * key of the node), `bad-field`. They may be repeated safely. Requests to one node follow each other.
 *
 * ```ts
 * const to = { address: 0x0100 };
 * await client.keys.appKeyAdd(to, 0, 0, appKey);
 * await client.models.appBind(to, 0x0100, 0x1000, 0);
 * await client.models.subscriptionAdd(to, 0x0100, 0x1000, 0xc000);
 * ```
 */
export class ConfigurationClient {
  readonly model: Model;
  /** Features, beacons, transmissions, composition, identity, reset. */
  readonly node: NodeProcedures;
  /** NetKeys, AppKeys and Key Refresh. */
  readonly keys: KeyProcedures;
  /** Publications, subscriptions and bindings of models. */
  readonly models: ModelProcedures;
  /** Heartbeat publication and subscription. */
  readonly heartbeats: HeartbeatProcedures;

  constructor() {
    const { configurationClient } = FoundationModelId;
    const { model, requests } = clientModel(configurationClient, 'Configuration Client', CONFIGURATION_MESSAGES);
    this.model = model;
    this.node = new NodeProcedures(requests);
    this.keys = new KeyProcedures(requests);
    this.models = new ModelProcedures(requests);
    this.heartbeats = new HeartbeatProcedures(requests);
  }
}
