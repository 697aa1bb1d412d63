import type { Address, Unicast } from '@meshferry/core';
import { type ControlMessageType, controlMessage, unsigned } from './control-message.ts';
import { HeartbeatMessage } from './heartbeat-message.ts';
import { OPCODE_SEGMENT_ACKNOWLEDGMENT } from './lower-transport-pdu.ts';

// Transport control messages [Mesh Protocol 1.1, 3.6.5], each declared once.

/** Reports the segments that have arrived; the lower transport has its own codec of it. */
export const SegmentAcknowledgmentMessage: ControlMessageType<{
  /** 1: a Friend sent it on behalf of its Low Power node. */
  readonly obo: number;
  readonly seqZero: number;
  /** Bit i: segment i. */
  readonly ackedSegments: number;
}> = controlMessage({
  name: 'Segment Acknowledgment',
  opcode: OPCODE_SEGMENT_ACKNOWLEDGMENT,
  source: '3.5.2.3',
  layout: {
    obo: unsigned(1),
    seqZero: unsigned(13),
    reserved: { kind: 'rfu', bits: 2 },
    ackedSegments: unsigned(32),
  },
});

/** A Low Power node asks its Friend for a message. */
export interface FriendPoll {
  /** Friend Sequence Number, one bit: the same again asks for the last message again. */
  readonly fsn: number;
}

/** LPN to Friend, friendship credentials: asks for the next message, or for the last one again. */
export const FriendPoll: ControlMessageType<FriendPoll> = controlMessage({
  name: 'Friend Poll',
  opcode: 0x01,
  source: '3.6.5.1',
  layout: { padding: { kind: 'prohibited', bits: 7 }, fsn: unsigned(1) },
});

/** The Friend tells the state of the subnet. */
export interface FriendUpdate {
  /** Bit 0 Key Refresh, bit 1 IV Update. */
  readonly flags: number;
  readonly ivIndex: number;
  /** More Data: 0 the queue is empty, 1 it is not. */
  readonly md: number;
}

/** Friend to LPN, friendship credentials: the answer to a Friend Poll when nothing is queued. */
export const FriendUpdate: ControlMessageType<FriendUpdate> = controlMessage({
  name: 'Friend Update',
  opcode: 0x02,
  source: '3.6.5.2',
  layout: { flags: unsigned(8), ivIndex: unsigned(32), md: unsigned(8, { max: 1 }) },
});

/** A Low Power node looks for a Friend. */
export interface FriendRequest {
  /** 0 to 3: 1, 1.5, 2, 2.5. */
  readonly rssiFactor: number;
  /** 0 to 3: 1, 1.5, 2, 2.5. */
  readonly receiveWindowFactor: number;
  /** 1 to 7: a queue of 2^n PDUs at least. */
  readonly minQueueSizeLog: number;
  /** ms. */
  readonly receiveDelay: number;
  /** × 100 ms. */
  readonly pollTimeout: number;
  /** Primary element of the Friend before, or 0. */
  readonly previousAddress: Address;
  readonly numElements: number;
  /** Friend Requests sent so far, 16 bits. */
  readonly lpnCounter: number;
}

/** LPN to all-friends. */
export const FriendRequest: ControlMessageType<FriendRequest> = controlMessage({
  name: 'Friend Request',
  opcode: 0x03,
  source: '3.6.5.3',
  layout: {
    reserved: { kind: 'rfu', bits: 1 },
    rssiFactor: unsigned(2),
    receiveWindowFactor: unsigned(2),
    minQueueSizeLog: unsigned(3, { min: 1 }),
    receiveDelay: unsigned(8, { min: 0x0a }),
    pollTimeout: unsigned(24, { min: 0x0a, max: 0x34bbff }),
    previousAddress: unsigned(16, { max: 0x7fff }),
    numElements: unsigned(8, { min: 1 }),
    lpnCounter: unsigned(16),
  },
});

/** A node offers to be the Friend. */
export interface FriendOffer {
  /** ms, 1 to 255. */
  readonly receiveWindow: number;
  /** PDUs. */
  readonly queueSize: number;
  /** Addresses. */
  readonly subscriptionListSize: number;
  /** dBm of the Friend Request as received; 127 unknown. */
  readonly rssi: number;
  /** Friend Offers sent so far, 16 bits. */
  readonly friendCounter: number;
}

/** Friend to LPN: the answer to a Friend Request. */
export const FriendOffer: ControlMessageType<FriendOffer> = controlMessage({
  name: 'Friend Offer',
  opcode: 0x04,
  source: '3.6.5.4',
  layout: {
    receiveWindow: unsigned(8, { min: 1 }),
    queueSize: unsigned(8),
    subscriptionListSize: unsigned(8),
    rssi: { kind: 'int', bits: 8 },
    friendCounter: unsigned(16),
  },
});

/** Ends a friendship, and the answer to that. */
export interface FriendClear {
  readonly lpnAddress: Unicast;
  /** Of the Friend Request of the new friendship. */
  readonly lpnCounter: number;
}

const FRIEND_CLEAR = { lpnAddress: unsigned(16, { min: 1, max: 0x7fff }), lpnCounter: unsigned(16) };

/** The new Friend tells the old one. */
export const FriendClear: ControlMessageType<FriendClear> = controlMessage({
  name: 'Friend Clear',
  opcode: 0x05,
  source: '3.6.5.5',
  layout: FRIEND_CLEAR,
});

/** The old Friend has ended the friendship. */
export const FriendClearConfirm: ControlMessageType<FriendClear> = controlMessage({
  name: 'Friend Clear Confirm',
  opcode: 0x06,
  source: '3.6.5.6',
  layout: FRIEND_CLEAR,
});

/** Changes which groups and virtual addresses the Friend keeps messages of. */
export interface FriendSubscriptionListChange {
  /** 8 bits. */
  readonly transactionNumber: number;
  /** 1 to 5. */
  readonly addressList: readonly Address[];
}

const LIST_CHANGE = { transactionNumber: unsigned(8), addressList: { kind: 'addresses', min: 1, max: 5 } } as const;

/** LPN to Friend. */
export const FriendSubscriptionListAdd: ControlMessageType<FriendSubscriptionListChange> = controlMessage({
  name: 'Friend Subscription List Add',
  opcode: 0x07,
  source: '3.6.5.7',
  layout: LIST_CHANGE,
});

/** LPN to Friend. */
export const FriendSubscriptionListRemove: ControlMessageType<FriendSubscriptionListChange> = controlMessage({
  name: 'Friend Subscription List Remove',
  opcode: 0x08,
  source: '3.6.5.8',
  layout: LIST_CHANGE,
});

/** Friend to LPN: the answer to both. */
export const FriendSubscriptionListConfirm: ControlMessageType<{ readonly transactionNumber: number }> = controlMessage(
  {
    name: 'Friend Subscription List Confirm',
    opcode: 0x09,
    source: '3.6.5.9',
    layout: { transactionNumber: unsigned(8) },
  },
);

const OPAQUE = { parameters: { kind: 'rest' } } as const;

/** Directed forwarding: the names; their parameters stay octets. */
const DIRECTED: readonly ControlMessageType<{ readonly parameters: Uint8Array }>[] = [
  controlMessage({ name: 'Path Request', opcode: 0x0b, source: '3.6.5.11', layout: OPAQUE }),
  controlMessage({ name: 'Path Reply', opcode: 0x0c, source: '3.6.5.12', layout: OPAQUE }),
  controlMessage({ name: 'Path Confirmation', opcode: 0x0d, source: '3.6.5.13', layout: OPAQUE }),
  controlMessage({ name: 'Path Echo Request', opcode: 0x0e, source: '3.6.5.14', layout: OPAQUE }),
  controlMessage({ name: 'Path Echo Reply', opcode: 0x0f, source: '3.6.5.15', layout: OPAQUE }),
  controlMessage({ name: 'Dependent Node Update', opcode: 0x10, source: '3.6.5.16', layout: OPAQUE }),
  controlMessage({ name: 'Path Request Solicitation', opcode: 0x11, source: '3.6.5.17', layout: OPAQUE }),
];

/** All control messages, in the order of their opcodes. */
export const CONTROL_MESSAGES: readonly ControlMessageType<unknown>[] = [
  SegmentAcknowledgmentMessage,
  FriendPoll,
  FriendUpdate,
  FriendRequest,
  FriendOffer,
  FriendClear,
  FriendClearConfirm,
  FriendSubscriptionListAdd,
  FriendSubscriptionListRemove,
  FriendSubscriptionListConfirm,
  HeartbeatMessage,
  ...DIRECTED,
] as readonly ControlMessageType<unknown>[];
