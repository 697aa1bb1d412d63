import {
  addNode,
  freeUnicastRange,
  type NetworkDocument,
  type NodeEntry,
  octetsOf,
  provisionedNode,
  requireNetKey,
  uuidText,
} from '@meshferry/cdb';
import { type Cancel, equal, formatAddress, MeshError, type NetIndex, toHex, toMeshError } from '@meshferry/core';
import {
  type ProvisionedNode,
  type ProvisionerOptions,
  type ProvisionerState,
  type ProvisioningBearer,
  type ProvisioningCapabilities,
  type ProvisioningData,
  type ProvisioningGround,
  type ProvisioningRun,
  provisionDevice,
} from '@meshferry/provisioning';
import { isUncertain, type PendingNode, type UncertainNode, wayOut } from './network-pending.ts';
import type { NetworkState, OwnIdentity } from './network-state.ts';

/** A device and how it is to become a node. */
export interface ProvisionRequest
  extends Pick<
    ProvisionerOptions,
    'attentionSeconds' | 'policy' | 'oob' | 'authentication' | 'beforeInvite' | 'inspect'
  > {
  /** Device UUID, 16 octets. */
  readonly uuid: Uint8Array;
  /** What reaches it: PB-ADV, PB-GATT or PB-Remote. */
  readonly bearer: ProvisioningBearer;
  /** Of the node, in the document. */
  readonly name?: string;
  /** The subnet that it joins. Default 0, the primary one. */
  readonly netIndex?: NetIndex;
  /** Told where it stands; `linking` until the device has taken the link. */
  readonly onState?: (state: 'linking' | ProvisionerState) => void;
}

/** What provisioning needs of the network besides its state. */
export interface ProvisioningHost {
  readonly ground: ProvisioningGround;
  readonly state: NetworkState;
  readonly own: OwnIdentity;
  /** As they are now. */
  iv(): { readonly ivIndex: number; readonly updating: boolean };
  /** The document with the time of now. */
  touched(document: NetworkDocument): NetworkDocument;
}

/**
 * One device on its way into the network. Its address is durable before the device hears of it, its device key before the
 * device can have it; the document has it once it said Complete. `done` is called once, never before the constructor
 * returned.
 */
export class DeviceProvisioning {
  readonly #host: ProvisioningHost;
  readonly #request: ProvisionRequest;
  readonly #netIndex: NetIndex;
  readonly #done: (outcome: NodeEntry | MeshError) => void;
  #cancelLink: Cancel | undefined;
  #run: ProvisioningRun | undefined;

  /** Throws `uuid-known`, `provisioning-uncertain` (an earlier attempt), `unknown-netkey`. */
  constructor(host: ProvisioningHost, request: ProvisionRequest, done: (outcome: NodeEntry | MeshError) => void) {
    const { uuid, bearer, onState, netIndex = 0 } = request;
    this.#host = host;
    this.#request = request;
    this.#done = done;
    checkNew(host.state, uuid);
    this.#netIndex = requireNetKey(host.state.document, netIndex).index;
    onState?.('linking');
    this.#cancelLink = bearer.open(uuid, (outcome) => {
      this.#cancelLink = undefined;
      if (outcome instanceof MeshError) this.#done(outcome);
      else this.#run = provisionDevice(host.ground, outcome, this.#options());
    });
  }

  /** Ends with `cancelled`, or with `provisioning-uncertain` when the device may have its data already. */
  cancel(): void {
    this.#run?.cancel();
    if (this.#cancelLink === undefined) return;
    this.#cancelLink();
    this.#cancelLink = undefined;
    this.#done(new MeshError('cancelled', `provisioning of ${toHex(this.#request.uuid)} was cancelled`));
  }

  #options(): ProvisionerOptions {
    const { attentionSeconds, policy, oob, authentication, beforeInvite, inspect, onState } = this.#request;
    return {
      ...(attentionSeconds !== undefined && { attentionSeconds }),
      ...(policy && { policy }),
      ...(oob && { oob }),
      ...(authentication && { authentication }),
      ...(beforeInvite && { beforeInvite }),
      ...(inspect && { inspect }),
      ...(onState && { progress: onState }),
      dataFor: (capabilities) => this.#reserve(capabilities),
      aboutToFinish: (node) => this.#keepKey(node),
      done: (outcome) => this.#ended(outcome),
    };
  }

  /** Chooses the addresses: from here on nobody else gets them. */
  #reserve({ elements }: ProvisioningCapabilities): ProvisioningData {
    const { state, own } = this.#host;
    const { uuid, name } = this.#request;
    const { ivIndex, updating } = this.#host.iv();
    const { index, phase, key, oldKey } = requireNetKey(state.document, this.#netIndex);
    const reserved = state.pending.all.map((node) => ({ address: node.address, count: node.elements }));
    const address = freeUnicastRange(state.document, { provisioner: own.uuid, count: elements, ivIndex, reserved });
    state.pending.put({
      uuid,
      ...(name !== undefined && { name }),
      address,
      elements,
      netIndex: index,
      updated: phase === 2,
      ivIndex,
      secure: this.#request.oob?.publicKey !== undefined,
    });
    return {
      netKey: octetsOf(phase === 1 ? (oldKey ?? key) : key),
      netKeyIndex: index,
      keyRefresh: phase === 2,
      ivUpdate: updating,
      ivIndex,
      unicastAddress: address,
    };
  }

  #keepKey({ deviceKey }: ProvisionedNode): void {
    const { pending } = this.#host.state;
    pending.put({ ...required(pending.get(this.#request.uuid)), deviceKey });
  }

  #ended(outcome: ProvisionedNode | MeshError): void {
    try {
      this.#done(this.#outcome(outcome));
    } catch (thrown) {
      // The record of the device is still there: it says what to do.
      this.#done(toMeshError(thrown));
    }
  }

  #outcome(outcome: ProvisionedNode | MeshError): NodeEntry | MeshError {
    const { state } = this.#host;
    const { uuid } = this.#request;
    const reserved = state.pending.get(uuid);
    if (!(outcome instanceof MeshError))
      return takeIn(this.#host, { ...required(reserved), deviceKey: outcome.deviceKey });
    if (outcome.code === 'provisioning-uncertain') return uncertain(required(reserved), outcome.message);
    if (reserved !== undefined) state.pending.remove(uuid);
    return outcome;
  }
}

function required(reserved: PendingNode | undefined): PendingNode {
  if (reserved !== undefined) return reserved;
  throw new MeshError('not-reserved', 'the address of the device is not reserved any more', {
    hint: 'Two processes seem to use one state: end the other one.',
  });
}

/** A device that is known to have become a node: into the document, and pending no more. */
export function takeIn(
  { state, touched }: Pick<ProvisioningHost, 'state' | 'touched'>,
  pending: UncertainNode,
): NodeEntry {
  const { updated, netIndex } = pending;
  // The phase may be another one since it got its NetKey.
  const entry = provisionedNode(state.document, pending);
  const node = { ...entry, netKeys: [{ index: netIndex, updated }] };
  state.change(touched(addNode(state.document, node)), [state.pendingWrite(state.pending.removal(pending.uuid))]);
  return node;
}

/** That a device may be a node, and what to do about it. */
export function uncertain({ uuid, address }: PendingNode, why: string): MeshError {
  const device = uuidText(uuid);
  return new MeshError(
    'provisioning-uncertain',
    `it is not known whether the device ${device} took the address ${formatAddress(address)}: ${why}`,
    { hint: wayOut(device) },
  );
}

function checkNew(state: NetworkState, uuid: Uint8Array): void {
  const pending = state.pending.get(uuid);
  if (isUncertain(pending)) throw uncertain(pending, 'an earlier attempt was interrupted');
  const text = uuidText(uuid);
  const known = state.document.nodes.find(({ UUID }) => equal(octetsOf(UUID), uuid));
  if (known === undefined && pending === undefined) return;
  if (known === undefined) {
    throw new MeshError('already-provisioning', `the device ${text} is being provisioned already`, {
      hint: 'Wait for the end of that, or cancel it.',
    });
  }
  throw new MeshError(
    'uuid-known',
    `the node at 0x${known.unicastAddress.toLowerCase()} has the UUID ${text} already`,
    {
      hint:
        `If it is this device and it was reset, type "meshferry node remove 0x${known.unicastAddress.toLowerCase()}" first. ` +
        'If it is another one, two devices have the same UUID: one of them needs another.',
    },
  );
}
