import type { Cancel, MeshError, Unsubscribe } from '@meshferry/core';

/** A 16-bit UUID as a number, or a 128-bit one as lower-case text with dashes. */
export type GattUuid = number | string;

/** A service of two pipes: what the client writes without response, and what the server notifies. */
export interface GattService {
  readonly uuid: GattUuid;
  /** Characteristic with Write Without Response. */
  readonly dataIn: GattUuid;
  /** Characteristic with Notify and its CCC descriptor; may be the same as `dataIn`. */
  readonly dataOut: GattUuid;
}

/** Mesh Provisioning Service, of a device that is not provisioned [Mesh Protocol 1.1, 7.1]. */
export const MESH_PROVISIONING_SERVICE: GattService = { uuid: 0x1827, dataIn: 0x2adb, dataOut: 0x2adc };
/** Mesh Proxy Service, of a node [Mesh Protocol 1.1, 7.2]. */
export const MESH_PROXY_SERVICE: GattService = { uuid: 0x1828, dataIn: 0x2add, dataOut: 0x2ade };
/** Mesh Proxy Solicitation: marks advertising data only, there is no such service [Mesh Protocol 1.1, 6.9]. */
export const MESH_PROXY_SOLICITATION_UUID = 0x1859;

/** Smallest ATT_MTU there is: every link has it until more is agreed. */
export const GATT_MTU_MIN = 23;
/** Octets of an ATT_MTU that a value cannot use: opcode and handle. */
export const GATT_VALUE_OVERHEAD = 3;

/** What happens on a {@link GattLink}. */
export interface GattLinkListener {
  /** A value from the other end. It must not be changed. */
  received(value: Uint8Array): void;
  /** The connection has ended, whoever ended it; nothing comes after this, and it comes once. */
  disconnected(): void;
}

/**
 * One service of an open connection, from either end: the client writes and gets notifications, the server the other way
 * round. Values arrive whole and in the order in which they were sent, or the link disconnects. Links of several services
 * between the same two ends share one connection.
 */
export interface GattLink {
  /** The ATT_MTU in use, 23 or more; a value has at most 3 octets less. It may grow while the link is young. */
  readonly mtu: number;
  /**
   * Sends a value. `done` is called once, never before `send` returned, when there is room for the next value
   * (back-pressure: wait for it); with `bearer-closed` when the link is or gets disconnected, with `value-too-long`.
   */
  send(value: Uint8Array, done: (error?: MeshError) => void): void;
  /** Takes the events of this link from now on; there is one listener. To be called as soon as the link is handed over. */
  listen(listener: GattLinkListener): void;
  /**
   * Ends the link; harmless when it has ended. Both ends are told, not before this returned. The connection ends with the
   * last link of the client; the server can end only the connection, with all links of it.
   */
  disconnect(): void;
}

/** A connectable advertisement with service data, as heard. */
export interface GattAdvertisement {
  /** 16-bit service UUID. */
  readonly service: number;
  /** The service data behind the UUID. */
  readonly data: Uint8Array;
  /** An opaque handle to connect to: good until the advertiser changes its address. */
  readonly peer: string;
  /** dBm; −127, the weakest in every comparison, where the radio does not tell. */
  readonly rssi: number;
  /** Clock time, ms. */
  readonly at: number;
}

/** A device as a scan has heard it: everything that it has shown since the scan began. */
export interface GattDevice {
  /** An opaque handle to connect to: good until the device changes its address. */
  readonly peer: string;
  /** As in `C0:FF:EE:00:00:01`; null where the platform hides it. */
  readonly address: string | null;
  /** From its advertisement or its scan response, without what would move the cursor of a terminal; null: it has shown none. */
  readonly name: string | null;
  /** Services that it has listed, or shown data of. There may be more in it. */
  readonly services: readonly GattUuid[];
  /** dBm, of the last report; −127 where the radio does not tell. */
  readonly rssi: number;
  /** Clock time of the last report, ms. */
  readonly at: number;
  readonly connectable: boolean;
}

/** The GATT client capability of a bearer. */
export interface GattCentral {
  /** `found` is called for every connectable advertisement with service data of these 16-bit services, repeats too. */
  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe;
  /**
   * Scans actively: `found` is called for every report of every device, with all that is known of it by then; once too for
   * each that this central is connected to, as it may not show itself now. Use `findDevice` to look for one. Left out by
   * centrals that know their peers by other means.
   */
  scan?(found: (device: GattDevice) => void): Unsubscribe;
  /**
   * Connects, agrees on the greatest MTU, finds the service and subscribes to its notifications, which the peer has
   * acknowledged by then. `peer`: of an advertisement or a device; or the address of one that shows itself, as text. A peer
   * that is connected already gets no second connection: the links of different services share one. `done` is called once
   * with the open link, with `pairing-needed` or with `connect-failed` (nobody there, no such service, or a link of this
   * service is open already); never before `connect` returned, and not any more once cancelled.
   */
  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel;
}

/** A connectable advertisement of a service. */
export interface GattOffer {
  /** Listed behind the Flags. */
  readonly service: GattUuid;
  /** Service data of a 16-bit service, at most 20 octets. That of a 128-bit one has no room: it is not sent. */
  readonly data: Uint8Array;
  /** In the scan response, cut to 29 octets of UTF-8. Default: none. */
  readonly name?: string;
  /** Advertising interval, ms. */
  readonly intervalMs: number;
  /** Each offer gets a new private advertiser address, so that nobody can follow it by the old one. */
  readonly privateAddress: boolean;
}

/** The GATT server capability of a bearer. */
export interface GattPeripheral {
  /** Connections at a time, 1 or more. */
  readonly connections: number;
  /** Advertises this instead of what was before, while a connection is free; until cancelled. */
  advertise(offer: GattOffer): Cancel;
  /**
   * Has the service; `connected` gets each link once its client has subscribed to the notifications. Several services can be
   * served, and used over one connection.
   */
  serve(service: GattService, connected: (link: GattLink) => void): Unsubscribe;
}
