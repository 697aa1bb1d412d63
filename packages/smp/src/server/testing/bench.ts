import { type Result, VirtualClock } from '@meshferry/core';
import { type CborMap, encodeMap } from '../../cbor.ts';
import type { SmpAnswerError, SmpCommand } from '../../message.ts';
import { decodePacket, encodePacket } from '../../packet.ts';
import type { SmpServerOptions } from '../server-options.ts';
import { SmpServer } from '../smp-server.ts';
import { LoopLink } from './loop-link.ts';

/** A server and one client, which waits for the answer to each request. */
export class Bench {
  readonly clock: VirtualClock;
  readonly server: SmpServer;
  link: LoopLink;
  version: number = 1;
  #sequence = 0;

  constructor(options: Omit<SmpServerOptions, 'clock'> = {}, clock: VirtualClock = new VirtualClock()) {
    this.clock = clock;
    this.server = new SmpServer({ buffers: { size: 1024, count: 4 }, ...options, clock });
    this.link = this.connect();
  }

  /** A further link, of another client. */
  connect(): LoopLink {
    const link = new LoopLink(this.clock);
    this.server.attach(link);
    return link;
  }

  /** Sends packets at once; gives what comes within ten minutes. */
  exchange(...packets: readonly Uint8Array[]): Uint8Array[] {
    const { link } = this;
    const before = link.sent.length;
    for (const packet of packets) link.put(packet);
    this.clock.advance(600_000);
    return link.sent.slice(before);
  }

  /** The packet of a request; sequence numbers count up. */
  packet<Q, A>(command: SmpCommand<Q, A>, value: Q): Uint8Array {
    this.#sequence = (this.#sequence + 1) & 0xff;
    return command.encodeRequest(value, { version: this.version, sequence: this.#sequence });
  }

  /** The answer to a request; undefined when there is none, or not exactly one. */
  ask<Q, A>(command: SmpCommand<Q, A>, value: Q): Result<A, SmpAnswerError> | undefined {
    return this.#answerTo(command, this.packet(command, value));
  }

  /** The answer's value; throws where there is another outcome. */
  value<Q, A>(command: SmpCommand<Q, A>, value: Q): A {
    const answer = this.ask(command, value);
    if (answer?.ok !== true) throw new Error(`${command.name}: ${JSON.stringify(answer?.error)}`);
    return answer.value;
  }

  /** The same for members that the command's type does not allow. */
  rawCode<Q, A>(command: SmpCommand<Q, A>, members: CborMap): readonly [number, number] | number | undefined {
    const { op, group, command: number } = command;
    const header = { op, version: this.version, group, sequence: 0, command: number };
    return this.#codeOf(command, encodePacket(header, encodeMap(members)));
  }

  /** `[group, code]` of a group's error, `code` of one of the SMP layer; 0 for success, undefined for silence. */
  code<Q, A>(command: SmpCommand<Q, A>, value: Q): readonly [number, number] | number | undefined {
    return this.#codeOf(command, this.packet(command, value));
  }

  #codeOf<Q, A>(command: SmpCommand<Q, A>, request: Uint8Array): readonly [number, number] | number | undefined {
    const answer = this.#answerTo(command, request);
    if (answer === undefined) return undefined;
    if (answer.ok) return 0;
    if (answer.error.kind === 'malformed') throw new Error(`${answer.error.field}: ${answer.error.reason}`);
    const { layer, group, code } = answer.error.refusal;
    return layer === 'group' ? [group, code] : code;
  }

  #answerTo<Q, A>(command: SmpCommand<Q, A>, request: Uint8Array): Result<A, SmpAnswerError> | undefined {
    const answers = this.exchange(request);
    const packet = answers.length === 1 ? decodePacket(answers[0]!) : undefined;
    return packet?.ok === true ? command.decodeResponse(packet.value.payload) : undefined;
  }
}
