import type { Transmit } from '@meshferry/bearer';
import type { Address, AppIndex, Cancel, MeshError, NetIndex, Unicast } from '@meshferry/core';

/** Which key secures an access message: an AppKey, or the device key of the node whose primary address is `node`. */
export type KeyRef =
  | { readonly kind: 'app'; readonly index: AppIndex }
  | { readonly kind: 'device'; readonly node: Unicast };

/** The security material of a Network PDU [Mesh Protocol 1.1, 3.9.6.3.1]. */
export type Credentials = 'flooding' | 'friendship' | 'directed';

/** The SAR Transmitter state [4.2.48]: all fields 0 to 15. Names and defaults as in the specification. */
export interface SarTransmitter {
  /** (n + 1) × 10 ms between the starts of two segments. */
  readonly segmentIntervalStep: number;
  readonly unicastRetransmissionsCount: number;
  readonly unicastRetransmissionsWithoutProgressCount: number;
  /** (n + 1) × 25 ms. */
  readonly unicastRetransmissionsIntervalStep: number;
  /** (n + 1) × 25 ms for each hop more than one. */
  readonly unicastRetransmissionsIntervalIncrement: number;
  readonly multicastRetransmissionsCount: number;
  /** (n + 1) × 25 ms. */
  readonly multicastRetransmissionsIntervalStep: number;
}

/** The SAR Receiver state [4.2.49]. */
export interface SarReceiver {
  /** Acknowledgments are repeated only for messages with SegN above this; 0 to 31. */
  readonly segmentsThreshold: number;
  /** n + 1.5 segment reception intervals; 0 to 7. */
  readonly acknowledgmentDelayIncrement: number;
  /** (n + 1) × 5 s; 0 to 15. */
  readonly discardTimeout: number;
  /** (n + 1) × 10 ms; 0 to 15. */
  readonly receiverSegmentIntervalStep: number;
  /** 0 to 3. */
  readonly acknowledgmentRetransmissionsCount: number;
}

/**
 * What goes first. `interactive`: at once. `bulk`: a long transfer, whose PDUs get what all others leave of the air.
 */
export type Priority = 'interactive' | 'bulk';

/** An access message on its way out. */
export interface AccessSend {
  /** An element of this node. */
  readonly src: Unicast;
  readonly dst: Address;
  /** The Label UUID (16 octets) when `dst` is virtual. */
  readonly label?: Uint8Array;
  readonly key: KeyRef;
  /** The subnet; default: the one that the AppKey is bound to, or the primary one for a device key. */
  readonly netIndex?: NetIndex;
  /** Default: managed flooding, which also stands in for friendship credentials while there is no friendship. */
  readonly credentials?: Credentials;
  /** 0 to 127; 0xFF or absent: the Default TTL. With 1 a message is for elements of this node alone. */
  readonly ttl?: number;
  /** Opcode ‖ parameters, 1 to 380 octets (376 with `szmic`). */
  readonly payload: Uint8Array;
  /** A 64-bit TransMIC (makes the message segmented). Default false. */
  readonly szmic?: boolean;
  /** Segmented transport even when one PDU would do, so that it is acknowledged. Default false. */
  readonly segmented?: boolean;
  /** Overrides of the SAR Transmitter state for this message. */
  readonly sar?: Partial<SarTransmitter>;
  /** Override of Network Transmit for this message. */
  readonly transmit?: Transmit;
  /** Default: interactive. */
  readonly priority?: Priority;
  /**
   * Of a segmented message to a unicast address: called when all segments of a round have left and their acknowledgment has
   * come: so many were `sent`, so many of them `received`. Tells of the loss on the way.
   */
  readonly observe?: (sent: number, received: number) => void;
}

/** An access message that arrived whole and authenticated. */
export interface AccessReceived {
  readonly src: Unicast;
  readonly dst: Address;
  /** The Label UUID that authenticated it, when `dst` is virtual. */
  readonly label?: Uint8Array;
  readonly key: KeyRef;
  readonly netIndex: NetIndex;
  readonly credentials: Credentials;
  readonly ttl: number;
  /** SEQ of its first segment. */
  readonly seq: number;
  /** dBm, when it came over a radio; absent for local delivery. */
  readonly rssi?: number;
  readonly payload: Uint8Array;
}

/** What the layers above tell the network layer, asked at every PDU: must be fast and must not change state. */
export interface NetworkHost {
  /** Whether a model of this node subscribes to the group or virtual address (fixed groups: all-nodes is implied). */
  isSubscribed(dst: Address): boolean;
  /** The Label UUIDs known for a virtual address. */
  labelsOf(dst: Address): readonly Uint8Array[];
  /** The device key of another node (primary element address or any element of it), if this node knows it. */
  deviceKeyOf(node: Unicast): Uint8Array | undefined;
  /** Takes a message. */
  receive(message: AccessReceived): void;
}

/** Told once how the sending of a message ended: without an error when it went out (or was acknowledged) whole. */
export type Done = (error?: MeshError) => void;

/** The part of the network layer that the access layer uses. */
export interface AccessTransport {
  readonly defaultTtl: number;
  /**
   * Sends an access message. `done` is called once, never before `send` returned: without an error when the last copy
   * of an unsegmented message has left, a segmented one to a unicast address is acknowledged whole, one to a group has
   * been sent in all its rounds; with `segmented-timeout`, `segmented-refused` (the peer has no room), `cancelled`,
   * `no-key`, `bearer-closed`, `sequence-exhausted` otherwise. Throws `bad-field` for a message that no layer could
   * send (too long, no destination, a device key to a group). Cancelling calls `done` with `cancelled` at once, unless it
   * was called before; closing the layer does not call it.
   * A message to a group that this node subscribes to, and one to an own element, is delivered locally as well.
   */
  send(message: AccessSend, done?: Done): Cancel;
}
