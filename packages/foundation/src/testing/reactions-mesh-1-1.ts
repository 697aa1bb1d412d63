import { BridgeConfigurationServer } from '../bridge-configuration-server.ts';
import { DirectedForwardingConfigurationServer } from '../directed-forwarding-configuration-server.ts';
import { OpcodesAggregatorServer } from '../opcodes-aggregator-server.ts';
import { PrivateBeaconServer } from '../private-beacon-server.ts';
import { SolicitationPduRplServer } from '../solicitation-pdu-rpl-server.ts';
import type { ReactionFamily } from './reactions.ts';

/** The configuration models that Mesh Protocol 1.1 added. Those without a line have no reactions in the vectors. */
export const MESH_1_1_REACTIONS: readonly ReactionFamily[] = [
  {
    name: 'private-beacon',
    parts: (_, host) => ({ models: [new PrivateBeaconServer({ host }).model] }),
  },
  {
    name: 'opcodes-aggregator',
    parts: (_, host) => ({ models: [new OpcodesAggregatorServer({ host }).model] }),
  },
  {
    name: 'solicitation-pdu-rpl',
    security: 'app',
    parts: (_, host) => ({ models: [new SolicitationPduRplServer({ host }).model] }),
  },
  {
    name: 'bridge',
    parts: (_, host, __, configuration) => ({
      models: [new BridgeConfigurationServer({ host, configuration }).model],
    }),
  },
  {
    name: 'directed-forwarding',
    parts: (_, host, store) => ({ models: [new DirectedForwardingConfigurationServer({ host, store }).model] }),
  },
];
