import { type Address, addressKind, isUnicast, type NetIndex, type Unicast } from '@meshferry/core';
import type { Aes } from '@meshferry/crypto';
import type { KeyRef, NetworkHost } from './contract.ts';
import type { DeviceKeys } from './device-keys.ts';
import type { AppKeyMaterial } from './key-material.ts';
import type { Keys } from './keys.ts';
import type { OwnDeviceKey } from './own-device-key.ts';
import { type AccessSecurityFields, openAccess } from './upper-transport.ts';

/** An access message that authenticated, and what authenticated it. */
export interface OpenedAccess {
  readonly payload: Uint8Array;
  readonly key: KeyRef;
  readonly label: Uint8Array | undefined;
  /** To be called when the message counts, before it is delivered. Throws `store-failed`: then it does not count. */
  readonly counts?: (() => void) | undefined;
}

/** The keys and labels that may authenticate an access message: AID and address identify none, so all are tried. */
export interface AccessKeys {
  /** AppKeys with this AID, of any subnet. */
  withAid(aid: number): Iterable<AppKeyMaterial>;
  /** The Label UUIDs of a virtual address. */
  labelsOf(dst: Address): Iterable<Uint8Array>;
  /** Device keys that may secure a message between these two. */
  deviceKeys(src: Unicast, dst: Unicast): Iterable<DeviceKey>;
}

/** The device key of a node, bound to a crypto provider. */
export interface DeviceKey {
  readonly node: Unicast;
  readonly aes: Aes;
  /** To be called when a message under it counts. */
  readonly counts?: () => void;
}

const NO_LABEL: readonly undefined[] = [undefined];

/**
 * The access message of an Upper Transport Access PDU, or undefined when none of the keys and labels authenticates it
 * [Mesh Protocol 1.1, 3.6.4.2].
 */
export function openWithKeys(
  keys: AccessKeys,
  fields: AccessSecurityFields,
  aid: number,
  netIndex: NetIndex,
  upperTransportPdu: Uint8Array,
): OpenedAccess | undefined {
  return fields.akf
    ? openWithAppKey(keys, fields, aid, netIndex, upperTransportPdu)
    : openWithDeviceKey(keys, fields, upperTransportPdu);
}

/** Every AppKey of the subnet and every label is tried. */
function openWithAppKey(
  keys: AccessKeys,
  fields: AccessSecurityFields,
  aid: number,
  netIndex: NetIndex,
  upperTransportPdu: Uint8Array,
): OpenedAccess | undefined {
  const labels = addressKind(fields.dst) === 'virtual' ? keys.labelsOf(fields.dst) : NO_LABEL;
  for (const appKey of keys.withAid(aid)) {
    if (appKey.netIndex !== netIndex) continue;
    for (const label of labels) {
      const payload = openAccess(appKey.aes, label === undefined ? fields : { ...fields, label }, upperTransportPdu);
      if (payload !== null) return { payload, key: { kind: 'app', index: appKey.index }, label };
    }
  }
  return undefined;
}

/** The AID is ignored, as the usual stacks do. */
function openWithDeviceKey(
  keys: AccessKeys,
  fields: AccessSecurityFields,
  upperTransportPdu: Uint8Array,
): OpenedAccess | undefined {
  if (!isUnicast(fields.dst)) return undefined; // a device key never secures a message to several
  for (const { node, aes, counts } of keys.deviceKeys(fields.src, fields.dst)) {
    const payload = openAccess(aes, fields, upperTransportPdu);
    if (payload !== null) return { payload, key: { kind: 'device', node }, label: undefined, counts };
  }
  return undefined;
}

/** Opens access messages with the keys of a node: its AppKeys, its own device key and that of the sender. */
export class AccessOpener implements AccessKeys {
  readonly #keys: Keys;
  readonly #deviceKeys: DeviceKeys;
  readonly #own: OwnDeviceKey;
  readonly #address: Unicast;
  /** The message that makes the candidate the key. */
  readonly #adopt = (): void => this.#own.adopt();
  readonly #host: NetworkHost;

  constructor(keys: Keys, deviceKeys: DeviceKeys, own: OwnDeviceKey, address: Unicast, host: NetworkHost) {
    this.#keys = keys;
    this.#deviceKeys = deviceKeys;
    this.#own = own;
    this.#address = address;
    this.#host = host;
  }

  /** The message, or undefined when nothing known authenticates it. */
  open(
    fields: AccessSecurityFields,
    aid: number,
    netIndex: NetIndex,
    upperTransportPdu: Uint8Array,
  ): OpenedAccess | undefined {
    return openWithKeys(this, fields, aid, netIndex, upperTransportPdu);
  }

  withAid(aid: number): Iterable<AppKeyMaterial> {
    return this.#keys.withAid(aid);
  }

  labelsOf(dst: Address): Iterable<Uint8Array> {
    return this.#host.labelsOf(dst);
  }

  deviceKeys(src: Unicast): Iterable<DeviceKey> {
    const { aes, candidate } = this.#own;
    const keys: DeviceKey[] = [{ node: this.#address, aes }];
    if (candidate !== undefined) keys.push({ node: this.#address, aes: candidate, counts: this.#adopt });
    const peer = this.#deviceKeys.get(src);
    if (peer !== undefined) keys.push({ node: src, aes: peer });
    return keys;
  }
}
