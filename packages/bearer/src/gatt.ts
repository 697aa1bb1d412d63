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
 * An open connection of one service, from either end: the client writes and gets notifications, the server the other way
 * round. Values arrive whole and in the order in which they were sent, or the link disconnects.
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
  /** Ends the connection; harmless when it has ended. Both ends are told, not before this returned. */
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

/** The GATT client capability of a bearer. */
export interface GattCentral {
  /** `found` is called for every connectable advertisement with service data of these 16-bit services, repeats too. */
  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe;
  /**
   * Connects, agrees on the MTU, finds the service and subscribes to its notifications. `done` is called once with the
   * open link or with `connect-failed`, never before `connect` returned, and not any more once cancelled.
   */
  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel;
}

/** A connectable advertisement of a service. */
export interface GattOffer {
  /** 16-bit service UUID. */
  readonly service: number;
  /** Behind the UUID, at most 20 octets: Flags and the list of the service go ahead of it. */
  readonly data: Uint8Array;
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
  /** Has the service; `connected` gets each link once its client has subscribed to the notifications. */
  serve(service: GattService, connected: (link: GattLink) => void): Unsubscribe;
}
