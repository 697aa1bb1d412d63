import { Model } from '@meshferry/access';
import { MeshError } from '@meshferry/core';
import { serveBindings } from './config-server-bindings.ts';
import { type ConfigurationLimits, MOST_KEYS } from './config-server-ground.ts';
import { serveHeartbeats } from './config-server-heartbeats.ts';
import { serveAppKeys, serveNetKeys } from './config-server-keys.ts';
import { serveFeatures, serveNodeStates } from './config-server-node.ts';
import { servePublication } from './config-server-publication.ts';
import { serveSubscriptions } from './config-server-subscriptions.ts';
import type { FoundationHost } from './host.ts';
import { FoundationModelId } from './model-ids.ts';

export interface ConfigurationServerOptions {
  /** The node, asked when a message has come. */
  readonly host: () => FoundationHost;
  /** 1 to 240 each, which is the default. */
  readonly limits?: Partial<ConfigurationLimits>;
}

/**
 * Configuration Server [Mesh Protocol 1.1, 4.4.1]: lets whoever has the device key of the node configure it. It keeps no
 * state of its own: all that it changes are states of the network and access layers, durable there before it answers.
 *
 * ```ts
 * const configuration = new ConfigurationServer({ host: () => node });
 * access.addElement(0, [configuration.model, health.model]);
 * ```
 */
export class ConfigurationServer {
  readonly model: Model;

  /** Throws `bad-field` for limits out of range. */
  constructor(options: ConfigurationServerOptions) {
    const { host, limits: { netKeys = MOST_KEYS, appKeys = MOST_KEYS } = {} } = options;
    checkLimit('NetKeys', netKeys);
    checkLimit('AppKeys', appKeys);
    this.model = new Model({
      id: FoundationModelId.configurationServer,
      name: 'Configuration Server',
      security: 'device',
    });
    const ground = { model: this.model, limits: { netKeys, appKeys }, host };
    serveNodeStates(ground);
    serveFeatures(ground);
    serveNetKeys(ground);
    serveAppKeys(ground);
    servePublication(ground);
    serveSubscriptions(ground);
    serveBindings(ground);
    serveHeartbeats(ground);
  }
}

function checkLimit(what: string, limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST_KEYS) return;
  throw new MeshError('bad-field', `a limit of ${limit} ${what}`, {
    hint: `Give 1 to ${MOST_KEYS}: the list of them must fit into one message.`,
  });
}
