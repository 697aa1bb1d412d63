import type { GattLink } from '@meshferry/bearer';
import type { NetIndex, Unsubscribe } from '@meshferry/core';
import { Deadline } from '@meshferry/core';
import type { BeaconKind } from './beacon-receiver.ts';
import { ProxyServerConnection, type ProxyServerConnectionOptions } from './proxy-server-connection.ts';

export interface ProxyServerOptions extends Omit<ProxyServerConnectionOptions, 'beaconKind' | 'closed'> {
  /** The privacy parameter for a client that connects now. */
  beaconKind(): BeaconKind;
  netIndexes(): readonly NetIndex[];
  connected(): void;
  disconnected(): void;
}

/** Time for the Status of the Set that switched the proxy off to reach its client, ms: replies may wait 50 ms and more. */
const CLOSING_MS = 500;

/** The clients of a Proxy Server [Mesh Protocol 1.1, 6.7]. */
export class ProxyServer {
  readonly #options: ProxyServerOptions;
  readonly #connections = new Set<ProxyServerConnection>();
  readonly #closing: Deadline;
  #closed = false;

  constructor(options: ProxyServerOptions) {
    this.#options = options;
    this.#closing = new Deadline(options.clock, () => {
      for (const connection of this.#connections) connection.finish();
    });
  }

  /** Clients that are connected. */
  get clients(): number {
    return this.#connections.size;
  }

  /** Takes a link of a client that has subscribed to notifications; the function given back disconnects it. */
  attach(link: GattLink): Unsubscribe {
    const options = this.#options;
    const connection: ProxyServerConnection = new ProxyServerConnection(link, {
      ...options,
      beaconKind: options.beaconKind(),
      closed: () => {
        this.#connections.delete(connection);
        if (!this.#closed) options.disconnected();
      },
    });
    this.#connections.add(connection);
    for (const netIndex of options.netIndexes()) connection.sendBeacon(netIndex);
    options.connected();
    return () => connection.close();
  }

  /** Gives every client the beacon of a subnet that has changed. */
  sendBeacon(netIndex: NetIndex): void {
    for (const connection of this.#connections) connection.sendBeacon(netIndex);
  }

  /** Disconnects all clients soon, unless {@link keepClients} comes before. */
  dismissClients(): void {
    if (!this.#closing.isSet) this.#closing.set(CLOSING_MS);
  }

  keepClients(): void {
    this.#closing.clear();
  }

  close(): void {
    this.#closed = true;
    this.#closing.clear();
    for (const connection of this.#connections) connection.close();
  }
}
