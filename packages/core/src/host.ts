import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

/** What a JavaScript host tells the time with: `globalThis` of Node and of browsers. */
export interface HostTimers {
  readonly performance: { now(): number };
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: never): void;
  /** Of Node: without it a delay of 0 takes a millisecond. */
  setImmediate?(run: () => void): unknown;
  clearImmediate?(timer: never): void;
}

/** Where a JavaScript host has its chance: `globalThis.crypto` of Node and of browsers. */
export interface HostChance {
  getRandomValues(octets: Uint8Array<ArrayBuffer>): unknown;
}

/** The time of the host, for programs that meet the outside: `hostClock(globalThis)`. */
export function hostClock(host: HostTimers): Clock {
  return {
    get now(): number {
      return host.performance.now();
    },
    after: (ms, run) => {
      if (ms <= 0 && host.setImmediate !== undefined) {
        const immediate = host.setImmediate(run);
        return { cancel: () => host.clearImmediate?.(immediate as never) };
      }
      let timer: unknown;
      // A host holds a delay in 31 bits, and takes a longer one for none at all.
      const wait = (left: number) => {
        timer =
          left > LONGEST
            ? host.setTimeout(() => wait(left - LONGEST), LONGEST)
            : host.setTimeout(run, Math.max(0, left));
      };
      wait(ms);
      return { cancel: () => host.clearTimeout(timer as never) };
    },
  };
}

/** The chance of the host, good enough for keys: `hostRandom(globalThis.crypto)`. */
export function hostRandom(chance: HostChance): Random {
  const draw = (n: number) => {
    const octets = new Uint8Array(n);
    for (let from = 0; from < n; from += QUOTA) chance.getRandomValues(octets.subarray(from, from + QUOTA));
    return octets;
  };
  return {
    bytes: draw,
    uniform: () => new DataView(draw(4).buffer).getUint32(0) / 0x1_0000_0000,
  };
}

/** Octets that a host draws at once at most. */
const QUOTA = 65536;
/** ms. */
const LONGEST = 0x7fff_ffff;
