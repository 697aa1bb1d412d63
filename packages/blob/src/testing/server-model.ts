import { BLOB_ID } from './bench.ts';

/** What the model says of an answer: its name and all fields. */
export type Said = readonly [name: string, fields: Readonly<Record<string, unknown>>];

const SIZE = 80;
const BLOCK = 64;
const BLOCKS = 2;
const WINDOW = 4;

/** What is done to a server in one step. */
export type Action =
  | { readonly kind: 'expect' | 'transferGet' | 'blockGet' | 'powerCut' }
  | { readonly kind: 'start'; readonly mode: 'push' | 'pull'; readonly wrong: Wrong; readonly mtu: number }
  | { readonly kind: 'cancel'; readonly isOurs: boolean }
  | { readonly kind: 'blockStart'; readonly number: number; readonly chunkSize: number }
  | { readonly kind: 'chunk'; readonly number: number; readonly length: number }
  | { readonly kind: 'wait'; readonly ms: number };
export type Wrong = 'nothing' | 'id' | 'size' | 'log';

interface Active {
  readonly number: number;
  readonly chunkSize: number;
  readonly count: number;
  readonly missing: Set<number>;
}

/**
 * The table of reactions by phase (blob.md 7.1 to 7.6) once more, for 80 octets in blocks of 64, written from the page and
 * not from the server: what is answered, and where the server stands then. Base 5; T_BPI 10 s.
 */
export class ServerModel {
  phase = 0;
  missing = new Set<number>();
  #mode: 'none' | 'push' | 'pull' = 'none';
  #mtu = 0;
  #active: Active | undefined;
  #deadline = Number.POSITIVE_INFINITY;

  /** What a server says to this, undefined: nothing. */
  step(action: Action, now: number): Said | undefined {
    this.pass(now);
    switch (action.kind) {
      case 'expect':
        if (this.phase !== 1) this.#reset(1);
        return undefined;
      case 'powerCut':
        // Complete, it is erased; Inactive, there is nothing.
        if (this.phase === 4) this.#reset(0);
        else if (this.phase > 1) this.#sleep();
        if (this.phase === 5 && this.missing.size === 0) this.phase = 4;
        return undefined;
      case 'transferGet':
        if (this.#mode === 'pull' && this.phase === 3 && this.missing.size === 0) this.#complete();
        return this.#transferStatus(0);
      case 'start':
        return this.#transferStatus(this.#start(action, now));
      case 'cancel':
        if (this.phase !== 0 && !action.isOurs) return this.#transferStatus(6);
        this.#reset(0);
        return this.#transferStatus(0);
      case 'blockGet':
        return this.#blockStatus(this.phase < 2 ? 4 : this.phase === 5 ? 10 : 0);
      case 'blockStart':
        return this.#blockStatus(this.#blockStart(action.number, action.chunkSize, now));
      case 'chunk':
        this.#chunk(action.number, action.length, now);
        return undefined;
      case 'wait':
        return undefined;
    }
  }

  /** Time passes. */
  pass(now: number): void {
    if (now < this.#deadline) return;
    if (this.missing.size === 0) this.#complete();
    else this.#sleep();
  }

  #start({ mode, wrong, mtu }: Extract<Action, { kind: 'start' }>, now: number): number {
    if (this.phase === 0) return 4;
    if (wrong === 'id') return 6;
    if (this.phase === 1) {
      if (wrong === 'size') return 7;
      if (wrong === 'log') return 2;
      this.phase = 2;
      this.#mode = mode;
      this.#mtu = Math.min(mtu, 380);
      this.missing = new Set([0, 1]);
      this.#touch(now);
      return 0;
    }
    if (wrong !== 'nothing' || mode !== this.#mode || mtu < this.#mtu) return 4;
    if (this.phase === 5) {
      this.phase = 2;
      this.#touch(now);
    }
    return 0;
  }

  #blockStart(number: number, chunkSize: number, now: number): number {
    if (this.phase < 2) return 4;
    if (this.phase < 4) this.#touch(now);
    if (this.phase === 3) return number === this.#active?.number && chunkSize === this.#active.chunkSize ? 0 : 4;
    if (number >= BLOCKS) return 1;
    if (chunkSize < 1 || chunkSize > this.#mtu - 3 || BLOCK / chunkSize > 8 * (this.#mtu - 6)) return 3;
    const size = Math.min(BLOCK, SIZE - number * BLOCK);
    const count = Math.ceil(size / chunkSize);
    const isMissing = this.phase !== 4 && this.missing.has(number);
    this.#active = { number, chunkSize, count, missing: new Set(isMissing ? Array(count).keys() : []) };
    if (!isMissing) return 0;
    this.phase = 3;
    this.#touch(now);
    return 0;
  }

  #chunk(number: number, length: number, now: number): void {
    if (this.phase !== 3 || this.#active === undefined) return;
    const { number: block, chunkSize, count, missing } = this.#active;
    const size = Math.min(BLOCK, SIZE - block * BLOCK);
    if (number >= count || length !== Math.min(chunkSize, size - number * chunkSize)) return;
    this.#touch(now);
    if (!missing.delete(number) || missing.size > 0) return;
    this.missing.delete(block);
    if (this.missing.size > 0) this.phase = 2;
    else if (this.#mode === 'push') this.#complete();
  }

  #touch(now: number): void {
    this.#deadline = now + (this.#mode === 'pull' ? Math.max(60_000, 11_000) : 60_000);
  }

  #sleep(): void {
    this.phase = 5;
    this.#active = undefined;
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  #complete(): void {
    this.phase = 4;
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  #reset(phase: number): void {
    this.#sleep();
    this.phase = phase;
    this.#mode = 'none';
    this.missing = new Set();
  }

  #transferStatus(status: number): Said {
    const isStarted = this.phase > 1;
    return [
      'BLOB Transfer Status',
      {
        status,
        transferMode: this.#mode,
        phase: this.phase,
        blobId: this.phase === 0 ? undefined : BLOB_ID,
        blobSize: isStarted ? SIZE : undefined,
        blockSizeLog: isStarted ? 6 : undefined,
        transferMtuSize: isStarted ? this.#mtu : undefined,
        blocksNotReceived: isStarted ? bits(this.missing, BLOCKS) : undefined,
      },
    ];
  }

  #blockStatus(status: number): Said {
    const active = this.#active;
    const head = { status, blockNumber: active?.number ?? 0xffff, chunkSize: active?.chunkSize ?? 0xffff };
    const missing = [...(active?.missing ?? [])].sort((a, b) => a - b);
    if (this.#mode === 'pull') {
      return ['BLOB Block Status', { ...head, format: 'encoded', missingChunks: missing.slice(0, WINDOW) }];
    }
    // What is said of missing chunks where there is no block is of no use to anybody, and not compared.
    if (active === undefined) return ['BLOB Block Status', head];
    if (missing.length === 0) return ['BLOB Block Status', { ...head, format: 'none' }];
    if (missing.length === active.count) return ['BLOB Block Status', { ...head, format: 'all' }];
    return ['BLOB Block Status', { ...head, format: 'some', missing: bits(active.missing, active.count) }];
  }
}

function bits(numbers: ReadonlySet<number>, count: number): Uint8Array {
  const octets = new Uint8Array(Math.ceil(count / 8));
  for (const number of numbers) octets[number >> 3]! |= 1 << (number & 7);
  return octets;
}
