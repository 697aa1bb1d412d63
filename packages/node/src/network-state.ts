import { asItCame, documentError, type Json, type NetworkDocument, readNetworkDocument } from '@meshferry/cdb';
import {
  Emitter,
  encodeRecord,
  MeshError,
  readRecord,
  type Store,
  storeView,
  toMeshError,
  utf8,
  type Write,
} from '@meshferry/core';
import { PendingNodes } from './network-pending.ts';

/** Layout of what is kept; a later one is refused and left as it is. */
const LAYOUT = 1;

const LAYOUT_RECORD = 'layout';
const DOCUMENT = 'document';
const NODES = 'nodes/';
const OWN = 'own';

/** What this process is in the network: one of its provisioners. */
export interface OwnIdentity {
  /** UUID of its provisioner and of its node in the document. */
  readonly uuid: string;
  /** IV Index and IV Update Flag that its node begins with; what it hears later is kept by the node. */
  readonly ivIndex: number;
  readonly ivUpdating: boolean;
}

/**
 * What is kept of a network: its document, who this process is in it, devices whose provisioning has not ended, and
 * unfinished jobs. All of it is durable when the method that changes it returns. It needs no radio.
 */
export class NetworkState {
  /** Devices that were given an address, and of which it is not known whether they took it. */
  readonly pending: PendingNodes;
  /** Tells the document after each change. */
  readonly changes: Emitter<NetworkDocument> = new Emitter();
  readonly #store: Store;
  #document: NetworkDocument;
  #own: OwnIdentity | undefined;

  private constructor(store: Store, document: NetworkDocument) {
    this.#store = store;
    this.#document = document;
    this.#own = readRecord<OwnIdentity>(store, OWN);
    this.pending = new PendingNodes(storeView(store, 'pending/'));
  }

  /**
   * The network that the store holds, a view of its own; undefined when it holds none. Throws `state-newer` when a later
   * version of Meshferry wrote it, `state-corrupt` when it cannot be read; both leave it as it is.
   */
  static open(store: Store): NetworkState | undefined {
    checkLayout(store);
    const base = store.get(DOCUMENT);
    return base === undefined ? undefined : new NetworkState(store, readDocument(store, base));
  }

  /** Keeps a new network; without `own` this process only looks after the document. Throws `network-exists`. */
  static begin(store: Store, document: NetworkDocument, own?: OwnIdentity): NetworkState {
    const present = NetworkState.open(store);
    if (present !== undefined) throw networkExists(present.document);
    store.batch([
      [LAYOUT_RECORD, encodeRecord(LAYOUT)],
      ...documentWrites(document, undefined),
      ...(own === undefined ? [] : [ownWrite(own)]),
    ]);
    return new NetworkState(store, document);
  }

  /** The network. Never changed in place. */
  get document(): NetworkDocument {
    return this.#document;
  }

  /** Who this process is in the network; undefined when it is none of its provisioners. */
  get own(): OwnIdentity | undefined {
    return this.#own;
  }

  /** A part of the store for a job of its own. */
  view(name: string): Store {
    return storeView(this.#store, `job/${name}/`);
  }

  /**
   * Takes another document, with `others` (records of {@link view} or `pending` among them) in the same batch. Throws
   * `store-failed`; then nothing has changed.
   */
  change(document: NetworkDocument, others: readonly Write[] = []): void {
    this.#store.batch([...documentWrites(document, this.#document), ...others]);
    this.#document = document;
    this.changes.emit(document);
  }

  /** The records of {@link view} `name` as ones of {@link change}. */
  jobWrite(name: string, key: string, value: Uint8Array | null): Write {
    return [`job/${name}/${key}`, value];
  }

  /** The record of a pending device as one of {@link change}. */
  pendingWrite([key, value]: Write): Write {
    return [`pending/${key}`, value];
  }

  /** This process becomes a provisioner of the network: the document that has it, and who it is. */
  adopt(document: NetworkDocument, own: OwnIdentity): void {
    this.change(document, [ownWrite(own)]);
    this.#own = own;
  }
}

function ownWrite(own: OwnIdentity): Write {
  return [OWN, encodeRecord(own)];
}

/** What differs: nodes are records of their own, as one of them is what mostly changes. */
function documentWrites(document: NetworkDocument, before: NetworkDocument | undefined): Write[] {
  const writes: Write[] = [];
  const known = new Map((before?.nodes ?? []).map((node) => [node.unicastAddress, node]));
  for (const node of document.nodes) {
    if (known.get(node.unicastAddress) !== node) writes.push([NODES + node.unicastAddress, json(node)]);
    known.delete(node.unicastAddress);
  }
  for (const address of known.keys()) writes.push([NODES + address, null]);
  writes.push([DOCUMENT, json({ ...document, nodes: document.nodes.map(({ unicastAddress }) => unicastAddress) })]);
  return writes;
}

/** In the form in which it was read, so that an export gives back what an import took. */
function json(value: unknown): Uint8Array {
  return utf8(JSON.stringify(asItCame(value as Json)));
}

function readDocument(store: Store, base: Uint8Array): NetworkDocument {
  let whole: unknown;
  try {
    const head = parse(base) as { readonly nodes: readonly string[] };
    whole = { ...head, nodes: head.nodes.map((address) => parse(store.get(NODES + address))) };
  } catch (thrown) {
    throw corrupt(toMeshError(thrown).message);
  }
  // What an import let pass stands in the document as it came.
  const read = readNetworkDocument(whole, { lenient: true });
  if (read.ok) return read.value.document;
  throw corrupt(documentError(read.error).message);
}

function parse(octets: Uint8Array | undefined): unknown {
  if (octets === undefined) throw new MeshError('state-corrupt', 'a node is missing');
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(octets));
}

function checkLayout(store: Store): void {
  const record = store.get(LAYOUT_RECORD);
  const found = readRecord<unknown>(store, LAYOUT_RECORD);
  if (record === undefined && store.get(DOCUMENT) === undefined) return;
  if (typeof found !== 'number') throw corrupt('the layout of the state is not known');
  if (found <= LAYOUT) return;
  throw new MeshError('state-newer', `the state of the network has layout ${found}, this version knows ${LAYOUT}`, {
    hint: 'Use the version of Meshferry that wrote it, or a later one; the state was left as it is.',
  });
}

function corrupt(why: string): MeshError {
  return new MeshError('state-corrupt', `the state of the network cannot be read: ${why}`, {
    hint: 'It was left as it is. Restore the state folder from a backup, or begin again with another one.',
  });
}

function networkExists({ meshName, nodes }: NetworkDocument): MeshError {
  return new MeshError('network-exists', `there is a network already: "${meshName}" with ${nodes.length} nodes`, {
    hint: 'Each state folder keeps one network: name another with --state.',
  });
}
