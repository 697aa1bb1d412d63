import { type GattAdvertisement, type GattCentral, type GattLink, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import {
  type Cancel,
  type Clock,
  Deadline,
  MeshError,
  type NetIndex,
  type Unicast,
  type Unsubscribe,
} from '@meshferry/core';
import type { RecognisedProxy } from './identity-recogniser.ts';
import type { ProxyClientConnection, ProxyClientEvent, ProxyClientOptions } from './proxy-client.ts';

/** What a {@link ProxyConnector} tells: steps of its own, and what its connections tell. */
export type ProxyConnectorEvent =
  | { readonly type: 'scanning' }
  /** A proxy was found and is being connected to. */
  | { readonly type: 'connecting'; readonly proxy: RecognisedProxy; readonly peer: string; readonly rssi: number }
  /** That did not work: scanning goes on. */
  | { readonly type: 'failed'; readonly peer: string; readonly error: MeshError }
  | ProxyClientEvent;

export interface ProxyConnectorOptions extends Omit<ProxyClientOptions, 'listener'> {
  /** Connect to this node when it shows itself by (Private) Node Identity; else to any proxy of a known subnet. */
  readonly node?: Unicast;
  /** Connect to `node` only. Default false. */
  readonly only?: boolean;
  /** The subnet to ask private proxies of to show themselves, as long as none is found. Default: not to ask. */
  readonly solicit?: NetIndex;
  readonly listener?: (event: ProxyConnectorEvent) => void;
}

/** What a {@link ProxyConnector} needs of its node. */
export interface ProxyConnectorGround {
  readonly clock: Clock;
  readonly central: GattCentral;
  recognise(serviceData: Uint8Array, candidates: readonly Unicast[]): RecognisedProxy | undefined;
  attach(link: GattLink, options: ProxyClientOptions): ProxyClientConnection;
  solicit(netIndex: NetIndex): void;
  closed(connector: ProxyConnector): void;
}

/** From the first proxy found on others may turn out to be nearer, ms: the slowest advertise every 1.2 s. */
const CHOICE_MS = 1500;
const CONNECT_TIMEOUT_MS = 10_000;
/** A proxy that failed is not tried again for this time, ms, as long as there are others. */
const AVOID_MS = 30_000;
const SOLICIT_MS = 10_000;

/**
 * Keeps a node without a proxy of its own in the network: finds a Proxy Server, connects, and finds another one when the
 * connection ends [spec: proxy.md, 9]. States: scanning, connecting, connected; until closed.
 */
export class ProxyConnector {
  readonly #ground: ProxyConnectorGround;
  readonly #options: ProxyConnectorOptions;
  readonly #listener: (event: ProxyConnectorEvent) => void;
  readonly #candidates: readonly Unicast[];
  readonly #avoid = new Map<string, number>();
  readonly #choice: Deadline;
  readonly #timeout: Deadline;
  readonly #solicitation: Deadline;
  #best: { readonly advertisement: GattAdvertisement; readonly proxy: RecognisedProxy } | undefined;
  #stopScanning: Unsubscribe | undefined;
  #stopConnecting: Cancel | undefined;
  #connection: ProxyClientConnection | undefined;
  #closed = false;

  constructor(ground: ProxyConnectorGround, options: ProxyConnectorOptions) {
    const { clock } = ground;
    this.#ground = ground;
    this.#options = options;
    this.#listener = options.listener ?? (() => {});
    this.#candidates = options.node === undefined ? [] : [options.node];
    this.#choice = new Deadline(clock, () => this.#connect());
    this.#timeout = new Deadline(clock, () => this.#stopConnecting?.());
    this.#solicitation = new Deadline(clock, () => this.#solicit());
    this.#scan();
  }

  /** The connection, once there is one; it may not be ready yet. */
  get connection(): ProxyClientConnection | undefined {
    return this.#connection;
  }

  /** Ends the connection and looks for no other. */
  close(): void {
    this.#closed = true;
    this.#endScan();
    this.#stopConnecting?.();
    this.#connection?.close();
    this.#ground.closed(this);
  }

  #scan(): void {
    if (this.#closed) return;
    const { central, clock } = this.#ground;
    for (const [peer, until] of this.#avoid) if (until <= clock.now) this.#avoid.delete(peer);
    this.#best = undefined;
    this.#stopScanning = central.discover([MESH_PROXY_SERVICE.uuid as number], (found) => this.#found(found));
    if (this.#options.solicit !== undefined) this.#solicitation.set(CHOICE_MS);
    this.#listener({ type: 'scanning' });
  }

  #endScan(): void {
    this.#stopScanning?.();
    this.#stopScanning = undefined;
    this.#choice.clear();
    this.#solicitation.clear();
  }

  #solicit(): void {
    this.#ground.solicit(this.#options.solicit ?? 0);
    this.#solicitation.set(SOLICIT_MS);
  }

  #found(advertisement: GattAdvertisement): void {
    const proxy = this.#ground.recognise(advertisement.data, this.#candidates);
    if (proxy === undefined || this.#stopScanning === undefined) return;
    const isWanted = proxy.address !== undefined; // there is no other candidate
    if (!isWanted && this.#options.only === true) return;
    if (isWanted || this.#isBetter(advertisement)) this.#best = { advertisement, proxy };
    if (isWanted && !this.#avoid.has(advertisement.peer)) this.#connect();
    else if (!this.#choice.isSet) this.#choice.set(CHOICE_MS);
  }

  /** Those that failed come last, then the nearer is the better. */
  #isBetter({ peer, rssi }: GattAdvertisement): boolean {
    const best = this.#best?.advertisement;
    if (best === undefined) return true;
    const [avoid, avoidBest] = [this.#avoid.has(peer), this.#avoid.has(best.peer)];
    return avoid === avoidBest ? rssi > best.rssi : avoidBest;
  }

  #connect(): void {
    if (this.#best === undefined) return;
    const { advertisement, proxy } = this.#best;
    const { peer, rssi } = advertisement;
    this.#endScan();
    this.#listener({ type: 'connecting', proxy, peer, rssi });
    if (this.#closed) return;
    const cancel = this.#ground.central.connect(peer, MESH_PROXY_SERVICE, (outcome) => {
      this.#stopConnecting = undefined;
      this.#timeout.clear();
      if (outcome instanceof MeshError) this.#failed(peer, outcome);
      else this.#connected(peer, outcome);
    });
    this.#stopConnecting = () => {
      this.#stopConnecting = undefined;
      this.#timeout.clear();
      cancel();
      if (!this.#closed) this.#failed(peer, connectTimeout(peer));
    };
    this.#timeout.set(CONNECT_TIMEOUT_MS);
  }

  #failed(peer: string, error: MeshError): void {
    this.#avoidFor(peer);
    this.#listener({ type: 'failed', peer, error });
    this.#scan();
  }

  #connected(peer: string, link: GattLink): void {
    const { addresses, everything } = this.#options;
    let ready = false;
    const listener = (event: ProxyClientEvent) => {
      if (event.type === 'ready') ready = true;
      else this.#connection = undefined;
      this.#listener(event);
      if (event.type === 'ready') return;
      if (!ready) this.#avoidFor(peer);
      this.#scan();
    };
    this.#connection = this.#ground.attach(link, {
      ...(addresses === undefined ? {} : { addresses }),
      ...(everything === undefined ? {} : { everything }),
      listener,
    });
  }

  #avoidFor(peer: string): void {
    this.#avoid.set(peer, this.#ground.clock.now + AVOID_MS);
  }
}

function connectTimeout(peer: string): MeshError {
  return new MeshError('connect-failed', `no connection to ${peer} in ${CONNECT_TIMEOUT_MS / 1000} s`, {
    hint: 'Go nearer to the proxy, or let another one be found.',
  });
}
