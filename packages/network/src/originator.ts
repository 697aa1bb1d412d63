import type { Sent, Transmit } from '@meshferry/bearer';
import {
  type Address,
  type Cancel,
  type Clock,
  isUnicast,
  MeshError,
  type NetIndex,
  toMeshError,
  type Unicast,
} from '@meshferry/core';
import { AcknowledgmentTimes } from './acknowledgment-times.ts';
import type { Credentials, Done, Priority, SarTransmitter } from './contract.ts';
import type { NetworkCounters } from './counters.ts';
import type { IvIndexState } from './iv-index.ts';
import type { SubnetSecurity } from './key-material.ts';
import { encodeNetworkPdu } from './pdu.ts';
import { SarTransmission } from './sar-transmission.ts';
import type { SarTransmitterQueue } from './sar-transmitter.ts';
import type { SendingQueue } from './sending-queue.ts';
import type { SequenceAllocator } from './sequence.ts';

/** Where a message of this node goes and how. */
export interface Route {
  readonly src: Unicast;
  readonly dst: Address;
  /** 0 or 2 to 127. */
  readonly ttl: number;
  readonly ctl: boolean;
  readonly netIndex: NetIndex;
  readonly transmit: Transmit;
  /** Default: managed flooding, which also stands in for credentials that this node does not have. */
  readonly credentials?: Credentials | undefined;
  /** Default: interactive. */
  readonly priority?: Priority | undefined;
}

/** A message whose content depends on the SEQ and IV Index that it goes out with. */
export interface Outgoing<Content> extends Route {
  /** Encrypts with the SEQ (of the first segment) and IV Index given, or says what is missing (`no-key`). */
  encrypt(seq: number, ivIndex: number, subnet: SubnetSecurity): Content | MeshError;
  /** SeqZero of the message that it acknowledges, if it is a Segment Acknowledgment. */
  readonly acknowledges?: number;
}

/** A message in segments, whose number is known before they are made. */
export interface OutgoingSegments extends Outgoing<Segments> {
  readonly segN: number;
  /** See `AccessSend.observe`. */
  readonly observe?: ((sent: number, received: number) => void) | undefined;
}

/** Segments of a message, made as they are sent. */
export interface Segments {
  readonly segN: number;
  /** The Lower Transport PDU of a segment. */
  segment(segO: number): Uint8Array;
}

export interface OriginatorOptions {
  readonly clock: Clock;
  readonly counters: NetworkCounters;
  readonly iv: IvIndexState;
  readonly sequence: SequenceAllocator;
  readonly sending: SendingQueue;
  readonly outgoing: SarTransmitterQueue;
  /** The material to transmit with. */
  netKey(index: NetIndex, credentials: Credentials): SubnetSecurity | undefined;
  /** The Friend in this node, which keeps messages for its Low Power nodes. */
  friend?(): OwnMessageKeeper | undefined;
  /** A segmented message waits for acknowledgments now: one of a Low Power node has to ask its Friend for them. */
  waiting?(): void;
}

/** Takes messages of this node for its Low Power nodes. */
export interface OwnMessageKeeper {
  /** Whether any of them wants it. */
  wantsOwn(src: Unicast, dst: Address, netIndex: NetIndex): boolean;
  /** Keeps it. `only`: it is for nobody else; `too-long`: so it is, and no queue can hold it. */
  keepOwn(message: OutgoingSegments): 'only' | 'too-long' | undefined;
}

/** SEQ of a segment stays within this of its SeqAuth, or SeqZero would mean another message [Mesh Protocol 1.1, 3.5.3.1]. */
export const SEQ_AUTH_WINDOW = 8192;

/** Sends messages of this node: allocates SEQ, encrypts, hands Network PDUs to the interfaces [3.4.6.4, 3.5.3.2]. */
export class Originator {
  readonly #options: OriginatorOptions;
  readonly #acknowledgmentTimes = new AcknowledgmentTimes();

  constructor(options: OriginatorOptions) {
    this.#options = options;
  }

  /** A message in one PDU; `encrypt` gives its Lower Transport PDU. */
  sendUnsegmented(message: Outgoing<Uint8Array>, done: Done): Cancel {
    const { sending } = this.#options;
    const subnet = this.#subnet(message);
    if (subnet instanceof MeshError) return this.#fail(subnet, done);
    if (this.#isKept(message)) {
      const kept = this.#keep(asSegment(message), done);
      if (kept !== undefined) return kept;
    }
    const { transmit } = message;
    const dst = overGatt(message, subnet);
    const ended = (outcome: Sent | MeshError): void => done(outcome instanceof MeshError ? outcome : undefined);
    if (message.priority === 'bulk') {
      return sending.sendBulk({ dst, transmit, make: () => this.#unsegmentedPdu(message), done: ended });
    }
    const pdu = this.#unsegmentedPdu(message);
    if (pdu instanceof MeshError) return this.#fail(pdu, done);
    if (message.acknowledges !== undefined) {
      return sending.acknowledge(pdu, transmit, () => this.#unsegmentedPdu(message), ended, dst);
    }
    return sending.send(pdu, transmit, ended, dst);
  }

  #unsegmentedPdu(message: Outgoing<Uint8Array>): Uint8Array | MeshError {
    const { iv } = this.#options;
    const subnet = this.#subnet(message);
    if (subnet instanceof MeshError) return subnet;
    const seq = this.takeSeq();
    if (seq instanceof MeshError) return seq;
    const transportPdu = message.encrypt(seq, iv.transmit, subnet);
    if (transportPdu instanceof MeshError) return transportPdu;
    return this.#networkPdu(message, transportPdu, seq, iv.transmit, subnet);
  }

  /** A message in segments, when its turn has come. `done` is called once, not before this returns, unless cancelled. */
  sendSegmented(message: OutgoingSegments, sar: SarTransmitter, done: Done): Cancel {
    if (this.#isKept(message)) {
      const kept = this.#keep(message, done);
      if (kept !== undefined) return kept;
    }
    const { clock, outgoing } = this.#options;
    let returned = false;
    let cancelled = false;
    const cancel = outgoing.send({
      src: message.src,
      dst: message.dst,
      netIndex: message.netIndex,
      isBulk: message.priority === 'bulk',
      begin: (finished) => this.#begin(message, sar, finished),
      done: (error) => {
        if (returned) done(error);
        else clock.after(0, () => cancelled || done(error));
      },
    });
    returned = true;
    return () => {
      cancelled = true;
      cancel();
    };
  }

  #begin(
    message: OutgoingSegments,
    state: SarTransmitter,
    finished: Done,
  ): { seqZero: number; transmission: SarTransmission } | MeshError {
    const { clock, iv, sequence, sending, waiting } = this.#options;
    const subnet = this.#subnet(message);
    if (subnet instanceof MeshError) return subnet;
    const seqAuth = this.takeSeq();
    if (seqAuth instanceof MeshError) return seqAuth;
    const ivIndex = iv.transmit; // the same for all segments, also for those sent again
    const segments = message.encrypt(seqAuth, ivIndex, subnet);
    if (segments instanceof MeshError) return segments;

    let first = true;
    const make = (segO: number): Uint8Array | MeshError => {
      // SEQ of the message is that of its first segment, unless that was overtaken: then it would come as replayed.
      const isFresh = first && sequence.next === seqAuth + 1;
      first = false;
      const seq = isFresh ? seqAuth : this.takeSeq(seqAuth + SEQ_AUTH_WINDOW);
      if (seq instanceof MeshError) return seq;
      return this.#networkPdu(message, segments.segment(segO), seq, ivIndex, subnet);
    };
    const { transmit } = message;
    const dst = overGatt(message, subnet);
    const isBulk = message.priority === 'bulk';
    const send = (segO: number, sent: (outcome: Sent | MeshError) => void, begun: () => void): Cancel => {
      if (isBulk) return sending.sendBulk({ dst, transmit, make: () => make(segO), begun, done: sent });
      const pdu = make(segO);
      return pdu instanceof MeshError ? this.#fail(pdu, sent) : sending.send(pdu, transmit, sent, dst);
    };
    const times = this.#acknowledgmentTimes;
    const transmission = new SarTransmission({
      clock,
      state,
      segN: segments.segN,
      ttl: message.ttl,
      unicast: isUnicast(message.dst),
      pace: sending.pace(transmit, isBulk),
      isBulk,
      send,
      waiting,
      observe: message.observe,
      leastWaitMs: times.waitMs(message.dst),
      took: (ms) => times.observe(message.dst, ms),
      finished,
    });
    return { seqZero: seqAuth & 0x1fff, transmission };
  }

  #networkPdu(
    { ctl, ttl, src, dst }: Route,
    transportPdu: Uint8Array,
    seq: number,
    ivIndex: number,
    subnet: SubnetSecurity,
  ): Uint8Array {
    this.#options.counters.sent++;
    return encodeNetworkPdu({ ctl, ttl, seq, src, dst, transportPdu }, subnet, ivIndex);
  }

  /** A new SEQ below `end`, stored ahead, or why there is none. */
  takeSeq(end: number = Number.POSITIVE_INFINITY): number | MeshError {
    const { sequence } = this.#options;
    if (sequence.next >= end) return windowUsedUp();
    try {
      return sequence.take() ?? sequenceExhausted();
    } catch (thrown) {
      return toMeshError(thrown);
    }
  }

  #subnet({ netIndex, credentials = 'flooding' }: Route): SubnetSecurity | MeshError {
    return this.#options.netKey(netIndex, credentials) ?? noKey(`NetKey ${netIndex}`);
  }

  #isKept({ src, dst, netIndex }: Route): boolean {
    return this.#options.friend?.()?.wantsOwn(src, dst, netIndex) ?? false;
  }

  /** Undefined: it goes on air as well. What the Friend holds for a Low Power node is as good as acknowledged. */
  #keep(message: OutgoingSegments, done: Done): Cancel | undefined {
    const kept = this.#options.friend?.()?.keepOwn(message);
    if (kept === undefined) return undefined;
    const timer = this.#options.clock.after(0, () => done(kept === 'only' ? undefined : tooLong()));
    return () => timer.cancel();
  }

  #fail(error: MeshError, done: (error: MeshError) => void): Cancel {
    const timer = this.#options.clock.after(0, () => done(error));
    return () => timer.cancel();
  }
}

/** Whom GATT interfaces are asked for; none with credentials that these never carry. */
function overGatt({ dst }: Route, { credentials }: SubnetSecurity): Address | undefined {
  return credentials === 'flooding' ? dst : undefined;
}

/** A message in one PDU, as a Friend keeps it. */
function asSegment(message: Outgoing<Uint8Array>): OutgoingSegments {
  const encrypt = (seq: number, ivIndex: number, subnet: SubnetSecurity): Segments | MeshError => {
    const pdu = message.encrypt(seq, ivIndex, subnet);
    return pdu instanceof MeshError ? pdu : { segN: 0, segment: () => pdu };
  };
  return { ...message, encrypt, segN: 0 };
}

function tooLong(): MeshError {
  return new MeshError('segmented-refused', 'the message is longer than the queue of this Friend', {
    hint: 'Send a shorter message, or give the Friend a larger queueSize.',
  });
}

/** `what` is missing: a NetKey, an AppKey, a device key. */
export function noKey(what: string): MeshError {
  return new MeshError('no-key', `${what} is not known to this node`, {
    hint: 'Add the key before sending, or choose another one.',
  });
}

/** No SEQ is left under this IV Index. */
export function sequenceExhausted(): MeshError {
  return new MeshError('sequence-exhausted', 'all sequence numbers of this IV Index are used', {
    hint: 'The network needs an IV Update before this node can send again.',
  });
}

function windowUsedUp(): MeshError {
  return new MeshError('segmented-timeout', `not acknowledged within ${SEQ_AUTH_WINDOW} sequence numbers`, {
    hint: 'Send fewer messages in parallel.',
  });
}
