import type { GattLink } from '@meshferry/bearer';
import type { Address, Cancel, Clock, MeshError, NetIndex, Unicast, Unsubscribe } from '@meshferry/core';
import type { BeaconKind } from './beacon-receiver.ts';
import type { Beacons } from './beacons.ts';
import { ProxyFilter } from './filter.ts';
import type { GattInterface, Interfaces } from './interfaces.ts';
import { ProxyChannel } from './proxy-channel.ts';
import type { ProxyConfigurator } from './proxy-configurator.ts';
import { PROXY_SERVICE_LIMITS, ProxyMessageType } from './proxy-pdu.ts';

export interface ProxyServerConnectionOptions {
  readonly clock: Clock;
  readonly interfaces: Interfaces;
  readonly beacons: Pick<Beacons, 'encode' | 'receive'>;
  readonly configurator: ProxyConfigurator;
  /** Addresses in the filter. */
  readonly filterSize: number;
  /** The privacy parameter: which beacons the client gets as long as it is connected. */
  readonly beaconKind: BeaconKind;
  closed(): void;
}

/** One client of a Proxy Server: its filter, its beacons, its messages [Mesh Protocol 1.1, 6.4, 6.7]. */
export class ProxyServerConnection implements GattInterface {
  readonly #options: ProxyServerConnectionOptions;
  readonly #filter: ProxyFilter;
  readonly #channel: ProxyChannel;
  readonly #detach: Unsubscribe;

  constructor(link: GattLink, options: ProxyServerConnectionOptions) {
    this.#options = options;
    this.#filter = new ProxyFilter(options.filterSize);
    this.#channel = new ProxyChannel(options.clock, link, PROXY_SERVICE_LIMITS, {
      message: (type, message) => this.#received(type, message),
      closed: () => {
        this.#detach();
        options.closed();
      },
    });
    this.#detach = options.interfaces.attachGatt(this);
  }

  passes(dst: Address): boolean {
    return this.#filter.passes(dst);
  }

  send(pdu: Uint8Array, done: (error?: MeshError) => void): Cancel {
    return this.#channel.send(ProxyMessageType.networkPdu, pdu, done);
  }

  heard(src: Unicast): void {
    this.#filter.learn(src);
  }

  sendBeacon(netIndex: NetIndex): void {
    const beacon = this.#options.beacons.encode(this.#options.beaconKind, netIndex);
    if (beacon !== undefined) this.#channel.send(ProxyMessageType.meshBeacon, beacon);
  }

  /** Disconnects, when what is under way has been sent. */
  finish(): void {
    this.#channel.finish();
  }

  close(): void {
    this.#channel.close();
  }

  #received(type: ProxyMessageType, message: Uint8Array): void {
    if (type === ProxyMessageType.networkPdu) this.#options.interfaces.receivedOverGatt(message, this);
    else if (type === ProxyMessageType.meshBeacon) this.#options.beacons.receive(message);
    else this.#configure(message);
  }

  /** Requests are answered with the filter as it is then; directed forwarding is not offered [6.7.1]. */
  #configure(octets: Uint8Array): void {
    const { configurator } = this.#options;
    const received = configurator.open(octets);
    if (received === undefined) return;
    const { message, netIndex } = received;
    if (message.type === 'set-filter-type') this.#filter.setType(message.filterType);
    else if (message.type === 'add-addresses') this.#filter.add(message.addresses);
    else if (message.type === 'remove-addresses') this.#filter.remove(message.addresses);
    else return;
    const { type: filterType, size: listSize } = this.#filter;
    const status = configurator.seal({ type: 'filter-status', filterType, listSize }, netIndex);
    if (status instanceof Uint8Array) this.#channel.send(ProxyMessageType.configuration, status);
  }
}
