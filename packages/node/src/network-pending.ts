import { encodeRecord, type NetIndex, readRecord, type Store, toHex, type Unicast, type Write } from '@meshferry/core';

/** A device whose provisioning has not come to its end. */
export interface PendingNode {
  /** Device UUID, 16 octets. */
  readonly uuid: Uint8Array;
  readonly name?: string;
  /** Of the primary element; the others follow. */
  readonly address: Unicast;
  readonly elements: number;
  readonly netIndex: NetIndex;
  /** It got the new NetKey, in a Key Refresh. */
  readonly updated: boolean;
  /** The network's at that time. */
  readonly ivIndex: number;
  /** Provisioned with an OOB public key. */
  readonly secure: boolean;
  /**
   * Once the provisioning data may have left: from then on the device may be a node, and its addresses are not free. Before
   * that only the address was reserved.
   */
  readonly deviceKey?: Uint8Array;
}

/** One that may be a node by now: its provisioning data may have left. */
export interface UncertainNode extends PendingNode {
  /** 16 octets. */
  readonly deviceKey: Uint8Array;
}

/** What to type when it is not known whether a device became a node. */
export function wayOut(uuid: string): string {
  return (
    `Type "meshferry provision ${uuid} --recover" to look for it at that address; if it does not answer there, type ` +
    `"meshferry provision ${uuid} --give-up" to set the address aside, and provision the device again.`
  );
}

export function isUncertain(node: PendingNode | undefined): node is UncertainNode {
  return node?.deviceKey !== undefined;
}

/**
 * Devices that were given an address but are not in the document yet, durably: an address is here before the device
 * hears of it, and a device key before the device can have it.
 */
export class PendingNodes {
  readonly #store: Store;

  /** What was only reserved when the process ended was never sent: it is forgotten. */
  constructor(store: Store) {
    this.#store = store;
    const never = this.all.filter((node) => !isUncertain(node));
    if (never.length > 0) store.batch(never.map(({ uuid }): Write => [toHex(uuid), null]));
  }

  /** In the order of their UUIDs. */
  get all(): PendingNode[] {
    return this.#store.keys('').flatMap((key) => readRecord<PendingNode>(this.#store, key) ?? []);
  }

  /** Those that may be nodes by now. */
  get uncertain(): UncertainNode[] {
    return this.all.filter(isUncertain);
  }

  get(uuid: Uint8Array): PendingNode | undefined {
    return readRecord<PendingNode>(this.#store, toHex(uuid));
  }

  /** Durable when it returns. Throws `store-failed`. */
  put(node: PendingNode): void {
    this.#store.batch([[toHex(node.uuid), encodeRecord(node)]]);
  }

  remove(uuid: Uint8Array): void {
    this.#store.batch([this.removal(uuid)]);
  }

  /** For a batch of the state. */
  removal(uuid: Uint8Array): Write {
    return [toHex(uuid), null];
  }
}
