import { type NetIndex, toHex, type Unicast } from '@meshferry/core';
import { decodeProxyIdentity, isIdentityOf, namesNode, type ProxyIdentityType } from './identity-pdu.ts';
import { type Keys, valuesOf } from './keys.ts';

/** A Proxy Server of a known subnet, as its advertising shows it. */
export interface RecognisedProxy {
  readonly type: ProxyIdentityType;
  readonly netIndex: NetIndex;
  /** The node, when the advertising names it. */
  readonly address?: Unicast;
}

const REMEMBERED = 256;

interface Known {
  readonly candidates: readonly Unicast[];
  readonly proxy: RecognisedProxy | undefined;
}

/**
 * Tells whose the service data of a Proxy Server are [Mesh Protocol 1.1, 7.2.2.2]. Looking takes one AES for every key and
 * candidate; the answers are remembered, as advertising repeats itself.
 */
export class IdentityRecogniser {
  readonly #keys: Keys;
  readonly #known = new Map<string, Known>();

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /**
   * The proxy, or undefined when it is none of a known subnet, or none of the `candidates` (primary addresses of nodes;
   * for another answer give another array). Service data are those behind the UUID 0x1828.
   */
  recognise(serviceData: Uint8Array, candidates: readonly Unicast[]): RecognisedProxy | undefined {
    const key = toHex(serviceData);
    const known = this.#known.get(key);
    if (known !== undefined && known.candidates === candidates) return known.proxy;
    const proxy = this.#look(serviceData, candidates);
    if (this.#known.size >= REMEMBERED) this.#known.delete(this.#known.keys().next().value ?? '');
    this.#known.set(key, { candidates, proxy });
    return proxy;
  }

  /** To be called when keys change. */
  forget(): void {
    this.#known.clear();
  }

  #look(serviceData: Uint8Array, candidates: readonly Unicast[]): RecognisedProxy | undefined {
    const decoded = decodeProxyIdentity(serviceData);
    if (!decoded.ok) return undefined;
    const identity = decoded.value;
    const { type } = identity;
    for (const subnet of this.#keys.subnets) {
      for (const netKey of valuesOf(subnet)) {
        if (!namesNode(identity)) {
          if (isIdentityOf(identity, netKey, 0)) return { type, netIndex: netKey.index };
          continue;
        }
        const address = candidates.find((candidate) => isIdentityOf(identity, netKey, candidate));
        if (address !== undefined) return { type, netIndex: netKey.index, address };
      }
    }
    return undefined;
  }
}
