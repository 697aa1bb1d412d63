import type { BearerGround } from '@meshferry/bearer';
import type { Cancel, MeshError } from '@meshferry/core';

/** What carries whole SMP packets between two ends; framing, pieces and reassembly are inside. Either end has one. */
export interface SmpTransport {
  /** Octets of a packet that goes as one piece: ATT_MTU − 3, the path MTU without headers; Infinity on a serial line. May grow. */
  readonly packetLimit: number;
  /** Whether a longer packet goes in pieces, for a peer that puts them together again (BLE); otherwise `packet-too-long`. */
  readonly fragments: boolean;
  /** Octets of the peer's buffer that a packet cannot use: 4 on a serial line (length and CRC), else 0. */
  readonly bufferOverhead: number;
  /** Whether single packets can be lost while the link stays (UDP, a serial line), so that it pays to ask again soon. */
  readonly lossy: boolean;
  /**
   * Sends a packet. `done` is called once, never before `send` returned, when there is room for the next (back-pressure); with
   * `link-lost` when the transport is or gets closed, with `packet-too-long`.
   */
  send(packet: Uint8Array, done: (error?: MeshError) => void): void;
  /** Takes what happens from now on; there is one listener. To be called as soon as the transport is handed over. */
  listen(listener: SmpTransportListener): void;
  /** Ends it; harmless when it has ended. */
  close(): void;
}

/** What happens on a {@link SmpTransport}. */
export interface SmpTransportListener {
  /** A whole packet or what looks like one: at least 8 octets. It must not be changed. */
  received(packet: Uint8Array): void;
  /** The link is gone, whoever ended it; nothing comes after this, and it comes once. */
  ended(reason: MeshError): void;
}

/** How a device is reached, again and again: a reset ends a link, and the next one may need another address. */
export interface SmpRoute {
  /** As the user named it. */
  readonly name: string;
  /**
   * Connects. `done` is called once with the open transport, or with `connect-failed` (not there, refused, no SMP) or another
   * bearer code (`bearer-lost`, `bearer-permission` …); never before `open` returned, and not any more once cancelled.
   */
  open(done: (outcome: SmpTransport | MeshError) => void, options?: SmpOpenOptions): Cancel;
  /** Ends what the route holds besides its links, the radio. */
  close(): void;
}

/** How a {@link SmpRoute} opens. */
export interface SmpOpenOptions {
  /** Look for a device whose name contains this instead: the firmware loader after a reset [spec: smp section 5.1]. */
  readonly deviceName?: string;
}

/**
 * What a package of SMP transports exports under the name `smpPlugin`. The scheme of a URI leads to the package: `foo:…` to
 * `@meshferry/smp-foo` or `meshferry-smp-foo`. URIs of bearers with GATT (`noble:`, `hci:`) need none.
 */
export interface SmpPlugin {
  /** What its URIs begin with, without the colon; lower case. */
  readonly scheme: string;
  /** One line for people. */
  readonly summary: string;
  /** URIs as they can be typed. */
  readonly uris: readonly string[];
  /** The route of a whole URI; touches nothing outside yet. Throws `bad-smp-uri`; the hint says how it looks. */
  route(uri: string, ground: BearerGround): SmpRoute;
  /**
   * The other end: offers a server at the place of the URI, `meet` gets a transport for each client, and a new one where the
   * last has ended. Rejects with `bad-smp-uri` or as a bearer that cannot be opened. Left out where there is no such end.
   */
  serve?(uri: string, ground: BearerGround, meet: (transport: SmpTransport) => void): Promise<SmpOffer>;
}

/** A place where a server is offered. */
export interface SmpOffer {
  /** Ends all its links and frees the place. */
  close(): void;
}
