import { addressKind, isUnicast, type NetIndex, type Unicast } from '@meshferry/core';
import type { Aes } from '@meshferry/crypto';
import type { KeyRef, NetworkHost } from './contract.ts';
import type { DeviceKeys } from './device-keys.ts';
import type { Keys } from './keys.ts';
import { type AccessSecurityFields, openAccess } from './upper-transport.ts';

/** An access message that authenticated, and what authenticated it. */
export interface OpenedAccess {
  readonly payload: Uint8Array;
  readonly key: KeyRef;
  readonly label: Uint8Array | undefined;
}

const NO_LABEL: readonly undefined[] = [undefined];

/** Finds the key and label that authenticate an Upper Transport Access PDU [Mesh Protocol 1.1, 3.6.4.2]. */
export class AccessOpener {
  readonly #keys: Keys;
  readonly #deviceKeys: DeviceKeys;
  readonly #ownDeviceKey: Aes;
  readonly #address: Unicast;
  readonly #host: NetworkHost;

  constructor(keys: Keys, deviceKeys: DeviceKeys, ownDeviceKey: Aes, address: Unicast, host: NetworkHost) {
    this.#keys = keys;
    this.#deviceKeys = deviceKeys;
    this.#ownDeviceKey = ownDeviceKey;
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
    return fields.akf
      ? this.#openWithAppKey(fields, aid, netIndex, upperTransportPdu)
      : this.#openWithDeviceKey(fields, upperTransportPdu);
  }

  /** AID identifies nothing, neither does a virtual address: every key of the subnet and every label is tried. */
  #openWithAppKey(
    fields: AccessSecurityFields,
    aid: number,
    netIndex: NetIndex,
    upperTransportPdu: Uint8Array,
  ): OpenedAccess | undefined {
    const labels = addressKind(fields.dst) === 'virtual' ? this.#host.labelsOf(fields.dst) : NO_LABEL;
    for (const appKey of this.#keys.withAid(aid)) {
      if (appKey.netIndex !== netIndex) continue;
      for (const label of labels) {
        const payload = openAccess(appKey.aes, label === undefined ? fields : { ...fields, label }, upperTransportPdu);
        if (payload !== null) return { payload, key: { kind: 'app', index: appKey.index }, label };
      }
    }
    return undefined;
  }

  /** The AID is ignored, as the usual stacks do. */
  #openWithDeviceKey(fields: AccessSecurityFields, upperTransportPdu: Uint8Array): OpenedAccess | undefined {
    if (!isUnicast(fields.dst)) return undefined; // a device key never secures a message to several
    const own = openAccess(this.#ownDeviceKey, fields, upperTransportPdu);
    if (own !== null) return { payload: own, key: { kind: 'device', node: this.#address }, label: undefined };
    const aes = this.#deviceKeys.get(fields.src);
    const payload = aes === undefined ? null : openAccess(aes, fields, upperTransportPdu);
    return payload === null ? undefined : { payload, key: { kind: 'device', node: fields.src }, label: undefined };
  }
}
