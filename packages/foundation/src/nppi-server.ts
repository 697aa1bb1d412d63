import { equal, type Unicast } from '@meshferry/core';
import {
  type ProvisionedNode,
  ProvisioningDevice,
  type ProvisioningDeviceOptions,
  type ProvisioningErrorName,
  type ProvisioningGround,
  type ProvisioningLink,
} from '@meshferry/provisioning';
import type { FoundationHost } from './host.ts';
import { localLink } from './nppi-link.ts';
import type { NppiProcedure } from './remote-provisioning-states.ts';

/** What a node offers when it is provisioned anew by itself; without, nothing authenticates it but its device key. */
export type NppiOffer = Pick<
  ProvisioningDeviceOptions,
  'algorithms' | 'oobKeyPair' | 'staticOob' | 'onlyOobAuthenticated' | 'output' | 'input' | 'records' | 'attention'
>;

/** What a node becomes by a refresh [Mesh Protocol 1.1, 3.11.8]. */
export interface NodeRefresh {
  readonly procedure: NppiProcedure;
  /** 16 octets: the Device Key Candidate, after an Address Refresh the device key at once. */
  readonly deviceKey: Uint8Array;
  /** Of the primary element; another one after an Address Refresh alone. */
  readonly address: Unicast;
}

/** A procedure under way. */
export interface NppiSession {
  /** The end of the Remote Provisioning Server. */
  readonly link: ProvisioningLink;
  /** What the node is to become, once Complete was sent. It counts only when the client closes the link with Success. */
  readonly outcome: NodeRefresh | undefined;
}

/**
 * Node Provisioning Protocol Interface [Mesh Protocol 1.1, 3.11.8]: the node is its own provisionee, and gets a new device
 * key, new addresses or its new composition without leaving the network.
 */
export class NppiServer {
  readonly #ground: ProvisioningGround;
  readonly #host: () => FoundationHost;
  readonly #offer: NppiOffer;
  /** One for all links: it counts attempts with wrong OOB values. */
  #device: ProvisioningDevice | undefined;
  #procedure: NppiProcedure = 'device-key';
  #outcome: NodeRefresh | undefined;

  constructor(ground: ProvisioningGround, host: () => FoundationHost, offer: NppiOffer) {
    this.#ground = ground;
    this.#host = host;
    this.#offer = offer;
  }

  /** Begins a procedure; undefined when there is nothing to refresh. The one before must have ended. */
  open(procedure: NppiProcedure): NppiSession | undefined {
    if (procedure === 'composition' && !this.#hasNewComposition()) return undefined;
    this.#procedure = procedure;
    this.#outcome = undefined;
    const { server, provisionee } = localLink(this.#ground.clock);
    this.#device ??= this.#newDevice();
    this.#device.serve(provisionee);
    const outcome = (): NodeRefresh | undefined => this.#outcome;
    return {
      link: server,
      get outcome() {
        return outcome();
      },
    };
  }

  #newDevice(): ProvisioningDevice {
    return new ProvisioningDevice(this.#ground, {
      ...this.#offer,
      elements: this.#host().access.elementCount, // those of page 128: the software does not change while it runs
      accept: (data) => this.#judge(data),
      provisioned: ({ deviceKey, data }) => {
        const { unicastAddress: address } = data;
        this.#outcome = { procedure: this.#procedure, deviceKey: deviceKey.slice(), address };
      },
    });
  }

  /** The data must be those of the network as it is, and the address what the procedure says; flags do not count. */
  #judge({ netKey, netKeyIndex, ivIndex, unicastAddress }: ProvisionedNode['data']): ProvisioningErrorName | undefined {
    const { network, access } = this.#host();
    if (!network.keys.isNetKey(netKeyIndex, netKey) || ivIndex !== network.ivIndex) return 'invalid-data';
    if (this.#procedure !== 'address') return unicastAddress === access.address ? undefined : 'invalid-data';
    const current = { address: access.address, elements: termElements(this.#host()) };
    return overlaps(current, { address: unicastAddress, elements: access.elementCount }) ? 'invalid-data' : undefined;
  }

  #hasNewComposition(): boolean {
    const { access } = this.#host();
    return !equal(access.compositionPage(0).data, access.compositionPage(128).data);
  }
}

/** Addresses that the node has in its present term, or in its next one if that has more. */
function termElements({ network, access }: FoundationHost): number {
  return Math.max(network.elements, access.elementCount);
}

interface Range {
  readonly address: Unicast;
  readonly elements: number;
}

function overlaps(a: Range, b: Range): boolean {
  return a.address < b.address + b.elements && b.address < a.address + a.elements;
}
