import type { Transmit } from '@meshferry/bearer';
import { SeededRandom, type Unicast } from '@meshferry/core';
import type { NodeKeys } from '@meshferry/node';
import type { SimOptions } from './uri.ts';

/** The AppKey that every firmware model of a simulated network is bound to. */
export const SIM_APP_INDEX = 0;
/** The group that every simulated target subscribes to [design/interfaces.md, Simulator URI]. */
export const SIM_GROUP = 0xc000;

/** Segmented answers that a node which asks all targets at once must be able to take at a time. */
export const MANY_ANSWERS = 512;

/** The keys of the node at `address` in the network of this seed: one subnet, one AppKey, a device key of its own. */
export function worldKeys(seed: number, address: Unicast): NodeKeys {
  const network = new SeededRandom(`${seed}/network keys`);
  return {
    netKeys: [{ index: 0, key: network.bytes(16) }],
    appKeys: [{ index: SIM_APP_INDEX, netIndex: 0, key: network.bytes(16) }],
    deviceKey: new SeededRandom(`${seed}/device key ${address}`).bytes(16),
  };
}

/**
 * Relay Retransmit of nodes that relay. Stock nodes send three copies; where many relays hear each other that alone fills
 * the air, so ours send two.
 */
export const RELAY_RETRANSMIT: Readonly<Record<SimOptions['peer'], Transmit>> = {
  meshferry: { count: 2, intervalMs: 20 },
  stock: { count: 3, intervalMs: 20 },
};
