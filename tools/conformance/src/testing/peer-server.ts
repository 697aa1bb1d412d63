import { type Air, GROUP, type Heard, type Station } from './air.ts';
import { ID, le16, le32 } from './server-setup.ts';

export interface PeerServerOptions {
  /** Parameters of Information Status. Default: blocks of 64, 256 chunks of 377, 5000 octets, MTU 380, push and pull. */
  readonly information?: string;
  /** The BLOB ID that it expects. */
  readonly id?: string;
  /** What is sent instead of the usual answer; null: nothing. Whatever the message asks for has happened by then. */
  readonly answer?: (usual: string, request: Heard, server: PeerServer) => string | readonly string[] | null;
  /** Answers other messages than those of BLOB Transfer: of a model that stands on this one. */
  readonly other?: (request: Heard) => string | undefined;
  /** Messages that do not reach the server. */
  readonly listens?: (hex: string) => boolean;
  /** Chunks that it asks for at a time in pull mode. */
  readonly window?: number;
  /** It writes chunk numbers from 2048 on in two octets, as Zephyr does: not what is meant. */
  readonly isCodeWrong?: boolean;
  /** What it subscribes to besides the group. */
  readonly label?: Uint8Array;
}

/** Information Status: blocks of 2^min to 2^max octets. */
export function information(
  min: number,
  max: number,
  { chunks = 256, chunkSize = 377, size = 5000, mtu = 380, modes = 3 } = {},
): string {
  const octet = (n: number): string => n.toString(16).padStart(2, '0');
  return `${octet(min)}${octet(max)}${le16(chunks)}${le16(chunkSize)}${le32(size)}${le16(mtu)}${octet(modes)}`;
}

/**
 * A BLOB Transfer Server written for these tests from the tables of the specification alone, so that a mistake of the
 * stack's own codecs or server does not hide one of the client. It has no timers: what it does is what a case lets it do.
 */
export class PeerServer {
  readonly address: number;
  readonly station: Station;
  phase = 1;
  /** The BLOB ID that it expects. */
  id: string;
  /** Octets of the BLOB in hex, undefined where nothing has come yet. */
  blob: (string | undefined)[] = [];
  /** How often each block was received whole. */
  readonly blocksReceived: number[] = [];
  /** Chunks that came although it held them. */
  repeated = 0;
  /** Chunks that came for it alone, and to the group. */
  readonly chunks = { unicast: 0, group: 0 };
  missingBlocks = new Set<number>();
  missingChunks = new Set<number>();
  block = -1;
  chunkSize = 0;
  size = 0;
  #parameters = '';
  #log = 0;
  #wanted: readonly number[] = [];
  readonly #options: PeerServerOptions;

  constructor(air: Air, address: number, options: PeerServerOptions) {
    this.address = address;
    this.#options = options;
    this.id = options.id ?? ID;
    const { label } = options;
    this.station = air.join(address, {
      heard: (message) => this.#receive(message),
      ...(label === undefined ? {} : { label }),
    });
    if (options.listens !== undefined) this.station.listens = options.listens;
  }

  get isPull(): boolean {
    return this.#parameters.startsWith('8');
  }

  get content(): string {
    return Array.from(this.blob, (octet) => octet ?? '??').join('');
  }

  /** Sends to the client whatever it is. */
  say(hex: string): void {
    this.station.send(1, hex);
  }

  /** Waits for a transfer, whatever there was; without an id for none. */
  expect(id?: string): void {
    this.phase = id === undefined ? 0 : 1;
    this.id = id ?? this.id;
    this.size = 0;
    this.block = -1;
    this.missingBlocks.clear();
    this.missingChunks.clear();
  }

  /** The Receive BLOB Timeout. */
  suspend(): void {
    this.phase = 5;
    this.block = -1;
  }

  transferStatus(code = 0): string {
    const { id } = this;
    const mode = this.size === 0 ? '0' : (this.#parameters[0] as string);
    const head = `8303${mode}${code.toString(16)}0${this.phase}`;
    if (this.phase === 0) return head;
    return this.size === 0
      ? `${head}${id}`
      : `${head}${this.#parameters.slice(2)}${bits(this.missingBlocks, this.#blocks)}`;
  }

  blockStatus(code = 0): string {
    const active = this.block < 0 ? 'ffffffff' : le16(this.block) + le16(this.chunkSize);
    const head = (format: number): string => `67${(format * 4).toString(16)}${code.toString(16)}${active}`;
    if (code !== 0) return head(0);
    if (this.isPull) return head(3) + this.#ask();
    const { size } = this.missingChunks;
    if (this.phase !== 3 || size === 0) return head(1);
    return size === this.#chunksOf(this.block)
      ? head(0)
      : head(2) + bits(this.missingChunks, this.#chunksOf(this.block));
  }

  #ask(): string {
    this.#wanted =
      this.phase === 3 ? [...this.missingChunks].sort((a, b) => a - b).slice(0, this.#options.window ?? 4) : [];
    return this.#wanted.map((number) => this.#codeOf(number)).join('');
  }

  #codeOf(number: number): string {
    if (number < 0x800 || !this.#options.isCodeWrong) return Buffer.from(String.fromCharCode(number)).toString('hex');
    return Buffer.of(0xc0 | ((number >> 6) & 0x3f), 0x80 | (number & 0x3f)).toString('hex');
  }

  get #blocks(): number {
    return Math.ceil(this.size / 2 ** this.#log);
  }

  #chunksOf(block: number): number {
    return Math.ceil(this.#sizeOf(block) / this.chunkSize);
  }

  #sizeOf(block: number): number {
    return Math.min(2 ** this.#log, this.size - block * 2 ** this.#log);
  }

  #receive(request: Heard): void {
    const usual = this.#react(request);
    if (usual === undefined) return;
    const answer = this.#options.answer === undefined ? usual : this.#options.answer(usual, request, this);
    if (answer === null) return;
    for (const hex of typeof answer === 'string' ? [answer] : answer) this.station.send(request.src, hex, request);
  }

  #react({ hex, dst, ...rest }: Heard): string | undefined {
    if (hex.startsWith('66')) return this.#onChunk(hex, dst);
    switch (hex.slice(0, 4)) {
      case '8306':
        return `8307${this.#options.information ?? information(6, 6)}`;
      case '8300':
        if (this.isPull && this.phase === 3 && this.missingBlocks.size === 0) this.phase = 4;
        return this.transferStatus();
      case '8301':
        return this.#onStart(hex.slice(4));
      case '8302':
        this.phase = 0;
        this.size = 0;
        return this.transferStatus();
      case '8304':
        return this.#onBlockStart(number16(hex, 2), number16(hex, 4));
      case '8305':
        return this.blockStatus(this.phase < 2 ? 4 : this.phase === 5 ? 10 : 0);
      default:
        return this.#options.other?.({ hex, dst, ...rest });
    }
  }

  #onStart(parameters: string): string {
    const { id } = this;
    if (this.phase === 0) return this.transferStatus(4);
    if (parameters.slice(2, 18) !== id) return this.transferStatus(6);
    if (this.size === 0) {
      this.#parameters = parameters;
      this.size = number16(parameters, 9) + 65_536 * number16(parameters, 11);
      this.#log = Number.parseInt(parameters.slice(26, 28), 16);
      this.blob = new Array<string | undefined>(this.size);
      this.missingBlocks = new Set(Array(this.#blocks).keys());
      this.phase = 2;
    } else if (parameters !== this.#parameters) return this.transferStatus(4);
    if (this.phase === 5) this.phase = 2;
    return this.transferStatus();
  }

  #onBlockStart(block: number, chunkSize: number): string {
    if (this.phase < 2) return this.blockStatus(4);
    if (block >= this.#blocks) return this.blockStatus(1);
    const isSame = block === this.block && chunkSize === this.chunkSize;
    if (this.phase === 3 && !isSame) return this.blockStatus(4);
    if (this.phase !== 3) {
      Object.assign(this, { block, chunkSize });
      const isMissing = this.missingBlocks.has(block);
      this.missingChunks = new Set(isMissing ? Array(this.#chunksOf(block)).keys() : []);
      if (isMissing) this.phase = 3;
    }
    return this.blockStatus();
  }

  /** A chunk; what comes back are reports of pull mode. */
  #onChunk(hex: string, dst: number): string | undefined {
    const number = number16(hex, 1);
    const data = hex.slice(6).match(/../g) ?? [];
    this.chunks[dst === GROUP ? 'group' : 'unicast']++;
    if (this.phase !== 3 || number >= this.#chunksOf(this.block)) return undefined;
    const from = number * this.chunkSize;
    if (data.length !== Math.min(this.chunkSize, this.#sizeOf(this.block) - from)) return undefined;
    if (!this.missingChunks.delete(number)) {
      this.repeated++;
      return undefined;
    }
    data.forEach((octet, i) => {
      this.blob[this.block * 2 ** this.#log + from + i] = octet;
    });
    if (this.missingChunks.size === 0) {
      this.missingBlocks.delete(this.block);
      this.blocksReceived.push(this.block);
      this.phase = this.missingBlocks.size > 0 ? 2 : this.isPull ? 3 : 4;
    }
    const isServed = this.#wanted.every((wanted) => !this.missingChunks.has(wanted));
    return this.isPull && isServed ? `68${this.#ask()}` : undefined;
  }
}

function bits(set: ReadonlySet<number>, count: number): string {
  const octets = new Uint8Array(Math.ceil(count / 8));
  for (const number of set) octets[number >> 3]! |= 1 << (number & 7);
  return Buffer.from(octets).toString('hex');
}

/** Two octets, least significant first, at an offset in octets. */
function number16(hex: string, offset: number): number {
  const at = 2 * offset;
  return Number.parseInt(hex.slice(at + 2, at + 4) + hex.slice(at, at + 2), 16);
}
