import {
  type Address,
  type Clock,
  Deadline,
  isUnicast,
  type Log,
  type NetIndex,
  toMeshError,
  type Unicast,
} from '@meshferry/core';
import type { AccessOpener, OpenedAccess } from './access-opener.ts';
import type { AccessReceived, Credentials } from './contract.ts';
import type { NetworkCounters } from './counters.ts';
import type { SubnetSecurity } from './key-material.ts';
import { decodeLowerTransportPdu, type SegmentAcknowledgment, type UnsegmentedAccess } from './lower-transport-pdu.ts';
import type { ReceivedPdu } from './network-receiver.ts';
import type { ReplayList } from './replay-list.ts';
import type { SegmentReceiver } from './sar-receiver.ts';
import type { SarTransmitterQueue } from './sar-transmitter.ts';
import type { Reassembled, SegmentOrigin } from './segment.ts';

/** A control message for this node [Mesh Protocol 1.1, 3.6.5]. */
export interface ControlReceived {
  /** 7 bits, not 0. */
  readonly opcode: number;
  /** 0 to 256 octets. */
  readonly parameters: Uint8Array;
  readonly src: Unicast;
  readonly dst: Address;
  readonly ttl: number;
  readonly netIndex: NetIndex;
  readonly credentials: Credentials;
  /** What secured it: one value of one NetKey. */
  readonly security: SubnetSecurity;
  /** dBm. */
  readonly rssi: number | undefined;
}

export interface TransportReceiverOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: NetworkCounters;
  readonly replay: ReplayList;
  readonly segments: SegmentReceiver;
  readonly outgoing: SarTransmitterQueue;
  readonly opener: AccessOpener;
  /** Takes an access message, already safe from being replayed. */
  deliver(message: AccessReceived): void;
  /** Whether control messages to this group are taken. */
  isControlGroup(dst: Address): boolean;
  /** The handler of a control opcode, if there is one. */
  controlHandler(opcode: number): ((message: ControlReceived) => void) | undefined;
}

/** As it is while it is put together. */
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Replay entries without an effect of their own (acknowledgments) are written within this time, ms. */
const WRITE_DELAY_MS = 1000;

/** Lower and upper transport for PDUs addressed to this node [Mesh Protocol 1.1, 3.5.3, 3.6.4]. */
export class TransportReceiver {
  readonly #options: TransportReceiverOptions;
  readonly #write: Deadline;

  constructor(options: TransportReceiverOptions) {
    this.#options = options;
    this.#write = new Deadline(options.clock, () => void this.#flush());
  }

  receive(pdu: ReceivedPdu): void {
    const { counters, replay, segments } = this.#options;
    const decoded = decodeLowerTransportPdu(pdu.ctl, pdu.transportPdu);
    if (!decoded.ok) {
      counters.malformed++;
      return;
    }
    if (!replay.accepts(pdu.src, pdu.ivIndex, pdu.seq)) {
      this.#refuse(pdu.src);
      return;
    }
    const transport = decoded.value;
    switch (transport.format) {
      case 'unsegmented-access':
        this.#receiveAccess(transport, pdu);
        return;
      case 'segmented-access':
      case 'segmented-control':
        segments.receive(transport, pdu);
        return;
      case 'unsegmented-control':
        this.#receiveControl(transport.opcode, transport.parameters, pdu, pdu.seq);
        return;
      case 'segment-acknowledgment':
        this.#receiveAcknowledgment(transport, pdu);
        return;
    }
  }

  /** Takes a message of the {@link SegmentReceiver}. */
  complete(message: Reassembled): void {
    const { segment, origin, seqAuthSeq, lastSeq, upperTransportPdu } = message;
    if (segment.format === 'segmented-control') {
      if (this.#isControl(segment.opcode, origin.dst)) {
        this.#receiveControl(segment.opcode, upperTransportPdu, origin, lastSeq, seqAuthSeq);
      }
      return;
    }
    const { akf, aid, szmic } = segment;
    const opened = this.#open(akf, aid, szmic, seqAuthSeq, origin, upperTransportPdu);
    if (opened !== undefined) this.#accept(opened, origin, seqAuthSeq, lastSeq, seqAuthSeq);
  }

  /** Writes what is due and stops. */
  close(): void {
    this.#write.clear();
    this.#flush();
  }

  #receiveAccess({ akf, aid, upperTransportPdu }: UnsegmentedAccess, pdu: ReceivedPdu): void {
    const opened = this.#open(akf, aid, false, pdu.seq, pdu, upperTransportPdu);
    if (opened !== undefined) this.#accept(opened, pdu, pdu.seq, pdu.seq);
  }

  #open(
    akf: boolean,
    aid: number,
    szmic: boolean,
    seq: number,
    { src, dst, ivIndex, netIndex }: SegmentOrigin,
    upperTransportPdu: Uint8Array,
  ): OpenedAccess | undefined {
    const fields = { akf, szmic, seq, src, dst, ivIndex };
    const opened = this.#options.opener.open(fields, aid, netIndex, upperTransportPdu);
    if (opened === undefined) this.#options.counters.unreadable++;
    return opened;
  }

  /** Makes the message safe from being replayed, durably, then hands it up [3.9.8]. */
  #accept(opened: OpenedAccess, origin: SegmentOrigin, seq: number, lastSeq: number, seqAuthSeq?: number): void {
    if (!this.#record(origin, lastSeq, seqAuthSeq) || !this.#flush() || !this.#counts(opened)) return;
    const { src, dst, netIndex, credentials, ttl, rssi } = origin;
    const { payload, key, label } = opened;
    this.#options.counters.delivered++;
    const message: Writable<AccessReceived> = { src, dst, key, netIndex, credentials, ttl, seq, payload };
    if (label !== undefined) message.label = label;
    if (rssi !== undefined) message.rssi = rssi;
    this.#options.deliver(message);
  }

  /** False when what follows from the message could not be made durable. */
  #counts({ counts }: OpenedAccess): boolean {
    if (counts === undefined) return true;
    try {
      counts();
      return true;
    } catch (thrown) {
      const code = toMeshError(thrown).code;
      this.#options.log('error', 'the new device key could not be written: message dropped', { code });
      return false;
    }
  }

  #receiveControl(
    opcode: number,
    parameters: Uint8Array,
    origin: SegmentOrigin,
    lastSeq: number,
    seqAuthSeq?: number,
  ): void {
    if (!this.#isControl(opcode, origin.dst)) return;
    if (!this.#record(origin, lastSeq, seqAuthSeq) || !this.#flush()) return;
    const { src, dst, ttl, netIndex, credentials, security, rssi } = origin;
    const message = { opcode, parameters, src, dst, ttl, netIndex, credentials, security, rssi };
    this.#options.controlHandler(opcode)?.(message);
  }

  /** Own unicast addresses, fixed groups, those of Heartbeats; unknown opcodes are ignored [3.6.5]. */
  #isControl(opcode: number, dst: Address): boolean {
    const takes = isUnicast(dst) || dst >= 0xff00 || this.#options.isControlGroup(dst);
    return takes && this.#options.controlHandler(opcode) !== undefined;
  }

  /** What an acknowledgment does dies with the process, so writing its replay entry may wait. */
  #receiveAcknowledgment(acknowledgment: SegmentAcknowledgment, pdu: ReceivedPdu): void {
    if (!isUnicast(pdu.dst)) return;
    const { outgoing, replay } = this.#options;
    if (!outgoing.acknowledge(acknowledgment, pdu.src, pdu.dst, pdu.netIndex)) return;
    replay.record(pdu.src, pdu.ivIndex, pdu.seq);
    if (!this.#write.isSet) this.#write.set(WRITE_DELAY_MS);
  }

  /** False when the list has been filled or has moved past this message since its first segment. */
  #record({ src, dst, ivIndex }: SegmentOrigin, seq: number, seqAuthSeq: number | undefined): boolean {
    const { replay } = this.#options;
    if (!replay.record(src, ivIndex, seq)) {
      this.#refuse(src);
      return false;
    }
    if (seqAuthSeq !== undefined) replay.recordSeqAuth(src, dst, ivIndex, seqAuthSeq);
    return true;
  }

  #refuse(src: Unicast): void {
    const { replay, counters, log } = this.#options;
    if (!replay.isFullFor(src)) {
      counters.replayed++;
      return;
    }
    if (counters.replayListFull++ === 0) log('warn', 'the replay protection list is full: new sources are ignored');
  }

  /** Whether all replay entries are durable. Without that nothing may happen. */
  #flush(): boolean {
    try {
      this.#options.replay.flush();
      return true;
    } catch (thrown) {
      this.#options.log('error', 'the replay protection list could not be written: message dropped', {
        code: toMeshError(thrown).code,
      });
      return false;
    }
  }
}
