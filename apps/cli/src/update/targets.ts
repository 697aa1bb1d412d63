import { hexNumber, modelIdNumber, type NetworkDocument, nodeRange } from '@meshferry/cdb';
import type { AppIndex, Unicast } from '@meshferry/core';
import { FIRMWARE_DISTRIBUTION_SERVER, FIRMWARE_UPDATE_SERVER } from '@meshferry/dfu';
import type { MeshNetwork } from '@meshferry/node';

/** An element that takes firmware. */
export interface UpdateTarget {
  readonly address: Unicast;
  /** That its Firmware Update Server is bound to. */
  readonly appKeys: readonly AppIndex[];
}

/** The elements with a Firmware Distribution Server. */
export function distributorsIn({ nodes }: NetworkDocument): readonly Unicast[] {
  return nodes.flatMap((node) =>
    node.elements
      .filter(({ models }) => models.some(({ modelId }) => modelIdNumber(modelId) === FIRMWARE_DISTRIBUTION_SERVER))
      .map(({ index }) => nodeRange(node).address + index),
  );
}

/** The elements that take firmware as far as the document knows, and `silent` ones that are known to, if they are nodes of it. */
export function updateTargets({ document }: MeshNetwork, silent: readonly Unicast[]): readonly UpdateTarget[] {
  const known = new Map<Unicast, UpdateTarget>();
  const nodes = new Set(document.nodes.map(({ unicastAddress }) => hexNumber(unicastAddress)));
  for (const address of silent) if (nodes.has(address)) known.set(address, { address, appKeys: [] });
  for (const node of document.nodes) {
    for (const { index, models } of node.elements) {
      const server = models.find(({ modelId }) => modelIdNumber(modelId) === FIRMWARE_UPDATE_SERVER);
      const address = nodeRange(node).address + index;
      if (server !== undefined) known.set(address, { address, appKeys: server.bind });
    }
  }
  return [...known.values()].sort((a, b) => a.address - b.address);
}
