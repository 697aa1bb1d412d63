import { AD_MESH_MESSAGE } from '@meshferry/bearer';
import type { MeshError } from '@meshferry/core';
import type { BridgingEntry } from '../bridge-table.ts';
import type { NetworkLayerOptions } from '../options.ts';
import { APP_KEY, appMessage, type TestNode, track } from './node.ts';
import { ProxyMesh } from './proxy-mesh.ts';

/** NetKeys 0, 1 and 2. */
export const NET: readonly Uint8Array[] = [0xa0, 0xa1, 0xa2].map((octet) => new Uint8Array(16).fill(octet));
export const BOTH_WAYS: BridgingEntry = { directions: 2, netKeyIndex1: 1, netKeyIndex2: 2, address1: 1, address2: 2 };

/** A member of subnet 1 or 2 alone, whose AppKey is bound to that subnet. */
export function member(index: 1 | 2): Partial<NetworkLayerOptions> {
  return {
    netKeys: [{ index, key: NET[index]! }],
    appKeys: [{ index: 0, netIndex: index, key: APP_KEY }],
  };
}

export const ALL_SUBNETS: Partial<NetworkLayerOptions> = {
  netKeys: NET.map((key, index) => ({ index, key })),
  appKeys: [],
};

/** Node 1 in subnet 1, node 2 in subnet 2, and node 3 that bridges between them. */
export class Subnets {
  readonly mesh: ProxyMesh;
  readonly a: TestNode;
  readonly b: TestNode;
  readonly bridge: TestNode;
  /** What was on air. */
  readonly air: Uint8Array[] = [];

  constructor(
    entries: readonly BridgingEntry[],
    { loss = 0, ...options }: Partial<NetworkLayerOptions> & { loss?: number } = {},
  ) {
    this.mesh = new ProxyMesh('bridge', { loss });
    this.a = this.mesh.add(member(1));
    this.b = this.mesh.add(member(2));
    this.bridge = this.mesh.add({ ...ALL_SUBNETS, ...options });
    for (const entry of entries) this.bridge.layer.bridge.add(entry);
    this.bridge.layer.bridge.enabled = true;
    this.mesh.air.join().advertising.receive([AD_MESH_MESSAGE], ({ data }) => this.air.push(data));
  }

  /** Sends a message and gives its outcome after some time. */
  readonly send = (
    from: TestNode,
    dst: number,
    length = 8,
    { ttl = 5, tag = 0 }: { ttl?: number; tag?: number } = {},
  ): 'sent' | MeshError | undefined => {
    const message = { ...appMessage(from.layer.address, dst, length, tag), ttl };
    const tracked = track((done) => from.layer.send(message, done));
    this.mesh.clock.advance(length > 11 ? 60_000 : 2000);
    return tracked.outcome;
  };

  /** Sends octets as a stranger. */
  replay(octets: Iterable<Uint8Array>): void {
    const { advertising } = this.mesh.air.join();
    for (const data of octets) {
      advertising.send({ type: AD_MESH_MESSAGE, data }, { count: 1, intervalMs: 20 }, () => {});
      this.mesh.clock.advance(500);
    }
  }
}
