import type { ByteStream, ByteStreamListener } from '@meshferry/byte-streams';
import { concat, SeededRandom, silent, VirtualClock } from '@meshferry/core';
import { EVENT, LE_EVENT, OPCODE } from '../codes.ts';
import { HciHost } from '../host.ts';

/** What came of {@link fuzz}. */
export interface FuzzResult {
  readonly streams: number;
  readonly octets: number;
  /** Times that the controller was reset because of what came. */
  readonly resets: number;
  /** Valid packets that got lost after the noise, at most, of one stream. */
  readonly lostAtMost: number;
  /** Longest time until the host was ready again, ms. */
  readonly longestDownMs: number;
}

/** After noise and this much time everything works again: half packets are noticed after 1 s, and a reset follows. */
const PATIENCE_MS = 12_500;
const PROBES = 3;

/** A line whose other end answers each command at once, and a host on it. */
class Line implements ByteStream {
  readonly clock: VirtualClock = new VirtualClock();
  resets = 0;
  #listener: ByteStreamListener | undefined;

  write(packet: Uint8Array): boolean {
    const opcode = packet[1]! | (packet[2]! << 8);
    if (opcode === OPCODE.RESET) this.resets++;
    const answer = [1, packet[1]!, packet[2]!, 0, ...returned(opcode)];
    const event = Uint8Array.of(0x04, EVENT.COMMAND_COMPLETE, answer.length, ...answer);
    this.clock.after(0, () => this.say(event));
    return true;
  }

  listen(listener: ByteStreamListener): void {
    this.#listener = listener;
  }

  close(): void {}

  say(octets: Uint8Array): void {
    this.#listener?.data(octets);
  }
}

function returned(opcode: number): readonly number[] {
  if (opcode === OPCODE.RESET) return [];
  if (opcode === OPCODE.READ_LOCAL_FEATURES) return [0, 0, 0, 0, 0x60, 0, 0, 0];
  return opcode === OPCODE.LE_READ_BUFFER_SIZE ? [251, 0, 4] : [0, 0, 0, 0, 0, 0, 0, 0];
}

/**
 * Random streams, one after the other, to one host: noise, valid packets with octets missing, wrong or added, packets of all
 * types with any length. After each the host must be ready again in time and take valid packets: throws if it does not.
 */
export function fuzz(streams: number, seed: number | string): FuzzResult {
  const random = new SeededRandom(seed);
  const line = new Line();
  const { clock } = line;
  const host = new HciHost(line, { clock, random: random.fork('host'), log: silent });
  let heard = 0;
  host.onLeEvent(LE_EVENT.ADVERTISING_REPORT, (parameters) => {
    if (parameters.length === PROBE.length - 4 && parameters[10] === MARK) heard++;
  });
  host.onLost((reason) => {
    throw reason;
  });
  clock.advance(500);
  let [octets, lostAtMost, longestDownMs] = [0, 0, 0];
  for (let i = 0; i < streams; i++) {
    const stream = noise(random);
    octets += stream.length;
    for (let at = 0; at < stream.length; ) {
      const size = 1 + below(random, 40);
      line.say(stream.subarray(at, at + size));
      at += size;
      if (below(random, 4) === 0) clock.advance(below(random, 30));
    }
    const began = clock.now;
    // A host that is up and quiet asks after 10 s, and finds out that it has no credits.
    clock.advance(1001);
    while (host.capabilities === undefined && clock.now - began < PATIENCE_MS) clock.advance(5);
    if (host.capabilities === undefined)
      throw new Error(`stream ${i} of seed ${seed}: still down after ${PATIENCE_MS} ms`);
    longestDownMs = Math.max(longestDownMs, clock.now - began);
    heard = 0;
    for (let probe = 0; probe < PROBES; probe++) line.say(PROBE);
    lostAtMost = Math.max(lostAtMost, PROBES - heard);
    if (PROBES - heard > 1) throw new Error(`stream ${i} of seed ${seed}: ${PROBES - heard} valid packets were lost`);
  }
  // One that was left without credits is found out at last.
  clock.advance(PATIENCE_MS);
  host.command(OPCODE.READ_BD_ADDR, new Uint8Array(), () => octets++);
  clock.advance(1);
  host.close();
  return { streams, octets: octets - 1, resets: line.resets, lostAtMost, longestDownMs };
}

const MARK = 0xa7;
/** An advertising report of ADV_NONCONN_IND. */
const PROBE = Uint8Array.of(0x04, 0x3e, 14, 0x02, 1, 3, 1, 1, 2, 3, 4, 5, 6, 2, MARK, 0, 0xc4);

/** Packets as a controller sends them. */
const PACKETS: readonly Uint8Array[] = [
  PROBE,
  Uint8Array.of(0x04, 0x0e, 4, 1, 0x0c, 0x20, 0),
  Uint8Array.of(0x04, 0x0f, 4, 0, 1, 0x0d, 0x20),
  Uint8Array.of(0x04, 0x13, 5, 1, 0x40, 0, 1, 0),
  Uint8Array.of(0x04, 0x05, 4, 0, 0x40, 0, 0x13),
  Uint8Array.of(0x04, 0xff, 3, 1, 2, 3),
  Uint8Array.of(0x02, 0x40, 0x20, 7, 0, 3, 0, 4, 0, 0x1b, 1, 2),
  Uint8Array.of(0x03, 0x01, 0x00, 2, 9, 9),
  Uint8Array.of(0x05, 0x01, 0x00, 3, 0, 9, 9, 9),
];

function noise(random: SeededRandom): Uint8Array {
  const kind = below(random, 4);
  if (kind === 0) return random.bytes(1 + below(random, 300));
  const parts = Array.from({ length: 1 + below(random, 5) }, () => PACKETS[below(random, PACKETS.length)]!);
  if (kind === 1) return damaged(random, concat(...parts));
  if (kind === 2) return concat(...parts, Uint8Array.of(2 + below(random, 4)), random.bytes(below(random, 20)));
  // Headers of every type with any length, and less behind them.
  return concat(...parts.map(() => concat(Uint8Array.of(2 + below(random, 4)), random.bytes(below(random, 60)))));
}

function damaged(random: SeededRandom, octets: Uint8Array): Uint8Array {
  const at = below(random, octets.length);
  const rest = octets.subarray(at + below(random, 3));
  return concat(octets.subarray(0, at), random.bytes(below(random, 3)), rest);
}

function below(random: SeededRandom, limit: number): number {
  return random.uint32() % limit;
}
