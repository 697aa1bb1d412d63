import type { Advertising, GattPeripheral } from '@meshferry/bearer';
import {
  Deadline,
  Emitter,
  encodeRecord,
  MeshError,
  type NetIndex,
  readRecord,
  silent,
  toMeshError,
  type Unicast,
  type Write,
} from '@meshferry/core';
import {
  type AnnouncedDevice,
  type ProvisionedNode,
  type ProvisioningCapabilities,
  pbAdvAcceptor,
  pbGattAcceptor,
} from '@meshferry/provisioning';
import { type Membership, Term } from './mesh-device-term.ts';
import { type DeviceProvisioningOptions, WaitingDevice } from './mesh-device-waiting.ts';
import type { MeshNode, NodeGround } from './mesh-node.ts';
import type { RemoteOptions } from './node-remote.ts';

export type { Membership } from './mesh-device-term.ts';
export type { DeviceProvisioningOptions } from './mesh-device-waiting.ts';

/** What a device is made of. */
export interface MeshDeviceOptions extends NodeGround {
  /** What it says of itself while it is unprovisioned. */
  readonly announced: AnnouncedDevice;
  /** How it can be provisioned. */
  readonly provisioning: DeviceProvisioningOptions;
  /**
   * Composes its node whenever it is in a network: after it was provisioned, and when it starts as a provisioned one. What
   * it keeps in the store of the membership, and the timers of its clock, end with that; all else outlives it.
   */
  readonly compose: (membership: Membership) => MeshNode;
}

/** Where a device stands. */
export type MeshDeviceState =
  /** It announces itself, or a Provisioner has a link to it. */
  'unprovisioned' | 'provisioned' | 'closed';

/**
 * A device over its whole life: unprovisioned it announces itself and lets itself be provisioned, provisioned it is a mesh
 * node, and after a Config Node Reset it has forgotten all of that and begins again. It is the one or the other at any
 * moment, also when the power fails: made anew on the same store it goes on where it was.
 *
 * ```ts
 * const device = new MeshDevice({
 *   ...ground,
 *   announced: { uuid, oobInformation: 0 },
 *   provisioning: { elements: 1, staticOob },
 *   compose: (membership) => new MeshNode({ ...membership, identity, elements: [{ location: 0, models }] }),
 * });
 * device.attach(bearer.advertising);
 * ```
 */
export class MeshDevice {
  /** Tells each new state, when it has begun. */
  readonly changes: Emitter<MeshDeviceState> = new Emitter();
  readonly #options: MeshDeviceOptions;
  readonly #next: Deadline;
  readonly #radios: Advertising[] = [];
  readonly #peripherals: GattPeripheral[] = [];
  #waiting: WaitingDevice;
  #member: { readonly node: MeshNode; readonly term: Term } | undefined;
  #closed = false;

  /** Goes on as the store says. Throws `bad-field`, `bad-static-oob`, `state-corrupt`, and what `compose` throws. */
  constructor(options: MeshDeviceOptions) {
    this.#options = options;
    this.#next = new Deadline(options.clock, () => this.#start());
    this.#waiting = this.#wait();
    this.#start();
  }

  get state(): MeshDeviceState {
    if (this.#closed) return 'closed';
    return this.#membership() === undefined ? 'unprovisioned' : 'provisioned';
  }

  /** The node while it is in a network. */
  get node(): MeshNode | undefined {
    return this.#member?.node;
  }

  /** What it offers a Provisioner. */
  get capabilities(): ProvisioningCapabilities {
    return this.#waiting.capabilities;
  }

  /** Sends and receives over a bearer from now on: PB-ADV at first, then as a node. */
  attach(advertising: Advertising): void {
    this.#radios.push(advertising);
    if (!this.#next.isSet) this.#begin([advertising], []);
  }

  /** Takes GATT clients from now on: PB-GATT at first, then as a proxy if it is one. */
  serve(peripheral: GattPeripheral): void {
    this.#peripherals.push(peripheral);
    if (!this.#next.isSet) this.#begin([], [peripheral]);
  }

  /** Leaves its network, as after a Config Node Reset; nothing while it is in none. */
  reset(): void {
    this.node?.reset();
  }

  /** Leaves the air and stops all timers, as a power cut would; the store keeps the state. */
  close(): void {
    this.#closed = true;
    this.#next.clear();
    this.#waiting.close();
    this.#member?.node.close();
    this.#member?.term.end();
  }

  /** The one place where it becomes what it is: what the store says. */
  #start(): void {
    const membership = this.#membership();
    // A link that it was provisioned over stays as it is, to say Complete.
    if (membership !== undefined) this.#member = this.#join(membership);
    this.#begin(this.#radios, this.#peripherals);
    this.changes.emit(this.state);
  }

  #begin(radios: readonly Advertising[], peripherals: readonly GattPeripheral[]): void {
    const { node } = this;
    if (node !== undefined) {
      for (const advertising of radios) node.attach(advertising);
      for (const peripheral of peripherals) node.serve(peripheral);
      return;
    }
    for (const advertising of radios) this.#waiting.add(pbAdvAcceptor(this.#options, advertising));
    for (const peripheral of peripherals) this.#waiting.add(pbGattAcceptor(this.#options, peripheral));
  }

  #wait(): WaitingDevice {
    const { announced, provisioning } = this.#options;
    return new WaitingDevice(this.#options, announced, provisioning, (node) => this.#provisioned(node));
  }

  /** Durable before Complete is sent; the node begins after that. */
  #provisioned({ deviceKey, data }: ProvisionedNode): void {
    const { netKeyIndex: index, netKey: key, keyRefresh, unicastAddress: address, ivIndex, ivUpdate } = data;
    const record: MembershipRecord = {
      address,
      deviceKey,
      netKey: { index, key, keyRefresh },
      ivIndex,
      ivUpdating: ivUpdate,
    };
    this.#options.store.batch([[MEMBERSHIP, encodeRecord(record)]]);
    this.#next.set(0);
  }

  #join({ address, deviceKey, netKey, ivIndex, ivUpdating }: MembershipRecord) {
    const { compose, provisioning, random, crypto, log } = this.#options;
    const term = new Term(this.#options, NODE);
    const { clock, store } = term;
    const keys = { deviceKey, netKeys: netKey === undefined ? [] : [netKey], appKeys: [] };
    const kept = { address, deviceKey, ivIndex, ivUpdating };
    const node = compose({
      ...{ clock, random, crypto, store, ...(log && { log }) },
      ...{ address, keys, ivIndex, ivUpdating },
      leave: () => this.#leave(term),
      remote: {
        ...describe(this.#options),
        moving: (to, newKey) => [[RECORD, encodeRecord({ ...kept, address: to, deviceKey: newKey })]],
        moved: () => this.#restart(term),
      },
    });
    if (netKey !== undefined) {
      checkElements(provisioning.elements, node.access.elementCount);
      // Its node keeps it from now on: an old value must not outlive a Key Refresh here.
      store.batch([[RECORD, encodeRecord(kept)]]);
    }
    return { node, term };
  }

  /** Forgets the network and all that belongs to it at once. When the store refuses, it is still a node, and starts again. */
  #leave(term: Term): void {
    const { store, log = silent } = this.#options;
    this.#restart(term);
    try {
      store.batch(store.keys(NODE).map((key): Write => [key, null]));
    } catch (thrown) {
      log('error', 'the store keeps the device from leaving its network', { reason: toMeshError(thrown).message });
    }
  }

  /** The node is gone, and nothing of it may do anything any more; what comes next begins when its last call has returned. */
  #restart(term: Term): void {
    term.end();
    this.#waiting.close();
    this.#waiting = this.#wait();
    this.#member = undefined;
    this.#next.set(0);
  }

  #membership(): MembershipRecord | undefined {
    const { store } = this.#options;
    if (store.get(MEMBERSHIP) === undefined) return undefined;
    const record = readRecord<MembershipRecord>(store, MEMBERSHIP);
    if (record?.deviceKey instanceof Uint8Array) return record;
    throw new MeshError('state-corrupt', 'the record of the network that the device is in cannot be read', {
      hint: 'It was left as it is. Restore it from a backup, or erase the device, reset it in its network and provision it again.',
    });
  }
}

/** What is kept of the network that the device is in, besides what its node keeps. */
interface MembershipRecord {
  readonly address: Unicast;
  readonly deviceKey: Uint8Array;
  /** Until the node has it. */
  readonly netKey?: { readonly index: NetIndex; readonly key: Uint8Array; readonly keyRefresh: boolean };
  readonly ivIndex: number;
  readonly ivUpdating: boolean;
}

/** View of all that goes with the network. */
const NODE = 'node/';
/** In that view. */
const RECORD = 'membership';
const MEMBERSHIP = NODE + RECORD;

/** What its Remote Provisioning Server says of it, and what it offers when it is refreshed: the same as when it was new. */
function describe({ announced, provisioning }: MeshDeviceOptions): Pick<RemoteOptions, 'self' | 'nppi'> {
  const { uuid, oobInformation, uri } = announced;
  const adStructures = uri === undefined ? [] : [{ type: AD_URI, data: uri }];
  const { elements, accept, progress, ended, ...nppi } = provisioning;
  return { self: { uuid, oobInformation, adStructures }, nppi };
}

/** AD type of a URI. */
const AD_URI = 0x24;

function checkElements(promised: number, composed: number): void {
  if (promised === composed) return;
  throw new MeshError(
    'bad-field',
    `the device was provisioned for ${promised} elements and composed with ${composed}`,
    {
      hint: 'Give provisioning.elements as many as compose makes.',
    },
  );
}
