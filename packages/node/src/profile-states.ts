import type { Transmit } from '@meshferry/bearer';
import { type FeatureName, type NodeEntry, requireNode, updateNode } from '@meshferry/cdb';
import { formatAddress, MeshError } from '@meshferry/core';
import type { FeatureState } from '@meshferry/foundation';
import type { NodeProfile } from './profile.ts';
import type { Configuring } from './profile-apply.ts';

/** The states of a node as a whole, each read first. */
export async function applyStates(at: Configuring, profile: NodeProfile): Promise<void> {
  const { network, options } = at;
  const { node } = network.configuration;
  const to = network.to(at.address);
  const { defaultTtl, networkTransmit, relay, beacon, gattProxy, friend } = profile;
  if (defaultTtl !== undefined) {
    if ((await node.defaultTtlGet(to, options)) !== defaultTtl) {
      await node.defaultTtlSet(to, defaultTtl, options);
      at.changed(`Default TTL ${defaultTtl}`);
    }
    record(at, { defaultTTL: defaultTtl });
  }
  if (networkTransmit !== undefined) {
    if (!same(await node.networkTransmitGet(to, options), networkTransmit)) {
      await node.networkTransmitSet(to, networkTransmit, options);
      at.changed(`Network Transmit ${transmitText(networkTransmit)}`);
    }
    record(at, { networkTransmit: entryOf(networkTransmit) });
  }
  if (relay !== undefined) await applyRelay(at, relay);
  if (beacon !== undefined) {
    if ((await node.beaconGet(to, options)) !== beacon) {
      await node.beaconSet(to, beacon, options);
      at.changed(`Secure Network beacons ${onOff(beacon)}`);
    }
    record(at, { secureNetworkBeacon: beacon });
  }
  if (gattProxy !== undefined) {
    await applyFeature(at, 'proxy', gattProxy, await node.gattProxyGet(to, options), () =>
      node.gattProxySet(to, gattProxy, options),
    );
  }
  if (friend !== undefined) {
    await applyFeature(at, 'friend', friend, await node.friendGet(to, options), () =>
      node.friendSet(to, friend, options),
    );
  }
}

async function applyRelay(at: Configuring, wanted: Transmit | false): Promise<void> {
  const { network, options } = at;
  const { node } = network.configuration;
  const to = network.to(at.address);
  const { relay, retransmit } = await node.relayGet(to, options);
  const on = wanted !== false;
  if (relay === 'not-supported') {
    if (on) throw notSupported(at, 'relay');
    return recordFeature(at, 'relay', 2);
  }
  const asked = on ? wanted : retransmit;
  if ((relay === 'on') !== on || !same(retransmit, asked)) {
    await node.relaySet(to, on, asked, options);
    at.changed(on ? `Relay on, ${transmitText(asked)}` : 'Relay off');
  }
  recordFeature(at, 'relay', on ? 1 : 0);
  record(at, { relayRetransmit: entryOf(asked) });
}

async function applyFeature(
  at: Configuring,
  name: FeatureName,
  on: boolean,
  state: FeatureState,
  set: () => Promise<FeatureState>,
): Promise<void> {
  if (state === 'not-supported') {
    if (on) throw notSupported(at, name);
    return recordFeature(at, name, 2);
  }
  if ((state === 'on') !== on) {
    await set();
    at.changed(`${name === 'proxy' ? 'GATT Proxy' : 'Friend'} ${onOff(on)}`);
  }
  recordFeature(at, name, on ? 1 : 0);
}

function record({ network, address }: Configuring, members: Partial<NodeEntry>): void {
  const node = requireNode(network.document, address);
  const differs = Object.entries(members).some(
    ([name, value]) => JSON.stringify(node[name as keyof NodeEntry]) !== JSON.stringify(value),
  );
  if (differs) network.change(updateNode(network.document, address, members));
}

function recordFeature(at: Configuring, name: FeatureName, state: 0 | 1 | 2): void {
  const { features } = requireNode(at.network.document, at.address);
  record(at, { features: { ...features, [name]: state } });
}

function notSupported({ address }: Configuring, name: FeatureName): MeshError {
  return new MeshError('feature-not-supported', `the node at ${formatAddress(address)} cannot be a ${name}`, {
    hint: 'Leave it out of the profile of this node, or say false.',
  });
}

function same(a: Transmit, b: Transmit): boolean {
  return a.count === b.count && a.intervalMs === b.intervalMs;
}

function entryOf({ count, intervalMs }: Transmit): { count: number; interval: number } {
  return { count, interval: intervalMs };
}

function transmitText({ count, intervalMs }: Transmit): string {
  return `${count} × ${intervalMs} ms`;
}

function onOff(on: boolean): string {
  return on ? 'on' : 'off';
}
