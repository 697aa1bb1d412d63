import {
  type AdStructure,
  type GattCentral,
  type GattLink,
  type GattPeripheral,
  MESH_PROXY_SERVICE,
  type Transmit,
} from '@meshferry/bearer';
import type { Address, Cancel, Clock, Log, NetIndex, Random, Store, Unicast, Unsubscribe } from '@meshferry/core';
import type { UnicastAddressRange } from './address-range.ts';
import type { Beacons } from './beacons.ts';
import { cancellable, ignore } from './cancellable.ts';
import type { Done } from './contract.ts';
import type { NetworkCounters } from './counters.ts';
import type { Features } from './features.ts';
import { IdentityAdvertiser, type ShownIdentity } from './identity-advertiser.ts';
import { IdentityRecogniser, type RecognisedProxy } from './identity-recogniser.ts';
import type { Interfaces } from './interfaces.ts';
import type { IvIndexState } from './iv-index.ts';
import type { Keys } from './keys.ts';
import type { NetworkChange } from './network-change.ts';
import type { NodeStates } from './node-states.ts';
import type { NetworkLimits } from './options.ts';
import { ProxyClientConnection, type ProxyClientOptions } from './proxy-client.ts';
import { ProxyConfigurator } from './proxy-configurator.ts';
import { ProxyConnector, type ProxyConnectorOptions } from './proxy-connector.ts';
import { ProxyServer } from './proxy-server.ts';
import { ProxyStates } from './proxy-states.ts';
import type { ReplayList } from './replay-list.ts';
import type { SequenceAllocator } from './sequence.ts';
import { SolicitationClient } from './solicitation-client.ts';
import { SolicitationReplayList } from './solicitation-list.ts';
import { SolicitationServer } from './solicitation-server.ts';

export interface ProxyFeatureOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: NetworkCounters;
  readonly store: Store;
  readonly keys: Keys;
  readonly iv: IvIndexState;
  readonly sequence: SequenceAllocator;
  readonly replay: ReplayList;
  readonly interfaces: Interfaces;
  readonly states: NodeStates;
  readonly beacons: Beacons;
  readonly features: Features;
  readonly address: Unicast;
  readonly elements: number;
  isOwn(address: Address): boolean;
  readonly limits: Pick<NetworkLimits, 'proxyFilter' | 'solicitationEntries'>;
}

const FILTER_SIZE = 64;
const SOLICITATION_ENTRIES = 64;
const SOLICITATION_TRANSMIT: Transmit = { count: 3, intervalMs: 100 };

/** The proxy protocol of one node, as a Proxy Server and as a client of others [Mesh Protocol 1.1, 6]. */
export class ProxyFeature {
  readonly states: ProxyStates;
  readonly #options: ProxyFeatureOptions;
  readonly #configurator: ProxyConfigurator;
  readonly #server: ProxyServer;
  readonly #connections = new Set<ProxyClientConnection>();
  readonly #connectors = new Set<ProxyConnector>();
  readonly #recogniser: IdentityRecogniser;
  readonly #replay: SolicitationReplayList;
  readonly #solicitations: SolicitationServer;
  readonly #solicitor: SolicitationClient;
  readonly #advertisers = new Set<IdentityAdvertiser>();
  #wasEnabled: boolean;

  constructor(options: ProxyFeatureOptions) {
    const { clock, log, store, keys, interfaces, address, beacons, limits } = options;
    this.#options = options;
    this.states = new ProxyStates({ clock, states: options.states, changed: () => this.#statesChanged() });
    this.#wasEnabled = this.states.enabled;
    const configurator = new ProxyConfigurator(options);
    this.#configurator = configurator;
    this.#recogniser = new IdentityRecogniser(keys);
    this.#replay = new SolicitationReplayList(store, limits.solicitationEntries ?? SOLICITATION_ENTRIES);
    this.#solicitations = new SolicitationServer({
      clock,
      log,
      keys,
      replay: this.#replay,
      seconds: () => (this.states.solicitable ? this.states.onDemandPrivateGattProxy : 0),
      changed: () => this.#show(),
    });
    this.#solicitor = new SolicitationClient(clock, store, keys, interfaces, address);
    this.#server = new ProxyServer({
      clock,
      interfaces,
      beacons,
      configurator,
      filterSize: limits.proxyFilter ?? FILTER_SIZE,
      beaconKind: () => this.states.beaconKind,
      netIndexes: () => keys.netIndexes,
      connected: () => this.#solicitations.clientConnected(),
      disconnected: () => this.#solicitations.clientDisconnected(),
    });
  }

  /** Clients connected to this node. */
  get clients(): number {
    return this.#server.clients;
  }

  /** Takes the link of a client that has subscribed to the notifications of this node; see `attachProxyClient`. */
  attachClient(link: GattLink): Unsubscribe {
    return this.#server.attach(link);
  }

  /** Takes the link to a Proxy Server, to whose notifications this node has subscribed; see `attachProxyServer`. */
  attachServer(link: GattLink, options: ProxyClientOptions): ProxyClientConnection {
    const { clock, interfaces, beacons, address, elements } = this.#options;
    const connection = new ProxyClientConnection(link, options, {
      clock,
      interfaces,
      beacons,
      configurator: this.#configurator,
      ownAddresses: Array.from({ length: elements }, (_, i) => address + i).concat(0xffff),
      closed: (closed) => this.#connections.delete(closed),
    });
    this.#connections.add(connection);
    return connection;
  }

  /**
   * Finds a Proxy Server of a known subnet, connects to it, and to another one whenever the connection ends, until the
   * connector or the layer is closed. As long as that is open, messages to be sent while there is no connection, and
   * those that wait when it ends, are lost like on the air instead of failing with `bearer-closed`.
   */
  connect(central: GattCentral, options: ProxyConnectorOptions = {}): ProxyConnector {
    const closeUplink = this.#options.interfaces.openUplink();
    const connector = new ProxyConnector(
      {
        clock: this.#options.clock,
        central,
        recognise: (serviceData, candidates) => this.recognise(serviceData, candidates),
        attach: (link, clientOptions) => this.attachServer(link, clientOptions),
        solicit: (netIndex) => this.solicit(netIndex),
        closed: (closed) => {
          closeUplink();
          this.#connectors.delete(closed);
        },
      },
      options,
    );
    this.#connectors.add(connector);
    return connector;
  }

  /** Offers the Mesh Proxy Service on a peripheral: takes clients, and advertises whenever a state wants it. */
  serve(peripheral: GattPeripheral): Unsubscribe {
    const { clock, random, keys, address } = this.#options;
    const unserve = peripheral.serve(MESH_PROXY_SERVICE, (link) => void this.attachClient(link));
    const shown = () => this.#shown();
    const advertiser = new IdentityAdvertiser({ clock, random, keys, address, peripheral, shown });
    this.#advertisers.add(advertiser);
    return () => {
      unserve();
      advertiser.close();
      this.#advertisers.delete(advertiser);
    };
  }

  /**
   * Whose the service data (behind the UUID 0x1828) of an advertisement are; undefined: of no known subnet, or of none of
   * the `candidates`, the primary addresses of nodes. Answers are remembered for the same array of candidates.
   */
  recognise(serviceData: Uint8Array, candidates: readonly Unicast[] = NO_CANDIDATES): RecognisedProxy | undefined {
    return this.#recogniser.recognise(serviceData, candidates);
  }

  /**
   * Asks private proxies of a subnet in reach to show themselves: a Solicitation PDU over the advertising interfaces.
   * `done` as with `NetworkLayer.send`.
   */
  solicit(netIndex: NetIndex = 0, done: Done = ignore, transmit: Transmit = SOLICITATION_TRANSMIT): Cancel {
    return cancellable(done, (end) => this.#solicitor.send(netIndex, transmit, end));
  }

  /** Forgets solicitations of these clients (Solicitation PDU RPL Items Clear). Throws `store-failed`. */
  clearSolicitations(range: UnicastAddressRange): void {
    this.#replay.clear(range);
  }

  /** Takes service data that was heard. */
  heard(ad: AdStructure): void {
    this.#solicitations.receive(ad);
  }

  /** To be told of every change: clients get a beacon of what has changed. */
  changed(change: NetworkChange): void {
    if (change.type === 'iv-index') {
      for (const netIndex of this.#options.keys.netIndexes) this.#server.sendBeacon(netIndex);
      for (const connection of this.#connections) connection.ivIndexChanged();
    } else if (change.type === 'net-key-removed') {
      this.#solicitations.netKeyRemoved(change.netIndex);
      this.states.netKeyRemoved(change.netIndex);
    } else if (change.type === 'net-key-added') this.#server.sendBeacon(change.netIndex);
    else if (change.type === 'key-refresh') {
      if (change.phase !== 1) this.#server.sendBeacon(change.netIndex); // in Phase 1 it says the same as before
    } else return;
    this.#recogniser.forget();
    this.#show();
  }

  close(): void {
    for (const advertiser of this.#advertisers) advertiser.close();
    this.#server.close();
    this.#solicitations.close();
    this.states.close();
    for (const connector of this.#connectors) connector.close();
    for (const connection of this.#connections) connection.close();
  }

  #statesChanged(): void {
    const { enabled, reachable } = this.states;
    this.#options.features.set('proxy', enabled);
    this.#solicitations.update();
    if (reachable) this.#server.keepClients();
    else if (this.#wasEnabled) this.#server.dismissClients();
    this.#wasEnabled = enabled;
    this.#show();
  }

  #show(): void {
    for (const advertiser of this.#advertisers) advertiser.update();
  }

  /** For each subnet one public and one private form at most. */
  #shown(): ShownIdentity[] {
    const { states } = this;
    const shown: ShownIdentity[] = [];
    for (const netIndex of this.#options.keys.netIndexes) {
      if (states.nodeIdentity(netIndex)) shown.push({ netIndex, type: 'node-identity' });
      else if (states.gattProxy) shown.push({ netIndex, type: 'network-id' });
      if (states.privateNodeIdentity(netIndex)) shown.push({ netIndex, type: 'private-node-identity' });
      else if (states.privateGattProxy || this.#solicitations.isSolicited(netIndex)) {
        shown.push({ netIndex, type: 'private-network-identity' });
      }
    }
    return shown;
  }
}

const NO_CANDIDATES: readonly Unicast[] = [];
