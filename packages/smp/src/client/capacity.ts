import { MeshError } from '@meshferry/core';
import { Echo, McumgrParameters } from '../messages/os.ts';
import type { SmpTransport } from '../transport.ts';
import type { SmpClient } from './client.ts';
import { isRefusal, noReassembly, SmpRefusedError } from './errors.ts';

/** What a user may know better than the device. */
export interface SmpLimitOptions {
  /** Octets of the device's buffer. Default: as the device tells. */
  readonly bufferSize?: number;
  /** Requests under way at most. Default: as many as the device has buffers for. */
  readonly window?: number;
}

/** How much a device takes at a time. */
export interface SmpLimits {
  /** Octets of the longest packet, header included. */
  readonly packet: number;
  /** Requests under way. */
  readonly window: number;
}

/** Where a serial server does not tell: the least that there are. */
const SERIAL_OCTETS = 256;
const LONGEST_PACKET = 65_535;
const MOST_IN_FLIGHT = 16;
/** Header, and the CBOR round the text of an echo and of its answer. */
const ECHO_OVERHEAD = 16;
/** The packet that finds out whether pieces are put together is so much longer than a piece. */
const SECOND_PIECE = 24;
const ECHO_TIMEOUT_MS = 6000;
const ECHO_REPEAT_MS = 2000;
const CORRUPT = 9;

/** How much the device takes at a time: asked once for each connection. */
export class SmpCapacity {
  readonly #client: SmpClient;
  #buffers: Promise<McumgrParameters | undefined> | undefined;

  constructor(client: SmpClient) {
    this.#client = client;
  }

  /** Its buffers; undefined for a device that does not tell. Rejects when there is no answer. */
  buffers(): Promise<McumgrParameters | undefined> {
    this.#buffers ??= this.#askBuffers();
    return this.#buffers;
  }

  /** Requests under way at most. Rejects when there is no answer. */
  async window(wanted?: number): Promise<number> {
    return windowLimit(wanted, (await this.buffers())?.bufCount);
  }

  /**
   * How long packets may be, and how many may be under way [spec: smp section 5]. Where they are to go in pieces and it is not
   * known whether the device puts those together, it is tried; rejects with `smp-no-reassembly` when a new connection is
   * needed after that.
   */
  async limits(options: SmpLimitOptions = {}): Promise<SmpLimits> {
    const { transport, knowledge } = this.#client;
    const told = await this.buffers();
    const buffer = options.bufferSize ?? told?.bufSize;
    const window = windowLimit(options.window, told?.bufCount);
    const inPieces = packetLimit(transport, buffer, knowledge.reassembles !== false);
    if (inPieces > transport.packetLimit && knowledge.reassembles === undefined) {
      knowledge.reassembles = await this.#findOutReassembly(inPieces);
    }
    return { packet: packetLimit(transport, buffer, knowledge.reassembles !== false), window };
  }

  async #askBuffers(): Promise<McumgrParameters | undefined> {
    try {
      return await this.#client.request(McumgrParameters, {});
    } catch (error) {
      // What cannot be read is as good as not told.
      if (error instanceof SmpRefusedError || codeOf(error) === 'smp-malformed-answer') return undefined;
      this.#buffers = undefined;
      throw error;
    }
  }

  /**
   * An echo in two pieces. A device that takes each write for a packet calls the first corrupt, and what the second holds as a
   * header is answered by nobody; one that answers anything else has put them together.
   */
  async #findOutReassembly(longest: number): Promise<boolean> {
    const { transport, knowledge } = this.#client;
    const octets = Math.min(transport.packetLimit + SECOND_PIECE, longest);
    const d = ' '.repeat(Math.max(0, octets - ECHO_OVERHEAD));
    const options = { timeoutMs: ECHO_TIMEOUT_MS, repeat: ECHO_REPEAT_MS };
    try {
      await this.#client.request(Echo, { d }, options);
      return true;
    } catch (error) {
      if (isRefusal(error, 'smp', CORRUPT)) return false;
      if (error instanceof SmpRefusedError) return true;
      if (codeOf(error) !== 'smp-timeout') throw error;
      knowledge.reassembles = false;
      throw noReassembly(octets, transport.packetLimit);
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof MeshError ? error.code : undefined;
}

function packetLimit(transport: SmpTransport, buffer: number | undefined, inPieces: boolean): number {
  const { packetLimit: whole, bufferOverhead, fragments } = transport;
  const piece = whole === Number.POSITIVE_INFINITY ? LONGEST_PACKET : whole;
  if (buffer === undefined) return whole === Number.POSITIVE_INFINITY ? SERIAL_OCTETS : piece;
  const most = Math.min(buffer - bufferOverhead, LONGEST_PACKET);
  return fragments && inPieces ? most : Math.min(most, piece);
}

/** The answer to a request takes a buffer of the same pool. */
function windowLimit(wanted: number | undefined, bufCount: number | undefined): number {
  if (bufCount === undefined) return 1;
  return Math.max(1, Math.min(wanted ?? MOST_IN_FLIGHT, bufCount - 1, MOST_IN_FLIGHT));
}
