import { Feature } from '@meshferry/access';
import { MeshNode, type NodeGround } from '@meshferry/node';
import { SimNode, type WorldGround } from './sim-node.ts';
import type { SimOptions } from './uri.ts';
import { RELAY_RETRANSMIT, worldKeys } from './world-keys.ts';

export interface SimFriendOptions {
  readonly world: WorldGround;
  readonly sim: SimOptions;
  readonly address: number;
  readonly index: number;
  readonly relay: boolean;
  /** It sends Secure Network beacons. */
  readonly beacon: boolean;
}

/** A node that keeps messages for the Low Power targets around it, and does nothing else. */
export class SimFriend extends SimNode {
  constructor(options: SimFriendOptions) {
    const { world, address, index } = options;
    super({ world, address, index, compose: (ground) => composeFriend(options, ground) });
  }
}

function composeFriend({ world, sim, address, relay, beacon }: SimFriendOptions, ground: NodeGround): MeshNode {
  return new MeshNode({
    ...ground,
    address,
    keys: worldKeys(sim.seed, address),
    identity: { cid: sim.company, pid: 0, vid: 0, crpl: 1024, features: Feature.relay | Feature.friend },
    elements: [{ location: 0, models: [] }],
    relay: relay ? RELAY_RETRANSMIT.meshferry : false,
    beacon,
    defaultTtl: world.defaultTtl,
    friend: { lowPowerNodes: Math.max(1, sim.lowpower) },
  });
}
