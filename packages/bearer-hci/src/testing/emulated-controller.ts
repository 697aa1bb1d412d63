import type { ByteStream } from '@meshferry/byte-streams';
import type { Timer } from '@meshferry/core';
import { EVENT, OPCODE, STATUS } from '../codes.ts';
import { Advertising } from './emulated-advertising.ts';
import type { EmulatedAir } from './emulated-air.ts';
import { Connections } from './emulated-connections.ts';
import { identity } from './emulated-identity.ts';
import { Scanning } from './emulated-scanning.ts';

/** What kind of controller it is; by default one of version 5.0 with four sets and whatever that has. */
export interface ControllerOptions {
  /** HCI version: 6 = 4.0, 9 = 5.0. Below 9 the shortest interval of ADV_NONCONN_IND is 100 ms. Default 9. */
  readonly version?: number;
  /** Has the extended commands. Default: from version 9 on. */
  readonly extended?: boolean;
  /** Advertising sets. Default 4. */
  readonly sets?: number;
  /** From a command to its answer. Default 1. */
  readonly answerMs?: number;
  /** Each answer brings no credit; an event with opcode 0 does so this many ms later. */
  readonly creditMs?: number;
  /** From enabling to the first advertising event: random from 0 to this. Default 10. */
  readonly firstEventMs?: number;
  /** LE ACL buffers: octets and number. Default 27 of 4. */
  readonly aclLength?: number;
  readonly aclPackets?: number;
  /** Link layer packets in each direction of a connection event. Default 6. */
  readonly packetsPerEvent?: number;
  /** Maximum number of connections. Default 4. */
  readonly connections?: number;
}

/** What can go wrong; to be changed at any time. */
export interface Faults {
  /** Status that commands are refused with, by opcode. */
  readonly refuse: Map<number, number>;
  /** How each answer comes: ms later than usual, twice, or never. */
  answer: (opcode: number) => number | 'twice' | 'never' | undefined;
  /** So many Advertising Set Terminated events get lost; Infinity: there is none. */
  lostTerminations: number;
}

/** The parameters of a command, its status and the return parameters behind that. */
export type Handler = (parameters: Uint8Array) => number | Uint8Array;

/** An emulated controller at one end of a byte stream of H4 packets. */
export class EmulatedController {
  readonly air: EmulatedAir;
  readonly options: Required<Omit<ControllerOptions, 'creditMs'>> & Pick<ControllerOptions, 'creditMs'>;
  readonly faults: Faults = { refuse: new Map(), answer: () => undefined, lostTerminations: 0 };
  readonly publicAddress: Uint8Array;
  readonly advertising: Advertising;
  readonly scanning: Scanning;
  readonly connections: Connections;
  /** Opcodes and parameters of the commands so far. */
  readonly commands: { opcode: number; parameters: Uint8Array; at: number }[] = [];
  randomAddress: Uint8Array | undefined;
  leEventMask = 0x1f;
  readonly #stream: ByteStream;
  readonly #handlers = new Map<number, Handler>();
  #family: 'legacy' | 'extended' | undefined;
  #input: Uint8Array = new Uint8Array();
  /** Commands are worked off one after the other. */
  #busyUntil = 0;
  #alive = true;

  constructor(air: EmulatedAir, stream: ByteStream, number: number, options: ControllerOptions) {
    const version = options.version ?? 9;
    this.options = {
      version,
      extended: version >= 9,
      sets: 4,
      answerMs: 1,
      firstEventMs: 10,
      aclLength: 27,
      aclPackets: 4,
      packetsPerEvent: 6,
      connections: 4,
      ...options,
    };
    this.air = air;
    this.publicAddress = Uint8Array.of(0x42, 0x00, number, 0x01, 0xaa, 0x00);
    this.#stream = stream;
    this.advertising = new Advertising(this);
    this.scanning = new Scanning(this);
    this.connections = new Connections(this);
    for (const handlers of [
      identity(this),
      this.advertising.handlers,
      this.scanning.handlers,
      this.connections.handlers,
    ])
      for (const [opcode, handler] of handlers) this.#handlers.set(opcode, handler);
    stream.listen({ data: (octets) => this.#data(octets), drained: () => {}, ended: () => this.#gone() });
  }

  /** Whether a command is known. */
  knows(opcode: number): boolean {
    return this.#handlers.has(opcode);
  }

  event(code: number, parameters: Uint8Array | readonly number[]): void {
    this.inject(Uint8Array.of(EVENT_PACKET, code, parameters.length, ...parameters));
  }

  leEvent(subevent: number, parameters: Uint8Array | readonly number[]): void {
    if ((this.leEventMask & (1 << (subevent - 1))) !== 0) this.event(EVENT.LE_META, [subevent, ...parameters]);
  }

  /** Any octets to the host, garbage as well. */
  inject(octets: Uint8Array): void {
    if (this.#alive) this.#stream.write(octets);
  }

  hardwareError(code = 0): void {
    this.event(EVENT.HARDWARE_ERROR, [code]);
  }

  /** Advertising reports of a crowd: `count` at once, of ADV_NONCONN_IND with the given data. */
  flood(count: number, data: Uint8Array): void {
    for (let i = 0; i < count; i++) this.scanning.report('ADV_NONCONN_IND', 1, new Uint8Array(6).fill(i), data, -70);
  }

  /** The stream breaks off, and everything else with it. */
  unplug(): void {
    const stream = this.#stream as ByteStream & { unplug?(): void };
    this.#gone();
    if (stream.unplug) stream.unplug();
    else stream.close();
  }

  reset(): void {
    this.advertising.reset();
    this.scanning.reset();
    this.connections.reset();
    this.randomAddress = undefined;
    this.#family = undefined;
    this.leEventMask = 0x1f;
  }

  later(ms: number, run: () => void): Timer {
    return this.air.clock.after(ms, () => this.#alive && run());
  }

  #gone(): void {
    if (!this.#alive) return;
    this.reset();
    this.#alive = false;
    this.air.detach(this);
  }

  #data(octets: Uint8Array): void {
    const input = new Uint8Array(this.#input.length + octets.length);
    input.set(this.#input);
    input.set(octets, this.#input.length);
    let at = 0;
    for (;;) {
      const type = input[at];
      const header = type === ACL_PACKET ? 5 : 4;
      if (type === undefined || at + header > input.length) break;
      const length = type === ACL_PACKET ? input[at + 3]! | (input[at + 4]! << 8) : input[at + 3]!;
      const end = at + header + length;
      if (end > input.length) break;
      const word = input[at + 1]! | (input[at + 2]! << 8);
      const body = input.slice(at + header, end);
      at = end;
      if (type === ACL_PACKET) this.connections.fromHost(word & 0x0fff, word >> 12, body);
      else if (type === COMMAND_PACKET) this.#command(word, body);
      else throw new Error(`the host sent a packet of type ${type}`);
    }
    this.#input = input.slice(at);
  }

  #command(opcode: number, parameters: Uint8Array): void {
    const { clock } = this.air;
    this.commands.push({ opcode, parameters, at: clock.now });
    const how = this.faults.answer(opcode);
    this.#busyUntil = Math.max(clock.now, this.#busyUntil) + this.options.answerMs;
    this.later(this.#busyUntil - clock.now, () => {
      const result = this.#execute(opcode, parameters);
      if (how === 'never') return;
      const answer = () => this.#answer(opcode, result);
      if (typeof how === 'number') this.later(how, answer);
      else answer();
      if (how === 'twice') answer();
      this.connections.afterAnswer();
    });
  }

  #execute(opcode: number, parameters: Uint8Array): number | Uint8Array {
    const refused = this.faults.refuse.get(opcode);
    if (refused !== undefined) return refused;
    const handler = this.#handlers.get(opcode);
    if (handler === undefined) return STATUS.UNKNOWN_COMMAND;
    const family = familyOf(opcode);
    // "A Host shall not mix them": the first one decides until the next Reset [Vol 4, Part E, 3.1.1].
    if (family !== undefined && this.#family !== undefined && family !== this.#family) return STATUS.COMMAND_DISALLOWED;
    this.#family ??= family;
    return handler(parameters);
  }

  #answer(opcode: number, result: number | Uint8Array): void {
    const { creditMs } = this.options;
    const credits = creditMs === undefined ? 1 : 0;
    const low = opcode & 0xff;
    const high = opcode >> 8;
    const byStatus = result === STATUS.UNKNOWN_COMMAND || BY_STATUS.has(opcode);
    if (byStatus && typeof result === 'number') this.event(EVENT.COMMAND_STATUS, [result, credits, low, high]);
    else {
      const returned = typeof result === 'number' ? [result] : [STATUS.SUCCESS, ...result];
      this.event(EVENT.COMMAND_COMPLETE, [credits, low, high, ...returned]);
    }
    if (creditMs !== undefined) this.later(creditMs, () => this.event(EVENT.COMMAND_COMPLETE, [1, 0, 0]));
  }
}

const COMMAND_PACKET = 0x01;
const ACL_PACKET = 0x02;
const EVENT_PACKET = 0x04;

const BY_STATUS = new Set<number>([
  OPCODE.DISCONNECT,
  OPCODE.LE_CREATE_CONNECTION,
  OPCODE.LE_EXTENDED_CREATE_CONNECTION,
  OPCODE.LE_CONNECTION_UPDATE,
  OPCODE.LE_READ_REMOTE_FEATURES,
]);

/** LE commands of advertising, scanning and initiating, in their two families. */
function familyOf(opcode: number): 'legacy' | 'extended' | undefined {
  if (opcode >= OPCODE.LE_SET_ADVERTISING_PARAMETERS && opcode <= OPCODE.LE_CREATE_CONNECTION) return 'legacy';
  if (opcode >= OPCODE.LE_SET_ADVERTISING_SET_RANDOM_ADDRESS && opcode <= OPCODE.LE_EXTENDED_CREATE_CONNECTION)
    return 'extended';
  return undefined;
}
