import type { BearerGround } from '@meshferry/bearer';
import type { ByteStream } from '@meshferry/byte-streams';
import { type Clock, Emitter, type Log, MeshError, type Random, type Timer, type Unsubscribe } from '@meshferry/core';
import { AclData } from './acl.ts';
import { EVENT, hexCode, OPCODE, STATUS } from './codes.ts';
import { type Answered, CommandQueue } from './command-queue.ts';
import { type EventHandler, EventTable } from './event-table.ts';
import { whatSpeaks } from './failure.ts';
import { H4Parser } from './h4.ts';
import { type Capabilities, initialise } from './initialise.ts';
import { type Commands, run } from './procedure.ts';

/** Silence on the line before a Reset, so that what comes then is the answer, ms. */
const SILENCE_MS = 100;
/** A controller that never falls silent is reset after this, ms. */
const NOISE_MS = 1000;
/** Nothing comes within a packet for so long: its end is lost, ms. */
const HALF_PACKET_MS = 900;
/** After that, for what has arrived and was not read yet, ms. */
const GRACE_MS = 100;
/** A quiet controller is asked whether it is still there after this, ms. */
const QUIET_MS = 10_000;
/** Resets in a row that did not bring it up before the controller is given up. */
const RESETS = 3;
/** The same when it never was up: somebody waits for an answer. */
const FIRST_RESETS = 2;
const NOTHING = new Uint8Array();

type State = 'silence' | 'resetting' | 'initialising' | 'up' | 'closed';

/**
 * The host side of HCI on a byte stream: H4 packets, command credits, events to those who asked for them, ACL data, and
 * recovery. When the stream is out of step, an answer stays out or the controller reports a hardware error, it is reset and set up
 * again: `onDown` says that all it did is forgotten (connections too), `onUp` that it is ready, also for the first time.
 *
 * For what is built on it (advertising, scanning, GATT):
 * - {@link command} sends one command, `run` of procedure.ts several in a row; without an answer the status is
 *   `STATUS.NO_ANSWER`, never an exception.
 * - {@link onEvent} and {@link onLeEvent} register for event and subevent codes; any number of handlers each. An event may
 *   come before the Command Status of the command that brought it about.
 * - {@link acl} sends and receives L2CAP frames in fragments. Connections are opened by whoever handles Connection Complete, and
 *   closed by the host on Disconnection Complete, before the handlers of that event.
 */
export class HciHost implements Commands {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly acl: AclData = new AclData((packet) => this.#stream.write(packet));
  readonly #stream: ByteStream;
  readonly #parser: H4Parser;
  readonly #commands: CommandQueue;
  readonly #events: EventTable = new EventTable();
  readonly #leEvents: EventTable = new EventTable();
  readonly #up = new Emitter<Capabilities>();
  readonly #down = new Emitter<void>();
  readonly #lost = new Emitter<MeshError>();
  #state: State = 'silence';
  #capabilities: Capabilities | undefined;
  #timer: Timer | undefined;
  #quiet: Timer | undefined;
  #heardAt = 0;
  #noisySince = 0;
  /** Nothing came for long within a packet. */
  #suspected = false;
  #resets = 0;

  /** Starts at once: `onUp` follows, or `onLost` when there is no controller that can be used. */
  constructor(stream: ByteStream, ground: BearerGround) {
    this.clock = ground.clock;
    this.random = ground.random;
    this.log = ground.log;
    this.#stream = stream;
    this.#parser = new H4Parser({
      event: (code, parameters) => this.#event(code, parameters),
      acl: (handle, flags, data) => this.acl.receive(handle, flags, data),
      outOfStep: (reason) => this.#recover(`the stream is out of step: ${reason}`),
    });
    this.#commands = new CommandQueue(this.clock, (packet) => this.#stream.write(packet), {
      silent: (reason) => this.#recover(reason),
      leftOut: (opcode) =>
        this.log('warn', `the controller does not answer command ${hexCode(opcode)}, which is left out from now on`),
    });
    stream.listen({
      data: (octets) => this.#data(octets),
      ended: (reason) => this.#lose(reason),
    });
    this.#awaitSilence();
  }

  /** What the controller said of itself; undefined while it is not up. */
  get capabilities(): Capabilities | undefined {
    return this.#state === 'up' ? this.#capabilities : undefined;
  }

  /** Sends a command in its turn. `answered` is called once, not before this returned unless the host is not up. */
  command(opcode: number, parameters: Uint8Array, answered: Answered): void {
    if (this.#state !== 'up') answered(STATUS.NO_ANSWER, NOTHING);
    else this.#commands.send(opcode, parameters, answered);
  }

  onEvent(code: number, handler: EventHandler): Unsubscribe {
    return this.#events.register(code, handler);
  }

  /** `subevent`: of LE Meta. */
  onLeEvent(subevent: number, handler: EventHandler): Unsubscribe {
    return this.#leEvents.register(subevent, handler);
  }

  /** The controller is ready and empty: set it up. Called at once when it is so already. */
  onUp(up: (capabilities: Capabilities) => void): Unsubscribe {
    if (this.#state === 'up') up(this.#capabilities!);
    return this.#up.subscribe(up);
  }

  /** The controller forgets everything: what was on air or connected ended without an event. */
  onDown(down: () => void): Unsubscribe {
    return this.#down.subscribe(down);
  }

  /** It is over, and `onDown` was before it when the controller was up: `bearer-lost` or `bearer-failed`. */
  onLost(lost: (reason: MeshError) => void): Unsubscribe {
    return this.#lost.subscribe(lost);
  }

  /** Reset and set up again: what is left to a caller that is told nonsense. */
  recover(reason: string): void {
    if (this.#state === 'up') this.#recover(reason);
  }

  /** Ends everything, commands with `STATUS.NO_ANSWER`. A Reset goes out last, so that nothing stays on air. */
  close(): void {
    if (this.#state === 'closed') return;
    const wasUp = this.#state === 'up';
    this.#end();
    if (wasUp) this.#stream.write(Uint8Array.of(0x01, OPCODE.RESET & 0xff, OPCODE.RESET >> 8, 0));
    this.#stream.close();
  }

  #data(octets: Uint8Array): void {
    if (this.#state === 'closed') return;
    this.#heardAt = this.clock.now;
    this.#suspected = false;
    this.#parser.push(octets);
    if (this.#timer === undefined && !this.#parser.betweenPackets) this.#watch(HALF_PACKET_MS);
  }

  #event(code: number, parameters: Uint8Array): void {
    if (code === EVENT.LE_META) this.#leEvents.dispatch(parameters[0]!, parameters.subarray(1));
    else if (code === EVENT.COMMAND_COMPLETE) this.#commandComplete(parameters);
    else if (code === EVENT.COMMAND_STATUS) {
      this.#commands.answer(word(parameters, 2), parameters[1]!, false, parameters[0]!, NOTHING);
    } else if (code === EVENT.NUMBER_OF_COMPLETED_PACKETS) this.acl.completed(parameters);
    else if (code === EVENT.HARDWARE_ERROR) this.#recover(`hardware error ${hexCode(parameters[0]!, 2)}`);
    else {
      if (code === EVENT.DISCONNECTION_COMPLETE && parameters[0] === STATUS.SUCCESS) {
        this.acl.close(word(parameters, 1) & 0x0fff);
      }
      if (code === EVENT.DATA_BUFFER_OVERFLOW)
        this.log('warn', 'the controller ran out of buffers and has dropped data');
      this.#events.dispatch(code, parameters);
    }
  }

  #commandComplete(parameters: Uint8Array): void {
    const opcode = word(parameters, 1);
    const status = parameters[3] ?? STATUS.SUCCESS;
    this.#commands.answer(opcode, parameters[0]!, opcode !== OPCODE.NONE, status, parameters.subarray(4));
  }

  #recover(reason: string): void {
    if (this.#state === 'closed' || this.#state === 'silence') return;
    const tries = this.#capabilities === undefined ? FIRST_RESETS : RESETS;
    if (this.#resets >= tries) {
      this.#fail(reason);
      return;
    }
    this.log('warn', `${reason}; the controller is reset`);
    this.#goDown();
    this.#awaitSilence();
  }

  /** What was under way has ended: says so, once for each time it was up. */
  #goDown(): void {
    const wasUp = this.#state === 'up';
    this.#state = 'silence';
    this.#quiet?.cancel();
    this.#commands.clear();
    this.acl.clear();
    if (wasUp) this.#down.emit();
  }

  #awaitSilence(): void {
    this.#state = 'silence';
    this.#parser.discard();
    this.#heardAt = this.clock.now;
    this.#noisySince = this.clock.now;
    this.#watch(SILENCE_MS);
  }

  /** Looks again when nothing may have come for `ms`. */
  #watch(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.clock.after(ms, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    const silence = this.clock.now - this.#heardAt;
    if (this.#state === 'silence') {
      const noisy = silence < SILENCE_MS && this.clock.now - this.#noisySince < NOISE_MS;
      if (noisy) this.#watch(atLeast(SILENCE_MS - silence));
      else this.#reset();
    } else if (!this.#parser.betweenPackets) {
      if (silence < HALF_PACKET_MS) this.#watch(atLeast(HALF_PACKET_MS - silence));
      else if (this.#suspected) this.#recover('the stream stopped within a packet');
      else {
        // Timers of a process that was busy run before it reads what has come meanwhile.
        this.#suspected = true;
        this.#watch(GRACE_MS);
      }
    }
  }

  readonly #whileInitialising: Commands = {
    command: (opcode, parameters, answered) => {
      if (this.#state === 'initialising') this.#commands.send(opcode, parameters, answered);
      else answered(STATUS.NO_ANSWER, NOTHING);
    },
  };

  #reset(): void {
    this.#state = 'resetting';
    this.#resets++;
    this.#parser.search();
    this.#commands.send(OPCODE.RESET, NOTHING, (status) => {
      if (status !== STATUS.SUCCESS) return;
      this.#state = 'initialising';
      run(this.#whileInitialising, initialise(), (result) => {
        if (this.#state !== 'initialising') return;
        if ('unusable' in result) this.#fail(result.unusable);
        else this.#start(result);
      });
    });
  }

  #start(capabilities: Capabilities): void {
    this.#state = 'up';
    this.#resets = 0;
    this.#capabilities = capabilities;
    this.acl.configure(capabilities.acl.length, capabilities.acl.packets);
    this.#askWhenQuiet(QUIET_MS);
    this.#up.emit(capabilities);
  }

  #askWhenQuiet(ms: number): void {
    this.#quiet = this.clock.after(ms, () => {
      const left = QUIET_MS - (this.clock.now - this.#heardAt);
      if (left > 0) return this.#askWhenQuiet(atLeast(left));
      this.#commands.send(OPCODE.READ_BD_ADDR, NOTHING, () => {});
      this.#askWhenQuiet(QUIET_MS);
    });
  }

  #fail(reason: string): void {
    const { message, hint } = whatSpeaks(this.#parser.discarded, reason);
    const code = this.#capabilities === undefined ? 'bearer-failed' : 'bearer-lost';
    this.#lose(new MeshError(code, message, { hint }));
    this.#stream.close();
  }

  #lose(reason: MeshError): void {
    if (this.#state === 'closed') return;
    this.#end();
    this.#lost.emit(reason);
  }

  #end(): void {
    this.#goDown();
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#quiet?.cancel();
  }
}

/** A rest of time that the precision of the clock can tell from none. */
function atLeast(ms: number): number {
  return Math.max(1, ms);
}

function word(octets: Uint8Array, at: number): number {
  return octets[at]! | (octets[at + 1]! << 8);
}
