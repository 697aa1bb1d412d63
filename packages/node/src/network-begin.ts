import {
  addAppKey,
  createNetworkDocument,
  type DocumentIssue,
  documentError,
  type NodeComposition,
  randomUuid,
  readNetworkDocument,
  timestampText,
} from '@meshferry/cdb';
import type { Random, Store } from '@meshferry/core';
import { NetworkState } from './network-state.ts';

/** A network to be made. */
export interface NewNetworkOptions {
  readonly name: string;
  /** Of this process as its provisioner. */
  readonly provisioner: string;
  /** Keys come from it: must be cryptographic. */
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly wallTime: () => number;
}

/**
 * Makes a network of one provisioner, this process, with one subnet and one AppKey, and keeps it in the store, a view of its
 * own. Throws `network-exists`.
 */
export function createNetwork(store: Store, options: NewNetworkOptions): NetworkState {
  const { name, provisioner, random, wallTime } = options;
  const uuid = randomUuid(random.bytes(16));
  const document = createNetworkDocument({
    meshName: name,
    meshUUID: randomUuid(random.bytes(16)),
    timestamp: timestampText(wallTime()),
    netKey: random.bytes(16),
    // What it is made of is written down when it is composed.
    provisioner: { name: provisioner, uuid, deviceKey: random.bytes(16), composition: BARE_COMPOSITION },
  });
  const withKey = addAppKey(document, { name: 'Application', index: 0, boundNetKey: 0, key: random.bytes(16) });
  return NetworkState.begin(store, withKey, { uuid, ivIndex: 0, ivUpdating: false });
}

/** A node whose models are not known yet. */
export const BARE_COMPOSITION: NodeComposition = {
  cid: 0xffff,
  pid: 0,
  vid: 0,
  crpl: 0xffff,
  features: 0,
  elements: [{ location: 0, sigModels: [], vendorModels: [] }],
};

/** A network that was taken from a document, and what was odd about that. */
export interface ImportedNetwork {
  readonly state: NetworkState;
  readonly warnings: readonly DocumentIssue[];
  readonly repairs: readonly DocumentIssue[];
}

/**
 * Keeps the network of a Mesh Configuration Database document (text, or octets of UTF-8) as it is. This process is not in it
 * then: see `takeOver`. Throws `bad-document` with JSON pointers, `network-exists`.
 */
export function importNetwork(store: Store, source: string | Uint8Array): ImportedNetwork {
  const read = readNetworkDocument(source);
  if (!read.ok) throw documentError(read.error);
  const { document, warnings, repairs } = read.value;
  return { state: NetworkState.begin(store, document), warnings, repairs };
}
