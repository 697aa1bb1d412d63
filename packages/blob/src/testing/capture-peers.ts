import { type Cancel, fromHex, MeshError, toHex, type VirtualClock } from '@meshferry/core';
import type { AccessReceived, AccessSend, AccessTransport } from '@meshferry/network';
import {
  blockOf,
  type Exchange,
  exchanges,
  isFor,
  opcodeOf,
  type RecordedMessage,
  responseTo,
} from './capture-recording.ts';
import { RecordedReports } from './capture-reports.ts';
import { StockRules } from './capture-rules.ts';

/** How recorded servers stand in for real ones. */
export interface RecordedPeersOptions {
  readonly clock: VirtualClock;
  readonly messages: readonly RecordedMessage[];
  /** The client whose place our client takes. */
  readonly client: number;
  readonly servers: readonly number[];
  readonly image: Uint8Array;
  readonly blobId: bigint | undefined;
  /** Default TTL of the recorded client. */
  readonly defaultTtl: number;
  /** Information Status of a recording in which it was not asked for: one that leads to the recorded sizes. */
  readonly information?: string;
  /** Answers to what was not asked in the recording, or not at that time; asked before the script. */
  readonly supplement?: (hex: string, server: number) => string | undefined;
  /** Where the messages of the servers go. */
  readonly deliver: (message: AccessReceived) => void;
  /**
   * Answers come no earlier than they were recorded, counted from the start of the clock, and the first request gets the
   * next one: keeps a node that is asked at recorded times in step.
   */
  readonly lockstep?: boolean;
}

/** A message of ours, beside what was recorded. */
export interface ComparedMessage {
  readonly hex: string;
  readonly dst: number;
  /**
   * `same`: octet for octet in the recording, to the same address with the same TTL. `mtu`: so but for the Client MTU Size,
   * which Zephyr gives as 384 by mistake. `ttl`: so but for the TTL. `unicast`: so, but recorded to a group. `other`: no such
   * message was recorded.
   */
  readonly how: 'same' | 'mtu' | 'ttl' | 'unicast' | 'other';
}

/** Between a request and its answer, ms; so long takes a segment of ours. */
const ANSWER_MS = 60;
const SEGMENT_MS = 25;
/** Requests to a Distributor that change what others are answered. */
const CHANGING = /^83(11|12|19|1f|25)/;

/** The air of a recording as our client finds it: each recorded server answers each message as it did then. */
export class RecordedPeers implements AccessTransport {
  readonly defaultTtl: number;
  readonly compared: ComparedMessage[] = [];
  /** Messages that a recorded server would have refused, and why. */
  readonly refusals: string[] = [];
  /** Answers that were fed back, as they stand in the recording. */
  fed = 0;
  readonly #options: RecordedPeersOptions;
  readonly #peers: readonly Peer[];
  readonly #recorded: readonly RecordedMessage[];

  constructor(options: RecordedPeersOptions) {
    this.#options = options;
    this.defaultTtl = options.defaultTtl;
    this.#recorded = options.messages.filter(({ src }) => src === options.client);
    this.#peers = options.servers.map((address) => new Peer(address, options, this));
  }

  /** Recorded messages of the client to these servers that ours has not sent; chunks and repetitions aside. */
  get omitted(): readonly RecordedMessage[] {
    const { servers, client } = this.#options;
    return this.#recorded.filter(
      (message) =>
        servers.some((server) => isFor(message, client, server)) &&
        !this.compared.some(({ hex, dst }) => plain(hex) === plain(message.hex) && dst === message.dst),
    );
  }

  /** For each server what it was sent that was recorded, each once in the order of its first time; and the recorded order. */
  get orders(): readonly { readonly ours: readonly string[]; readonly recorded: readonly string[] }[] {
    const { servers, client } = this.#options;
    return servers.map((server) => {
      const messages = this.#recorded.filter((message) => isFor(message, client, server));
      const known = new Set(messages.map(({ hex }) => plain(hex)));
      const sent = this.compared.filter(({ dst }) => dst === server || dst >= 0xc000).map(({ hex }) => plain(hex));
      return { ours: [...new Set(sent.filter((hex) => known.has(hex)))], recorded: [...known] };
    });
  }

  send(message: AccessSend, done?: (error?: MeshError) => void): Cancel {
    const hex = toHex(message.payload);
    this.compared.push({ hex, dst: message.dst, how: this.#compare(hex, message) });
    const segments =
      message.payload.length <= 11 && message.segmented !== true ? 1 : (message.payload.length + 15) / 12;
    let over = false;
    const end = (error?: MeshError): void => {
      if (over) return;
      over = true;
      done?.(error);
    };
    const timer = this.#options.clock.after(SEGMENT_MS * Math.floor(segments), () => {
      for (const peer of this.#peers) if (message.dst === peer.address || message.dst >= 0xc000) peer.hear(hex);
      end();
    });
    return () => {
      timer.cancel();
      end(new MeshError('cancelled', 'cancelled before it was sent'));
    };
  }

  #compare(hex: string, { dst, ttl = 0xff }: AccessSend): ComparedMessage['how'] {
    const alike = this.#recorded.filter((message) => plain(message.hex) === plain(hex));
    const here = alike.filter((message) => message.dst === dst);
    if (alike.length === 0) return 'other';
    if (here.length === 0) return 'unicast';
    const sentTtl = ttl === 0xff ? this.defaultTtl : ttl;
    if (here.every((message) => message.ttl !== sentTtl)) return 'ttl';
    return here.some((message) => message.hex === hex) ? 'same' : 'mtu';
  }
}

/** Without the Client MTU Size of a Transfer Start. */
function plain(hex: string): string {
  return opcodeOf(hex) === '8301' ? hex.slice(0, -4) : hex;
}

/** One recorded server. */
class Peer {
  readonly address: number;
  readonly #options: RecordedPeersOptions;
  readonly #air: RecordedPeers;
  readonly #rules: StockRules;
  /** By what was asked, in the order of the recording. */
  readonly #script = new Map<string, Exchange[]>();
  readonly #asked = new Map<string, number>();
  readonly #due = new Set<string>();
  readonly #reports: RecordedReports;
  /** Recorded time of the last request that changed what later ones are answered. */
  #position = 0;

  constructor(address: number, options: RecordedPeersOptions, air: RecordedPeers) {
    this.address = address;
    this.#options = options;
    this.#air = air;
    let block = 0;
    for (const exchange of exchanges(options.messages, options.client, address)) {
      const { hex } = exchange.request;
      if (opcodeOf(hex) === '8304') block = blockOf(hex);
      const key = keyOf(hex, block);
      this.#script.set(key, [...(this.#script.get(key) ?? []), exchange]);
    }
    const information = this.#script.get('8306')?.find(({ answer }) => answer !== undefined)?.answer?.hex;
    this.#rules = new StockRules({
      blobId: options.blobId,
      image: options.image,
      information: information ?? options.information ?? '8307080c00017901000008007c0103',
    });
    this.#reports = new RecordedReports(options, address, this.#rules, (hex) => this.#say(hex));
  }

  hear(hex: string): void {
    const refusal = this.#rules.refusal(hex);
    if (refusal !== undefined)
      this.#air.refusals.push(`${this.address.toString(16)} refuses ${hex.slice(0, 40)}: ${refusal}`);
    if (opcodeOf(hex) === '66') this.#reports.heardChunk();
    if (responseTo(hex) === undefined) return;
    const added = this.#options.supplement?.(hex, this.address);
    if (added !== undefined) {
      this.#answer(added, ANSWER_MS);
      return;
    }
    const key = keyOf(hex, this.#rules.openBlock ?? 0);
    const script = this.#script.get(key);
    if (script === undefined) {
      if (key === '8306' && this.#options.information !== undefined) this.#answer(this.#options.information, ANSWER_MS);
      return;
    }
    if (this.#options.lockstep) this.#answerInStep(key, script);
    else {
      let count = this.#asked.get(key) ?? 0;
      // What was asked before the last change is past.
      while (count < script.length - 1 && script[count]!.request.begun < this.#position) count++;
      this.#asked.set(key, count + 1);
      const { request, answer } = script[Math.min(count, script.length - 1)]!;
      if (CHANGING.test(hex)) this.#position = Math.max(this.#position, request.begun);
      if (answer !== undefined) this.#answer(answer.hex, ANSWER_MS);
    }
  }

  /** The next recorded answer, when its time has come. */
  #answerInStep(key: string, script: readonly Exchange[]): void {
    if (this.#due.has(key)) return;
    const answers = script.flatMap(({ answer }) => (answer === undefined ? [] : [answer]));
    const count = this.#asked.get(key) ?? 0;
    const answer = answers[Math.min(count, answers.length - 1)];
    if (answer === undefined) return;
    this.#asked.set(key, count + 1);
    this.#due.add(key);
    const { clock } = this.#options;
    clock.after(Math.max(ANSWER_MS, answer.at - clock.now), () => {
      this.#due.delete(key);
      this.#check(answer.hex);
      this.#say(answer.hex);
    });
  }

  #answer(hex: string, afterMs: number): void {
    this.#options.clock.after(afterMs, () => {
      this.#check(hex);
      this.#say(this.#sized(this.#reports.current(hex)));
    });
  }

  /** A Block Status repeats the chunk size that it was told; all and none mean the same with any. */
  #sized(hex: string): string {
    const { chunkSize } = this.#rules;
    if (opcodeOf(hex) !== '67' || hex.startsWith('67c0') || chunkSize === undefined) return hex;
    return hex.slice(0, 8) + toHex(Uint8Array.of(chunkSize & 0xff, chunkSize >> 8)) + hex.slice(12);
  }

  /** A server has a block when it was sent all of it: an answer that says so must not come too early. */
  #check(hex: string): void {
    const isNone = opcodeOf(hex) === '67' && hex.startsWith('6740');
    const block = Number.parseInt(hex.slice(6, 8) + hex.slice(4, 6), 16);
    if (isNone && !this.#rules.isWhole(block)) {
      this.#air.refusals.push(`${this.address.toString(16)} would still miss chunks of block ${block}`);
    }
    const isComplete = opcodeOf(hex) === '8303' && hex.slice(6, 8) === '04';
    if (isComplete && !this.#rules.isWhole(this.#rules.openBlock ?? 0)) {
      this.#air.refusals.push(`${this.address.toString(16)} would not be complete`);
    }
  }

  #say(hex: string): void {
    this.#air.fed++;
    const { client, messages, deliver } = this.#options;
    const ttl = messages.find(({ src, hex: recorded }) => src === this.address && recorded === hex)?.ttl ?? 5;
    if (opcodeOf(hex) === '67') this.#reports.answered(hex);
    deliver(receivedOf(this.address, client, ttl, hex));
  }
}

/** What makes two requests the same question: all octets but MTU and chunk size; Block Get asks about the open block. */
function keyOf(hex: string, block: number): string {
  if (opcodeOf(hex) === '8305') return `8305@${block}`;
  return opcodeOf(hex) === '8304' ? hex.slice(0, 8) : plain(hex);
}

/** A recorded message as the network layer gives it. */
export function receivedOf(src: number, dst: number, ttl: number, hex: string): AccessReceived {
  return {
    src,
    dst,
    key: { kind: 'app', index: 0 },
    netIndex: 0,
    credentials: 'flooding',
    ttl,
    seq: 0,
    payload: fromHex(hex),
  };
}
