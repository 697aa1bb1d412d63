import type { Clock, Timer } from '@meshferry/core';
import { PowerLoss } from '../bootloader/flash.ts';
import { decodeHeader, SMP_HEADER_SIZE, type SmpHeader, SmpOp } from '../packet.ts';
import type { SmpTransport } from '../transport.ts';
import { AnswerWriter, type Written } from './answer-writer.ts';
import { BufferPool, type ServerBuffer, writeHead } from './buffer-pool.ts';
import { FaultySender } from './faulty-sender.ts';
import { ServerFiles } from './files.ts';
import type { GroupGround } from './handlers/ground.ts';
import type { UploadSnapshot } from './handlers/image-upload.ts';
import { personalityOf } from './personality.ts';
import type { Handler, HandlerReply, Work } from './reply.ts';
import type { SmpServerFaults } from './server-faults.ts';
import { type Groups, startGroups } from './server-groups.ts';
import type { ServerTiming, SmpServerOptions } from './server-options.ts';
import { ServerSettings } from './settings-store.ts';

/** Errors of the SMP layer that come before any handler [spec: smp section 1]. */
const Rc = { unknown: 1, noMemory: 2, notSupported: 8, corrupt: 9, busy: 10, tooOld: 12, tooNew: 13 } as const;

const NO_DELAYS: ServerTiming = { request: 0, eraseSector: 0, writeKib: 0, reset: 250 };

/** A message of a link: one packet, or several of them. It holds a buffer until it is answered. */
interface Message {
  readonly sender: FaultySender;
  readonly octets: Uint8Array;
  readonly buffer: ServerBuffer;
  /** Where the next packet begins. */
  at: number;
}

/** What a server has in RAM alone, as plain values. */
export interface ServerSnapshot {
  readonly upload?: UploadSnapshot;
  /** Settings in use, saved or not. */
  readonly settings: readonly (readonly [name: string, value: Uint8Array])[];
}

/**
 * An SMP server on any number of links: what a Zephyr device does with the octets it gets, its buffers, its order of work and its
 * faults included [spec: smp sections 1 to 4, 10 and 11]. Nothing that is received makes it throw.
 *
 * ```ts
 * const server = new SmpServer({ clock, images: device, bootloader: { mode: 3 }, reset: () => device.reset() });
 * server.attach(new SmpBleTransport(link, clock, { side: 'server', bufferOctets: server.buffers.size }));
 * server.attach(serialTransport);
 * ```
 */
export class SmpServer {
  /** `buf_size` and `buf_count`. */
  readonly buffers: { readonly size: number; readonly count: number };
  /** What it does wrong on purpose; may be changed at any time. */
  readonly faults: SmpServerFaults;
  readonly #clock: Clock;
  readonly #options: SmpServerOptions;
  readonly #timing: ServerTiming;
  readonly #ground: GroupGround;
  readonly #writer: AnswerWriter;
  readonly #senders = new Set<FaultySender>();
  readonly #timers = new Set<Timer>();
  /** Messages in their order; the first is being worked on. */
  readonly #queue: Message[] = [];
  #groups: Groups;
  #pool: BufferPool;
  /** Of answers: the same, unless the server has buffers of its own for them. */
  #answerPool: BufferPool;
  /** How many were received, and how many worked on. */
  #requests = 0;
  #worked = 0;
  #running = true;

  constructor(options: SmpServerOptions) {
    const personality = personalityOf(options.personality ?? 'zephyr-4.4.0');
    this.#clock = options.clock;
    this.#options = options;
    this.buffers = options.buffers ?? personality.buffers;
    this.faults = options.faults ?? {};
    this.#timing = { ...NO_DELAYS, ...options.timing };
    this.#ground = {
      options,
      personality,
      timing: this.#timing,
      faults: this.faults,
      buffers: this.buffers,
      settings: options.settings ?? new ServerSettings(),
      files: options.files ?? new ServerFiles(),
      powerCut: () => this.#powerCut(),
    };
    this.#writer = new AnswerWriter({
      personality,
      verbose: options.verboseErrors === true,
      alwaysV1: options.protocol === 'v1',
      bufferSize: this.buffers.size,
    });
    this.#pool = new BufferPool(this.buffers.count);
    this.#answerPool = personality.recovery ? new BufferPool(1) : this.#pool;
    this.#groups = this.#boot();
  }

  /** The settings: what a firmware loader reads its name from, for one. */
  get settings(): ServerSettings {
    return this.#ground.settings;
  }

  /** The files. */
  get files(): ServerFiles {
    return this.#ground.files;
  }

  /** Serves a link until it ends. One that comes while the server is stopped is closed. */
  attach(transport: SmpTransport): void {
    if (!this.#running) {
      transport.close();
      return;
    }
    const sender = new FaultySender(transport, this.#clock, this.faults);
    this.#senders.add(sender);
    transport.listen({
      received: (octets) => this.#received(sender, octets),
      ended: () => this.#ended(sender),
    });
  }

  /** The power goes: all links end, and what is only in RAM is lost – an open upload, what waited for an answer. */
  stop(): void {
    this.#running = false;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#queue.length = 0;
    for (const sender of [...this.#senders]) sender.close();
    this.#senders.clear();
  }

  /**
   * The device is back after a {@link stop}. With what {@link snapshot} gave it was never away: the upload that was open can be
   * resumed, and settings that were not saved are there.
   */
  start(before?: ServerSnapshot): void {
    if (this.#running) return;
    this.#running = true;
    this.#pool = new BufferPool(this.buffers.count);
    this.#answerPool = this.#ground.personality.recovery ? new BufferPool(1) : this.#pool;
    this.#groups = this.#boot();
    if (before === undefined) return;
    this.settings.resume(before.settings);
    if (before.upload !== undefined) this.#groups.upload?.resume(before.upload);
  }

  /** What {@link start} takes: for a device that is put away and taken out again, but stays on. Undefined when stopped. */
  snapshot(): ServerSnapshot | undefined {
    if (!this.#running) return undefined;
    const upload = this.#groups.upload?.snapshot();
    return { ...(upload !== undefined && { upload }), settings: [...this.settings.inUse] };
  }

  #boot(): Groups {
    this.#ground.settings.start();
    this.#ground.files.mount();
    return startGroups(this.#ground, (bootMode) => this.#reset(bootMode));
  }

  #received(sender: FaultySender, octets: Uint8Array): void {
    if (!this.#running) return;
    this.#requests++;
    if (this.faults.dropRequest?.(this.#requests) === true) return;
    if (octets.length < SMP_HEADER_SIZE || octets.length + sender.overhead > this.buffers.size) return;
    // Without a buffer it is lost, and nobody hears of it.
    const buffer = this.#pool.take();
    if (buffer === undefined) return;
    writeHead(buffer, octets);
    this.#queue.push({ sender, octets, buffer, at: 0 });
    if (this.#queue.length === 1) this.#after(this.#timing.request, () => this.#work());
  }

  /** Works on the first message: its next packet. */
  #work(): void {
    const message = this.#queue[0];
    if (message === undefined) return;
    const request = decodeHeader(message.octets, message.at);
    if (request === undefined) this.#finish(message);
    else this.#take(message, request);
  }

  /** What a request meets before its handler, in Zephyr's order. */
  #take(message: Message, request: SmpHeader): void {
    const begin = message.at + SMP_HEADER_SIZE;
    const isRequest = request.op === SmpOp.read || request.op === SmpOp.write;
    const buffer = isRequest && request.length <= message.octets.length - begin ? this.#answerPool.take() : undefined;
    if (buffer === undefined) {
      const rc =
        request.length > message.octets.length - begin ? Rc.corrupt : isRequest ? Rc.noMemory : Rc.notSupported;
      this.#refuse(message, this.#writer.error({ rc }, request).packet);
      return;
    }
    let spent = 0;
    const work: Work = { link: message.sender, spend: (ms) => (spent += ms) };
    const written = this.#carryOut(request, message.octets.subarray(begin), work);
    // The power may have gone meanwhile.
    if (!this.#running) return;
    message.at = begin + request.length;
    spent += this.#options.images?.takeBusyMs?.() ?? 0;
    this.#after(spent, () => this.#answer(message, written, buffer));
  }

  #carryOut(request: SmpHeader, payload: Uint8Array, work: Work): Written {
    this.#worked++;
    const refused = this.#refusedVersion(request.version);
    if (refused !== undefined) return this.#writer.error({ rc: refused }, request);
    const handler = this.#groups.handlers.find(request.group, request.command, request.op);
    if (handler === undefined) return this.#writer.error({ rc: Rc.notSupported }, request);
    if (this.faults.busy?.(this.#worked) === true) return this.#writer.error({ rc: Rc.busy }, request);
    return this.#writer.write(this.#run(handler, payload, work), request);
  }

  #run(handler: Handler, payload: Uint8Array, work: Work): HandlerReply {
    try {
      return handler.run(payload, work);
    } catch (thrown) {
      if (!(thrown instanceof PowerLoss)) throw thrown;
      this.#powerCut();
      return { kind: 'error', error: { rc: Rc.unknown } };
    }
  }

  #refusedVersion(version: number): number | undefined {
    const { protocol = 'both' } = this.#options;
    if (protocol === 'v1') return undefined;
    if (version === 0 && protocol === 'v2') return Rc.tooOld;
    return version > 1 ? Rc.tooNew : undefined;
  }

  #answer(message: Message, written: Written, buffer: ServerBuffer): void {
    const packet = written.kind === 'stale' ? buffer.head.slice() : written.packet;
    writeHead(buffer, packet);
    const ends = written.kind === 'packet' && written.ends;
    this.#send(message, packet, () => {
      this.#answerPool.give(buffer);
      if (ends) this.#finish(message);
      else this.#work();
    });
  }

  /** An error that ends the message and goes out in the buffer of the request, there being none for the answer. */
  #refuse(message: Message, packet: Uint8Array): void {
    writeHead(message.buffer, packet);
    this.#send(message, packet, () => this.#finish(message));
  }

  #send(message: Message, packet: Uint8Array, done: () => void): void {
    message.sender.send(packet, () => {
      if (this.#running && this.#queue[0] === message) done();
    });
  }

  #finish(message: Message): void {
    this.#queue.shift();
    this.#pool.give(message.buffer);
    if (this.#queue.length > 0) this.#after(this.#timing.request, () => this.#work());
  }

  /** What it still waited for is not done any more; only what is being worked on is. */
  #ended(sender: FaultySender): void {
    sender.ended();
    this.#senders.delete(sender);
    for (let i = this.#queue.length - 1; i > 0; i--) {
      const message = this.#queue[i] as Message;
      if (message.sender !== sender) continue;
      this.#queue.splice(i, 1);
      this.#pool.give(message.buffer);
    }
  }

  #reset(bootMode: number): void {
    this.#after(this.#timing.reset, () => this.#options.reset?.(bootMode));
  }

  #powerCut(): void {
    this.stop();
    this.#clock.after(0, () => this.#options.reset?.(0));
  }

  /** A timer that a power cut takes along. */
  #after(ms: number, run: () => void): void {
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }
}
