import type { Transmit } from '@meshferry/bearer';
import {
  addressKind,
  type Cancel,
  formatAddress,
  isUnicast,
  MeshError,
  type NetIndex,
  type Unicast,
} from '@meshferry/core';
import { type Aes, type CryptoProvider, virtualAddress } from '@meshferry/crypto';
import type { AccessSend, Done, KeyRef, SarTransmitter } from './contract.ts';
import type { DeviceKeys } from './device-keys.ts';
import type { Keys } from './keys.ts';
import { ACCESS_SEGMENT_OCTETS, encodeLowerTransportPdu } from './lower-transport-pdu.ts';
import { noKey, type Originator, type Segments } from './originator.ts';
import type { OwnDeviceKey } from './own-device-key.ts';
import { changeSarTransmitter } from './sar-states.ts';
import { ACCESS_MAX, ACCESS_MAX_SZMIC, sealAccess, UNSEGMENTED_ACCESS_MAX } from './upper-transport.ts';

/** States that a message uses unless it brings its own. */
export interface SendDefaults {
  readonly ttl: number;
  readonly transmit: Transmit;
  readonly sar: SarTransmitter;
}

/** The key of a message, found. */
interface FoundKey {
  readonly akf: boolean;
  readonly aid: number;
  readonly aes: Aes;
  readonly netIndex: NetIndex;
}

/** Access messages on their way out: upper transport [Mesh Protocol 1.1, 3.6.4.1]. */
export class AccessSender {
  readonly #provider: CryptoProvider;
  readonly #keys: Keys;
  readonly #deviceKeys: DeviceKeys;
  readonly #ownDeviceKey: OwnDeviceKey;
  readonly #isOwn: (address: number) => boolean;
  readonly #originator: Originator;

  constructor(
    provider: CryptoProvider,
    keys: Keys,
    deviceKeys: DeviceKeys,
    ownDeviceKey: OwnDeviceKey,
    isOwn: (address: number) => boolean,
    originator: Originator,
  ) {
    this.#provider = provider;
    this.#keys = keys;
    this.#deviceKeys = deviceKeys;
    this.#ownDeviceKey = ownDeviceKey;
    this.#isOwn = isOwn;
    this.#originator = originator;
  }

  /** Throws `bad-field` for a message that no layer could send. */
  check(message: AccessSend): void {
    const { src, dst, label, key, ttl, payload, szmic } = message;
    const max = szmic ? ACCESS_MAX_SZMIC : ACCESS_MAX;
    if (!this.#isOwn(src)) throw badField('src', formatAddress(src), 'Give an element of this node.');
    if (dst === 0) throw badField('dst', formatAddress(dst), 'Give a unicast, group or virtual address.');
    if (payload.length < 1 || payload.length > max) {
      throw badField('payload', `${payload.length} octets`, `An access message has 1 to ${max} octets.`);
    }
    if (key.kind === 'device' && !isUnicast(dst)) {
      throw badField('key', 'a device key', 'A device key secures messages to unicast addresses only.');
    }
    if (ttl !== undefined && ttl !== 0xff && !(ttl >= 0 && ttl <= 127)) {
      throw badField('ttl', String(ttl), 'Give 0 to 127, or 0xFF for the Default TTL.');
    }
    const isVirtual = addressKind(dst) === 'virtual';
    if (isVirtual !== (label !== undefined) || (label && virtualAddress(this.#provider, label) !== dst)) {
      throw badField('label', `for ${formatAddress(dst)}`, 'A virtual address needs its own Label UUID, no other any.');
    }
  }

  /** The subnet of a checked message, or why it cannot be sent (`no-key`). */
  netIndexOf(message: AccessSend): NetIndex | MeshError {
    const found = this.#find(message);
    return found instanceof MeshError ? found : found.netIndex;
  }

  /** Sends a checked message. */
  send(message: AccessSend, netIndex: NetIndex, defaults: SendDefaults, done: Done): Cancel {
    const { src, dst, payload, szmic = false, segmented = false } = message;
    const ttl = message.ttl === undefined || message.ttl === 0xff ? defaults.ttl : message.ttl;
    const transmit = message.transmit ?? defaults.transmit;
    const { credentials, priority, observe } = message;
    const route = { src, dst, ttl, ctl: false, netIndex, transmit, credentials, priority };
    if (payload.length <= UNSEGMENTED_ACCESS_MAX && !segmented && !szmic) {
      const encrypt = (seq: number, ivIndex: number) => this.#unsegmentedPdu(message, seq, ivIndex);
      return this.#originator.sendUnsegmented({ ...route, encrypt }, done);
    }
    const sar = message.sar === undefined ? defaults.sar : changeSarTransmitter(defaults.sar, message.sar);
    const encrypt = (seq: number, ivIndex: number) => this.#segments(message, szmic, seq, ivIndex);
    const segN = Math.ceil((payload.length + (szmic ? 8 : 4)) / ACCESS_SEGMENT_OCTETS) - 1;
    return this.#originator.sendSegmented({ ...route, segN, encrypt, observe }, sar, done);
  }

  #unsegmentedPdu(message: AccessSend, seq: number, ivIndex: number): Uint8Array | MeshError {
    const key = this.#find(message);
    if (key instanceof MeshError) return key;
    const { src, dst, label, payload } = message;
    const { akf, aid } = key;
    const fields = { akf, szmic: false, seq, src, dst, ivIndex, label };
    const upperTransportPdu = sealAccess(key.aes, fields, payload);
    return encodeLowerTransportPdu({ format: 'unsegmented-access', akf, aid, upperTransportPdu });
  }

  #segments(message: AccessSend, szmic: boolean, seq: number, ivIndex: number): Segments | MeshError {
    const key = this.#find(message);
    if (key instanceof MeshError) return key;
    const { src, dst, label, payload } = message;
    const { akf, aid } = key;
    const upper = sealAccess(key.aes, { akf, szmic, seq, src, dst, ivIndex, label }, payload);
    const segN = Math.ceil(upper.length / ACCESS_SEGMENT_OCTETS) - 1;
    const seqZero = seq & 0x1fff;
    const segment = (segO: number): Uint8Array => {
      const at = segO * ACCESS_SEGMENT_OCTETS;
      const part = upper.subarray(at, at + ACCESS_SEGMENT_OCTETS);
      return encodeLowerTransportPdu({
        format: 'segmented-access',
        akf,
        aid,
        szmic,
        seqZero,
        segO,
        segN,
        segment: part,
      });
    };
    return { segN, segment };
  }

  #find(message: AccessSend): FoundKey | MeshError {
    return message.key.kind === 'app'
      ? this.#findAppKey(message.key.index, message.netIndex)
      : this.#findDeviceKey(message.key, message.netIndex ?? 0);
  }

  #findAppKey(index: number, netIndex: NetIndex | undefined): FoundKey | MeshError {
    const material = this.#keys.appKey(index);
    if (material === undefined) return noKey(`AppKey ${index}`);
    if (netIndex !== undefined && netIndex !== material.netIndex) return noKey(`AppKey ${index} on NetKey ${netIndex}`);
    return { akf: true, aid: material.aid, aes: material.aes, netIndex: material.netIndex };
  }

  #findDeviceKey(key: KeyRef & { kind: 'device' }, netIndex: NetIndex): FoundKey | MeshError {
    if (this.#keys.netKey(netIndex) === undefined) return noKey(`NetKey ${netIndex}`);
    const aes = this.#isOwn(key.node) ? this.#ownDeviceKey.aes : this.#deviceKeys.get(key.node as Unicast);
    if (aes === undefined) return noKey(`the device key of ${formatAddress(key.node)}`);
    return { akf: false, aid: 0, aes, netIndex };
  }
}

function badField(field: string, value: string, hint: string): MeshError {
  return new MeshError('bad-field', `access message with ${field} ${value}`, { hint });
}
