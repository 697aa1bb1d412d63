import type { Address, NetIndex, Unicast } from '@meshferry/core';
import type { FriendshipParameters } from '@meshferry/crypto';
import type { Credentials, KeyRef } from '@meshferry/network';
import type { ObservedProvisioning } from './observer-provisioning.ts';

/** What an observer of the air makes of one advertisement. */
export type Observed =
  | ObservedNetwork
  | ObservedBeacon
  | ObservedProvisioning
  /** Advertising of a GATT proxy server. */
  | { readonly kind: 'proxy' }
  /** Nothing of Bluetooth Mesh. */
  | { readonly kind: 'unknown' };

/** Why a PDU tells nothing more: `no matching key`, `replay`, or what is malformed in it. */
export type ObservedError = string;

/** A Network PDU. */
export interface ObservedNetwork {
  readonly kind: 'network';
  /** Undefined when no key opens it. */
  readonly pdu: ObservedPdu | undefined;
  /** The same content was heard before under the same credentials, apart from the TTL: a repetition or a relayed copy. */
  readonly duplicate: boolean;
  /** The same content was heard before under flooding credentials and now under those of a friendship, or the reverse. */
  readonly passedOn: boolean;
  /** The access message that is whole with this PDU. */
  readonly message: ObservedMessage | undefined;
  /** The control message that is whole with this PDU. */
  readonly control: ObservedControl | undefined;
  readonly error: ObservedError | undefined;
}

/** The clear header of a Network PDU, and what opened it. */
export interface ObservedPdu {
  readonly netIndex: NetIndex;
  readonly ivIndex: number;
  readonly credentials: Credentials;
  /** Whose credentials: only with `friendship`. */
  readonly friendship: FriendshipParameters | undefined;
  readonly src: Unicast;
  readonly dst: Address;
  readonly seq: number;
  readonly ttl: number;
  readonly ctl: boolean;
  /** Of a segmented message. */
  readonly segment: { readonly segO: number; readonly segN: number; readonly seqZero: number } | undefined;
}

/** A whole access message. */
export interface ObservedMessage {
  /** SEQ of its first segment. */
  readonly seq: number;
  /** What secured it; the node of a device key that may be any node's is 0. */
  readonly key: KeyRef;
  readonly label: Uint8Array | undefined;
  /** Octets of the TransMIC. */
  readonly micOctets: 4 | 8;
  /** Number of segments; undefined when unsegmented. */
  readonly segments: number | undefined;
  /** Opcode ‖ parameters. */
  readonly payload: Uint8Array;
}

/** A whole transport control message. */
export interface ObservedControl {
  readonly seq: number;
  /** 7 bits. */
  readonly opcode: number;
  readonly segments: number | undefined;
  readonly parameters: Uint8Array;
}

/** A beacon; secure-network and private ones are authentic unless there is an error. */
export interface ObservedBeacon {
  readonly kind: 'beacon';
  readonly beacon: 'secure-network' | 'private' | 'unprovisioned' | undefined;
  /** Of an authentic beacon. */
  readonly netIndex: NetIndex | undefined;
  /** Bit 0 Key Refresh, bit 1 IV Update. */
  readonly flags: number | undefined;
  readonly ivIndex: number | undefined;
  /** Of an unprovisioned device. */
  readonly device:
    | {
        readonly uuid: Uint8Array;
        readonly oobInformation: number;
        readonly uriHash: Uint8Array | undefined;
      }
    | undefined;
  readonly error: ObservedError | undefined;
}
