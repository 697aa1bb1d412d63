import type { GattLink } from '@meshferry/bearer';
import { type Address, type Clock, toHex } from '@meshferry/core';
import { aid, networkCredentials, portableCrypto } from '@meshferry/crypto';
import type { AccessSend } from '../contract.ts';
import { encodeLowerTransportPdu } from '../lower-transport-pdu.ts';
import { decodeNetworkPdu, encodeNetworkPdu, type NetworkSecurity, networkSecurity } from '../pdu.ts';
import { ProxyChannel } from '../proxy-channel.ts';
import { decodeProxyConfiguration, encodeProxyConfiguration, type ProxyConfiguration } from '../proxy-configuration.ts';
import { PROXY_SERVICE_LIMITS, ProxyMessageType } from '../proxy-pdu.ts';
import { sealAccess } from '../upper-transport.ts';
import { APP_KEY, NET_KEY } from './node.ts';

/** What a test expects of a message that came: beacons by their first octet, Network PDUs by destination. */
type Received =
  | { readonly beacon: string }
  | { readonly network: { readonly src: Address; readonly dst: Address; readonly ttl: number } }
  | { readonly configuration: ProxyConfiguration };

/** The client end of a link, played by a test: sends single messages and reads what the server sends. */
export class ScriptedProxyClient {
  readonly channel: ProxyChannel;
  readonly received: Received[] = [];
  closed = false;
  readonly #link: GattLink;
  readonly #security: NetworkSecurity;
  readonly #ivIndex: number;
  readonly #src: Address;
  #seq = 0;

  constructor(clock: Clock, link: GattLink, src: Address, { netKey = NET_KEY, ivIndex = 0 } = {}) {
    this.#link = link;
    this.#src = src;
    this.#ivIndex = ivIndex;
    this.#security = networkSecurity(portableCrypto, networkCredentials(portableCrypto, netKey));
    this.channel = new ProxyChannel(clock, link, PROXY_SERVICE_LIMITS, {
      message: (type, message) => void this.received.push(this.#read(type, message)),
      closed: () => {
        this.closed = true;
      },
    });
  }

  /** One attribute value, as it is. */
  write(value: Uint8Array): void {
    this.#link.send(value, () => {});
  }

  configure(message: ProxyConfiguration): void {
    this.#send(ProxyMessageType.configuration, 0, 0, encodeProxyConfiguration(message));
  }

  /** A control message with an opcode that nobody knows. */
  sendNetworkPdu(dst: Address, { src = this.#src, ttl = 5 } = {}): void {
    this.#send(ProxyMessageType.networkPdu, ttl, dst, Uint8Array.of(0x7f, 1), src);
  }

  /** An unsegmented access message of the source and key that it names. */
  send({ src, dst, payload }: AccessSend): void {
    const aes = portableCrypto.aes(APP_KEY);
    const fields = { akf: true, szmic: false, seq: this.#seq, src, dst, ivIndex: this.#ivIndex };
    const upperTransportPdu = sealAccess(aes, fields, payload);
    const transportPdu = encodeLowerTransportPdu({
      format: 'unsegmented-access',
      akf: true,
      aid: aid(portableCrypto, APP_KEY),
      upperTransportPdu,
    });
    const pdu = { ctl: false, ttl: 5, seq: this.#seq++, src, dst, transportPdu };
    this.channel.send(ProxyMessageType.networkPdu, encodeNetworkPdu(pdu, this.#security, this.#ivIndex));
  }

  /** What has come since the last call. */
  take(): Received[] {
    return this.received.splice(0);
  }

  #send(type: 0 | 2, ttl: number, dst: Address, transportPdu: Uint8Array, src: Address = this.#src): void {
    const pdu = { ctl: true, ttl, seq: this.#seq++, src, dst, transportPdu };
    this.channel.send(type, encodeNetworkPdu(pdu, this.#security, this.#ivIndex, type === 2 ? 'proxy' : 'network'));
  }

  #read(type: ProxyMessageType, message: Uint8Array): Received {
    if (type === ProxyMessageType.meshBeacon) return { beacon: toHex(message.subarray(0, 1)) };
    const nonce = type === ProxyMessageType.configuration ? 'proxy' : 'network';
    const pdu = decodeNetworkPdu(message, this.#security, this.#ivIndex, nonce);
    if (!pdu.ok) throw new Error(`${nonce} PDU: ${pdu.error.reason}`);
    const { src, dst, ttl, transportPdu } = pdu.value;
    if (nonce === 'network') return { network: { src, dst, ttl } };
    const configuration = decodeProxyConfiguration(transportPdu);
    if (!configuration.ok) throw new Error(configuration.error.reason);
    return { configuration: configuration.value };
  }
}
