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
import type { Done, SarTransmitter } from './contract.ts';
import type { NetworkCounters } from './counters.ts';
import type { Interfaces } from './interfaces.ts';
import type { IvIndexState } from './iv-index.ts';
import type { SubnetSecurity } from './key-material.ts';
import { encodeNetworkPdu } from './pdu.ts';
import { SarTransmission } from './sar-transmission.ts';
import type { SarTransmitterQueue } from './sar-transmitter.ts';
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
}

/** A message whose content depends on the SEQ and IV Index that it goes out with. */
export interface Outgoing<Content> extends Route {
  /** Encrypts with the SEQ (of the first segment) and IV Index given, or says what is missing (`no-key`). */
  encrypt(seq: number, ivIndex: number, subnet: SubnetSecurity): Content | MeshError;
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
  readonly interfaces: Interfaces;
  readonly outgoing: SarTransmitterQueue;
  netKey(index: NetIndex): SubnetSecurity | undefined;
}

/** SEQ of a segment stays within this of its SeqAuth, or SeqZero would mean another message [Mesh Protocol 1.1, 3.5.3.1]. */
const SEQ_AUTH_WINDOW = 8192;

/** Sends messages of this node: allocates SEQ, encrypts, hands Network PDUs to the interfaces [3.4.6.4, 3.5.3.2]. */
export class Originator {
  readonly #options: OriginatorOptions;

  constructor(options: OriginatorOptions) {
    this.#options = options;
  }

  /** A message in one PDU; `encrypt` gives its Lower Transport PDU. */
  sendUnsegmented(message: Outgoing<Uint8Array>, done: Done): Cancel {
    const { iv } = this.#options;
    const subnet = this.#subnet(message.netIndex);
    if (subnet instanceof MeshError) return this.#fail(subnet, done);
    const seq = this.#takeSeq();
    if (seq instanceof MeshError) return this.#fail(seq, done);
    const transportPdu = message.encrypt(seq, iv.transmit, subnet);
    if (transportPdu instanceof MeshError) return this.#fail(transportPdu, done);
    return this.#transmit(message, transportPdu, seq, iv.transmit, subnet, (outcome) =>
      done(outcome instanceof MeshError ? outcome : undefined),
    );
  }

  /** A message in segments, when its turn has come. `done` is called once, not before this returns, unless cancelled. */
  sendSegmented(message: Outgoing<Segments>, sar: SarTransmitter, done: Done): Cancel {
    const { clock, outgoing } = this.#options;
    let returned = false;
    let cancelled = false;
    const cancel = outgoing.send({
      src: message.src,
      dst: message.dst,
      netIndex: message.netIndex,
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
    message: Outgoing<Segments>,
    state: SarTransmitter,
    finished: Done,
  ): { seqZero: number; transmission: SarTransmission } | MeshError {
    const { clock, iv, interfaces } = this.#options;
    const subnet = this.#subnet(message.netIndex);
    if (subnet instanceof MeshError) return subnet;
    const seqAuth = this.#takeSeq();
    if (seqAuth instanceof MeshError) return seqAuth;
    const ivIndex = iv.transmit; // the same for all segments, also for those sent again
    const segments = message.encrypt(seqAuth, ivIndex, subnet);
    if (segments instanceof MeshError) return segments;

    let first = true;
    const send = (segO: number, sent: (outcome: Sent | MeshError) => void): Cancel => {
      const seq = first ? seqAuth : this.#takeSeq(seqAuth + SEQ_AUTH_WINDOW);
      first = false;
      if (seq instanceof MeshError) return this.#fail(seq, sent);
      return this.#transmit(message, segments.segment(segO), seq, ivIndex, subnet, sent);
    };
    const transmission = new SarTransmission({
      clock,
      state,
      segN: segments.segN,
      ttl: message.ttl,
      unicast: isUnicast(message.dst),
      pace: interfaces.pace(message.transmit),
      send,
      finished,
    });
    return { seqZero: seqAuth & 0x1fff, transmission };
  }

  #transmit(
    { ctl, ttl, src, dst, transmit }: Route,
    transportPdu: Uint8Array,
    seq: number,
    ivIndex: number,
    subnet: SubnetSecurity,
    sent: (outcome: Sent | MeshError) => void,
  ): Cancel {
    const { counters, interfaces } = this.#options;
    const pdu = encodeNetworkPdu({ ctl, ttl, seq, src, dst, transportPdu }, subnet, ivIndex);
    counters.sent++;
    return interfaces.send(pdu, transmit, sent, subnet.credentials === 'flooding' ? dst : undefined);
  }

  /** A new SEQ below `end`, stored ahead, or why there is none. */
  #takeSeq(end: number = Number.POSITIVE_INFINITY): number | MeshError {
    const { sequence } = this.#options;
    if (sequence.next >= end) return windowUsedUp();
    try {
      return sequence.take() ?? sequenceExhausted();
    } catch (thrown) {
      return toMeshError(thrown);
    }
  }

  #subnet(netIndex: NetIndex): SubnetSecurity | MeshError {
    return this.#options.netKey(netIndex) ?? noKey(`NetKey ${netIndex}`);
  }

  #fail(error: MeshError, done: (error: MeshError) => void): Cancel {
    const timer = this.#options.clock.after(0, () => done(error));
    return () => timer.cancel();
  }
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
