import { toHex, VirtualClock } from '@meshferry/core';
import type { AccessTransport } from '@meshferry/network';
import { BlobClient } from '../client.ts';
import type { BlobEvent, BlobTargetState, BlobTransfer, BlobTransferParameters } from '../client-contract.ts';
import { sourceOf } from '../sink.ts';
import { joinModels, LeastRandom } from './capture-client.ts';
import { receivedOf } from './capture-peers.ts';
import { opcodeOf } from './capture-recording.ts';

const CLIENT = 0x0001;
const SERVER = 0x0100;

/** A BLOB, and how its one server answers until the client is where it shall be. */
export interface ClientState {
  /** What the client is waiting for an answer to, or for a report after its chunks. */
  readonly at: 'information' | 'start' | 'block' | 'check' | 'report' | 'confirm';
  readonly size: number;
  readonly log?: number;
  readonly chunkSize?: number;
  readonly mode?: 'push' | 'pull';
  readonly blobId?: bigint;
  /** Blocks Not Received in the answer to Transfer Start, as hex; default: all. */
  readonly missing?: string;
}

/** A client, and a server that answers as a test says. */
export class ClientScene {
  readonly clock = new VirtualClock();
  readonly sent: string[] = [];
  readonly transfer: BlobTransfer;
  readonly #state: Required<ClientState>;
  readonly #receive: (hex: string) => void;
  #block = '0000';
  #answering = true;
  #ended: string | undefined;

  constructor(state: ClientState) {
    this.#state = {
      log: 12,
      chunkSize: 377,
      mode: 'push',
      blobId: 0x1100000000000011n,
      missing: allOf(state),
      ...state,
    };
    const { clock } = this;
    const client = new BlobClient({ clock, random: new LeastRandom() });
    const transport: AccessTransport = {
      defaultTtl: 5,
      send: ({ payload }, done) => {
        const hex = toHex(payload);
        this.sent.push(hex);
        clock.after(10, () => {
          done?.();
          if (this.#answering) this.#answer(hex);
        });
        return () => {};
      },
    };
    const access = joinModels(clock, CLIENT, [client.model], transport);
    this.#receive = (hex) => access.receive(receivedOf(SERVER, CLIENT, 5, hex));
    const { size, mode, blobId } = this.#state;
    const parameters: BlobTransferParameters = {
      blobId,
      source: sourceOf(new Uint8Array(size)),
      receivers: [{ address: SERVER }],
      appIndex: 0,
      ttl: 5,
      timeoutBase: 3,
      settings: 'stock',
      ...(state.mode === undefined ? {} : { mode }),
    };
    this.transfer = client.start(parameters, (event) => this.#take(event));
    this.#bring();
  }

  /** The server says this; gives what the client sends within the next seconds, before it would ask again. */
  say(hex: string): string[] {
    const from = this.sent.length;
    this.#receive(hex);
    this.clock.advance(2000);
    return this.sent.slice(from);
  }

  /** The first message after a long silence: what the client is still waiting for. */
  askedAgain(): string | undefined {
    const from = this.sent.length;
    this.clock.advance(40_000);
    return this.sent[from];
  }

  get receiver(): BlobTargetState {
    return this.transfer.receivers[0] as BlobTargetState;
  }

  get ended(): string | undefined {
    return this.#ended;
  }

  #take(event: BlobEvent): void {
    if (event.type === 'done') this.#ended = event.outcome;
  }

  #bring(): void {
    const opcode = { information: '8306', start: '8301', block: '8304', check: '8305', report: '66', confirm: '8300' };
    const wanted = opcode[this.#state.at];
    const isThere = () => this.sent.some((hex) => opcodeOf(hex) === wanted);
    while (!isThere()) if (!this.clock.step()) throw new Error(`never ${this.#state.at}`);
    this.#answering = false;
    this.clock.advance(1000);
  }

  #answer(hex: string): void {
    const answer = this.#answerTo(hex);
    if (answer !== undefined) this.clock.after(10, () => this.#receive(answer));
  }

  #answerTo(hex: string): string | undefined {
    const { log, chunkSize, missing } = this.#state;
    const two = (value: number) => toHex(Uint8Array.of(value & 0xff, value >> 8));
    const octet = (value: number) => toHex(Uint8Array.of(value));
    switch (opcodeOf(hex)) {
      case '8306':
        return `8307${octet(log)}${octet(log)}b80b${two(chunkSize)}ffffffff7c0103`;
      case '8301':
        return `8303${hex.slice(4, 6)}02${hex.slice(6, 32)}7c01${missing}`;
      case '8304':
        this.#block = hex.slice(4, 8);
        return this.#state.mode === 'pull' ? `67c0${hex.slice(4)}00` : `6700${hex.slice(4)}`;
      case '8305':
        return `6740${this.#block}${two(chunkSize)}`;
      default:
        return undefined;
    }
  }
}

function allOf({ size, log = 12 }: ClientState): string {
  const blocks = Math.ceil(size / 2 ** log);
  const bits = new Uint8Array(Math.ceil(blocks / 8));
  for (let i = 0; i < blocks; i++) bits[i >> 3]! |= 1 << (i & 7);
  return toHex(bits);
}
