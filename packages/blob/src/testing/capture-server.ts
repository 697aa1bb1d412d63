import type { AccessLayer, Model } from '@meshferry/access';
import { toHex, type VirtualClock } from '@meshferry/core';
import type { AccessReceived, AccessTransport } from '@meshferry/network';
import { joinModels } from './capture-client.ts';
import { receivedOf } from './capture-peers.ts';
import { type Exchange, exchanges, isFor, opcodeOf, type RecordedMessage } from './capture-recording.ts';

/** A recorded request, what the recorded server answered, and what ours did. */
export interface ComparedExchange {
  readonly request: string;
  readonly recorded: string | undefined;
  readonly ours: string | undefined;
}

/** Our servers in the place of a recorded one. */
export interface ServerReplayOptions {
  readonly clock: VirtualClock;
  readonly messages: readonly RecordedMessage[];
  readonly client: number;
  readonly server: number;
  /** On one element at the address of the server. */
  readonly models: readonly Model[];
  /** Default TTL of the recorded server. */
  readonly defaultTtl: number;
  /** Where messages to others than the client go: a Distributor has targets, too. */
  readonly others?: AccessTransport;
  /** Told once, before anything is sent. */
  readonly joined?: (access: AccessLayer) => void;
  /**
   * Instead of the messages themselves: brings what was on air up to a time, ms, to the access layer, and tells each
   * message that has arrived, in order.
   */
  readonly onAir?: (access: AccessLayer, until: number, arrived: (message: AccessReceived) => void) => void;
}

/**
 * Sends our servers all that was recorded from the client to theirs, at the recorded times, up to the last answer of the
 * recorded server: what came later it did not hear any more (or would not). Answers as `hex ttl`.
 */
export class ServerReplay {
  /** Each request with both answers. A request that was not answered was not heard then; ours hears it. */
  readonly exchanges: ComparedExchange[];
  /** Partial Block Reports, repetitions in a row once: the recorded ones and ours. */
  readonly reports: { readonly recorded: string[]; readonly ours: string[] };
  /** Messages of the client that ours have heard, and those that were recorded for it. */
  readonly heard: readonly string[];
  readonly recorded: readonly string[];

  constructor(options: ServerReplayOptions) {
    const { clock, messages, client, server, models, defaultTtl } = options;
    const sent: RecordedMessage[] = [];
    const transport: AccessTransport = {
      defaultTtl,
      send: (message, done) => {
        const { dst, ttl = 0xff, payload } = message;
        if (dst !== client && options.others !== undefined) return options.others.send(message, done);
        const begun = clock.now;
        sent.push({ begun, at: begun, src: server, dst, ttl: ttl === 0xff ? defaultTtl : ttl, hex: toHex(payload) });
        clock.after(0, () => done?.());
        return () => {};
      },
    };
    const access = joinModels(clock, server, models, transport);
    for (const model of models) model.subscribe(0xc000);
    options.joined?.(access);
    const answers = messages.filter(({ src, dst }) => src === server && dst === client);
    const until = Math.max(0, ...answers.map(({ begun }) => begun));
    const requests = messages.filter((message) => isFor(message, client, server) && message.begun <= until);
    const heard: RecordedMessage[] = [];
    // A request counts from when it was complete.
    const opcodes = new Set(requests.map(({ hex }) => opcodeOf(hex)));
    const hear = ({ src, dst, ttl, payload }: AccessReceived): void => {
      const hex = toHex(payload);
      // On air there are messages of other models, too.
      if (opcodes.has(opcodeOf(hex))) heard.push({ begun: clock.now, at: clock.now, src, dst, ttl, hex });
    };
    if (options.onAir !== undefined) {
      options.onAir(access, Math.max(...requests.map(({ at }) => at)), hear);
    } else {
      for (const { at, src, dst, ttl, hex } of requests) {
        clock.runUntil(at);
        const message = receivedOf(src, dst, ttl, hex);
        hear(message);
        access.receive(message);
      }
    }
    clock.advance(1000);
    this.heard = heard.filter(({ src }) => src === client).map(({ hex }) => hex);
    this.recorded = requests.map(({ hex }) => hex);
    const theirs = exchanges(messages, client, server).filter(({ request }) => request.begun <= until);
    const ours = exchanges([...heard, ...sent], client, server);
    this.exchanges = theirs.map(({ request, answer }, i) => ({
      request: request.hex,
      recorded: withTtl(answer),
      ours: withTtl((ours[i] as Exchange).answer),
    }));
    this.reports = {
      recorded: once(answers.filter(({ hex }) => opcodeOf(hex) === '68')),
      ours: once(sent.filter(({ hex }) => opcodeOf(hex) === '68')),
    };
  }

  /** Exchanges in which ours answered otherwise, or not, or where no later answer of theirs to the same is like ours. */
  get differing(): readonly ComparedExchange[] {
    return this.exchanges.filter((exchange, i) => {
      const later = this.exchanges.slice(i).find(({ request, recorded }) => request === exchange.request && recorded);
      return later === undefined || later.recorded !== exchange.ours;
    });
  }

  /** Answers of the recorded server. */
  get answered(): number {
    return this.exchanges.filter(({ recorded }) => recorded !== undefined).length;
  }
}

function withTtl(message: RecordedMessage | undefined): string | undefined {
  return message === undefined ? undefined : `${message.hex} ${message.ttl}`;
}

function once(messages: readonly RecordedMessage[]): string[] {
  return messages.map(({ hex }) => hex).filter((hex, i, all) => hex !== all[i - 1]);
}
