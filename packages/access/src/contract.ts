import type { Address, AppIndex, MeshError, NetIndex, Unicast } from '@meshferry/core';
import type { AccessSend, Credentials, KeyRef } from '@meshferry/network';

/** A SIG model (16 bits), or a vendor's: Company Identifier × 65536 + model. */
export type ModelId = number;

/** A model as records and logs name it. */
export interface ModelIdentity {
  readonly id: ModelId;
  readonly name: string;
  /** It sends under any AppKey of the node, bound to it or not. Default false. */
  readonly anyAppKey?: boolean;
}

/** Where a message came from and with what it was secured: everything that a reply needs. */
export interface Context {
  readonly src: Unicast;
  readonly dst: Address;
  /** The Label UUID when `dst` is virtual. */
  readonly label?: Uint8Array;
  readonly key: KeyRef;
  readonly netIndex: NetIndex;
  readonly credentials: Credentials;
  readonly ttl: number;
  readonly rssi?: number;
  /** The element that received it. */
  readonly element: Unicast;
  /** Set for a message that came inside of another one: takes its answer. */
  readonly capture?: AnswerCapture;
}

/**
 * Takes an answer (opcode ‖ parameters) instead of the air, and calls `done` as sending would. False when it takes none
 * (any more): the answer is sent as a message of its own.
 */
export type AnswerCapture = (answer: Uint8Array, done: (error?: MeshError) => void) => boolean;

/** What became of a message that came inside of another one. */
export type Processed = 'processed' | 'wrong-opcode' | 'wrong-key' | 'malformed';

/** How a message of a model is sent: {@link AccessSend} without what the model itself knows. */
export interface SendOptions extends Omit<AccessSend, 'src' | 'payload' | 'key'> {
  /** Must be bound to the model. Default: the AppKey bound to the model with the lowest index. */
  readonly appIndex?: AppIndex;
  /** A device key instead of an AppKey: that of this node. */
  readonly deviceKeyOf?: Unicast;
}

/** How an answer is sent, where the rules of the specification or the states of the node are not wanted. */
export interface ReplyOptions extends Pick<AccessSend, 'sar' | 'transmit'> {
  /** Default: the Default TTL, but 0 for a message that came with TTL 0. */
  readonly ttl?: number;
  /** Default: 20 to 50 ms at random, 20 to 500 ms for a message that came to a group or virtual address. */
  readonly delayMs?: number;
  /** Segmented transport even when one PDU would do. Default false. */
  readonly segmented?: boolean;
}
