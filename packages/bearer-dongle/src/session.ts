import type { BearerGround } from '@meshferry/bearer';
import type { ByteStream } from '@meshferry/byte-streams';
import type { MeshError, Timer } from '@meshferry/core';
import { silentError, wrongDevice, wrongVersion } from './errors.ts';
import { encodeFrame, FrameReader } from './frame.ts';
import {
  BOOT,
  type DongleInfo,
  type DongleMessage,
  decodeMessage,
  END_SESSION,
  ERROR,
  ERROR_FRAME,
  ERROR_SESSION,
  encodeHello,
  encodeReset,
  encodeSync,
  INFO,
  PROTOCOL_MAJOR,
  STATE,
} from './messages.ts';
import { TimeMap } from './time-map.ts';

/** HELLO is repeated so often, so far apart, ms. */
const HELLO_TRIES = 4;
const HELLO_MS = 400;
/** A device that has said nothing gets so long to answer the HCI Reset that tells a controller, ms. */
const PROBE_MS = 300;
const HCI_RESET = Uint8Array.of(0x01, 0x03, 0x0c, 0x00);
/** From one SYNC to the next, ms, and how many unanswered ones make the dongle silent. */
const SYNC_MS = 1000;
const SYNC_UNANSWERED_MAX = 4;
/** Octets of a wrong device that are looked at. */
const FIRST_OCTETS = 256;

/** What a dongle says in a session besides what keeps the session. */
export type SessionMessage = Exclude<DongleMessage, { type: typeof INFO | typeof BOOT | typeof ERROR }>;

/** Takes what happens in a session. */
export interface SessionListener {
  /** A session begins, with nothing in the queue of the dongle and no subscription. An error given back ends it all. */
  began(info: DongleInfo): MeshError | undefined;
  /** The dongle has restarted or fallen silent: another session may begin. */
  paused(): void;
  /** A SYNC was said. */
  synced(token: number): void;
  /** STATE only as the answer to the last SYNC. */
  message(message: SessionMessage): void;
  /** The end, but for {@link Session.close}. */
  ended(reason: MeshError): void;
}

/**
 * - `greeting`: HELLO is out, no INFO yet; also after the dongle restarted or fell silent
 * - `open`: messages go both ways
 * - `over`: closed, lost or never found
 */
type State = 'greeting' | 'open' | 'over';

/** The connection to a dongle: finds it, keeps it, finds it again when it restarts, and knows its clock. */
export class Session {
  readonly #stream: ByteStream;
  readonly #ground: BearerGround;
  readonly #name: string;
  readonly #listener: SessionListener;
  readonly #times = new TimeMap();
  #state: State = 'greeting';
  #wasOpen = false;
  #firstOctets = new Uint8Array(0);
  #timer: Timer | undefined;
  #nonce = 0;
  #tries = 0;
  /** When the HELLO or the SYNC was said that is being answered. */
  #saidAt = 0;
  #token = 0;
  #unanswered = 0;

  /** `name`: how people know the dongle. Greets it as soon as {@link start} is called. */
  constructor(stream: ByteStream, ground: BearerGround, name: string, listener: SessionListener) {
    this.#stream = stream;
    this.#ground = ground;
    this.#name = name;
    this.#listener = listener;
  }

  start(): void {
    const reader = new FrameReader({
      message: (octets) => this.#take(octets),
      bad: () => this.#badFrame(),
    });
    this.#stream.listen({
      data: (octets) => {
        if (!this.#wasOpen) this.#keepFirst(octets);
        reader.push(octets);
      },
      ended: (reason) => this.#end(reason),
    });
    this.#greet();
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** The newest SYNC. */
  get token(): number {
    return this.#token;
  }

  /** ms on the clock of the host at a time of the dongle's, µs. */
  toHost(us: number): number {
    return this.#times.toHost(us);
  }

  say(message: Uint8Array): void {
    this.#stream.write(encodeFrame(message));
  }

  close(): void {
    if (this.#state === 'over') return;
    if (this.#state === 'open') this.say(encodeReset(END_SESSION));
    this.#finish();
  }

  #greet(): void {
    this.#state = 'greeting';
    if (this.#wasOpen) this.#listener.paused();
    this.#nonce = new DataView(this.#ground.random.bytes(4).buffer).getUint32(0);
    this.#tries = 0;
    this.#saidAt = this.#ground.clock.now;
    this.#hello();
  }

  #hello(): void {
    this.#timer?.cancel();
    if (this.#tries++ < HELLO_TRIES) {
      this.say(encodeHello(this.#nonce));
      this.#timer = this.#ground.clock.after(HELLO_MS, () => this.#hello());
    } else {
      this.#giveUp();
    }
  }

  /** Nobody answered HELLO: a dongle that was there is lost; what never was one may be something else. */
  #giveUp(): void {
    const tell = () => this.#end(wrongDevice(this.#name, this.#firstOctets));
    if (this.#wasOpen) {
      this.#end(silentError(this.#name));
    } else if (this.#firstOctets.length > 0) {
      tell();
    } else {
      this.#stream.write(HCI_RESET);
      this.#timer = this.#ground.clock.after(PROBE_MS, tell);
    }
  }

  #take(octets: Uint8Array): void {
    const decoded = decodeMessage(octets);
    if (!decoded.ok) {
      this.#ground.log('warn', decoded.error.message);
    } else if (this.#state === 'open') {
      this.#takeInSession(decoded.value);
    } else if (this.#state === 'greeting') {
      const message = decoded.value;
      if (message.type === INFO && message.nonce === this.#nonce) this.#begin(message);
    }
  }

  #begin({ info, timeUs }: DongleMessage & { type: typeof INFO }): void {
    const { major } = info.protocol;
    if (major !== PROTOCOL_MAJOR) {
      this.#end(wrongVersion(this.#name, info.version, major, PROTOCOL_MAJOR));
      return;
    }
    this.#state = 'open';
    this.#wasOpen = true;
    this.#unanswered = 0;
    this.#times.reset();
    this.#times.add(timeUs, this.#saidAt, this.#ground.clock.now);
    const refusal = this.#listener.began(info);
    if (refusal !== undefined) this.#end(refusal);
    else if (this.isOpen) this.#sync();
  }

  #takeInSession(message: DongleMessage): void {
    switch (message.type) {
      case BOOT:
        this.#ground.log('warn', `the dongle at ${this.#name} has restarted`, { reason: message.reason });
        this.#greet();
        break;
      case ERROR:
        this.#takeError(message.code, message.about);
        break;
      case INFO:
        break; // once more: the answer to a HELLO that was repeated
      case STATE:
        if (message.token !== this.#token) break;
        this.#unanswered = 0;
        this.#times.add(message.timeUs, this.#saidAt, this.#ground.clock.now);
        this.#listener.message(message);
        break;
      default:
        this.#listener.message(message);
    }
  }

  #takeError(code: number, about: number): void {
    if (code === ERROR_SESSION) this.#greet();
    else if (code === ERROR_FRAME) this.#badFrame();
    else this.#ground.log('warn', `the dongle at ${this.#name} did not understand a message`, { code, about });
  }

  /** A message was lost on the line, in one direction or the other: STATE tells which. */
  #badFrame(): void {
    if (this.isOpen && this.#unanswered === 0) this.#sync();
  }

  #sync(): void {
    this.#timer?.cancel();
    if (this.#unanswered === SYNC_UNANSWERED_MAX) {
      this.#ground.log('warn', `the dongle at ${this.#name} does not answer`);
      this.#greet();
      return;
    }
    this.#unanswered++;
    this.#token = (this.#token + 1) >>> 0;
    this.#saidAt = this.#ground.clock.now;
    this.say(encodeSync(this.#token));
    this.#listener.synced(this.#token);
    this.#timer = this.#ground.clock.after(SYNC_MS, () => this.#sync());
  }

  #keepFirst(octets: Uint8Array): void {
    const room = FIRST_OCTETS - this.#firstOctets.length;
    if (room > 0) this.#firstOctets = new Uint8Array([...this.#firstOctets, ...octets.subarray(0, room)]);
  }

  #end(reason: MeshError): void {
    if (this.#state === 'over') return;
    this.#finish();
    this.#listener.ended(reason);
  }

  #finish(): void {
    this.#state = 'over';
    this.#timer?.cancel();
    this.#stream.close();
  }
}
