import type { Unicast } from '@meshferry/core';
import { change } from './change.ts';
import { hex4, hexNumber, keyHex, uuidText } from './forms.ts';
import type { AppKeyEntry, NetKeyEntry, NetworkDocument, NodeEntry, Timestamp } from './model.ts';
import { type NodeComposition, withComposition } from './nodes.ts';
import { newProvisioner, type RangeSizes } from './provisioners.ts';
import { SCHEMA, SCHEMA_ID, VERSION } from './write.ts';

/** A network to be made. All octets are random ones of the caller. */
export interface NewNetwork {
  readonly meshName: string;
  /** UUID of the network, as text or 16 octets. */
  readonly meshUUID: string | Uint8Array;
  readonly timestamp: Timestamp;
  /** The primary NetKey, 16 octets. */
  readonly netKey: Uint8Array;
  readonly provisioner: OwnProvisioner;
}

/** This process, as a provisioner of a network. */
export interface OwnProvisioner {
  readonly name: string;
  /** UUID of the provisioner and of its node. */
  readonly uuid: string | Uint8Array;
  /** 16 octets that never were a device key before. */
  readonly deviceKey: Uint8Array;
  /** What the own node is made of. */
  readonly composition: NodeComposition;
  readonly sizes?: RangeSizes;
}

/** A network of one provisioner, whose node has the first address of its range, and of one subnet. */
export function createNetworkDocument(network: NewNetwork): NetworkDocument {
  const { meshName, meshUUID, timestamp, netKey, provisioner } = network;
  const own = newProvisioner([], provisioner);
  const primary: NetKeyEntry = {
    name: 'Primary',
    index: 0,
    key: keyHex(netKey),
    phase: 0,
    minSecurity: 'secure',
    timestamp,
  };
  const address = hexNumber(own.allocatedUnicastRange[0]?.lowAddress ?? '0001');
  return {
    $schema: SCHEMA,
    id: SCHEMA_ID,
    version: VERSION,
    meshUUID: uuidText(meshUUID),
    meshName,
    partial: false,
    timestamp,
    provisioners: [own],
    netKeys: [primary],
    appKeys: [],
    nodes: [ownNode(provisioner, address, [primary], [])],
    groups: [],
    scenes: [],
    networkExclusions: [],
  };
}

/** The document with the moment of its last change: once before it is written, after any number of changes. */
export function touch(document: NetworkDocument, timestamp: Timestamp): NetworkDocument {
  return change(document, { timestamp });
}

/** The entry of this process's node: it has these keys, the new ones of a key refresh included. */
export function ownNode(
  { name, uuid, deviceKey, composition }: OwnProvisioner,
  address: Unicast,
  netKeys: readonly NetKeyEntry[],
  appKeys: readonly AppKeyEntry[],
): NodeEntry {
  const bare: NodeEntry = {
    UUID: uuidText(uuid),
    name,
    unicastAddress: hex4(address),
    deviceKey: keyHex(deviceKey),
    security: 'secure',
    netKeys: netKeys.map(({ index, phase }) => ({ index, updated: phase !== 0 })),
    appKeys: appKeys.map(({ index, oldKey }) => ({ index, updated: oldKey !== undefined })),
    configComplete: true,
    excluded: false,
    elements: [],
  };
  return withComposition(bare, composition);
}
