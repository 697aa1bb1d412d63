import type { Clock } from '@meshferry/core';
import { forget, forgetHeard } from './internals.ts';
import type { NobleLibrary, NoblePeripheral } from './noble-api.ts';

/** A device not heard of for this time has changed its address or is gone, ms. */
const KEPT_MS = 120_000;
/** Devices at most, in a crowd that changes its addresses as fast as it can. */
const MOST = 512;
/** How often the tables are looked through, ms. */
const SWEEP_MS = 30_000;

/**
 * The devices that can be connected to, by the handles that advertisements give out. What is not heard of any more is forgotten, by
 * the library too: its tables never shrink, and proxies that change their addresses would fill the memory of a daemon.
 */
export class Devices {
  readonly #library: NobleLibrary;
  readonly #clock: Clock;
  /** The one heard last is last. */
  readonly #byId = new Map<string, { readonly peripheral: NoblePeripheral; readonly at: number }>();
  #sweptAt: number;

  constructor(library: NobleLibrary, clock: Clock) {
    this.#library = library;
    this.#clock = clock;
    this.#sweptAt = clock.now;
  }

  seen(peripheral: NoblePeripheral): void {
    const at = this.#clock.now;
    this.#byId.delete(peripheral.id);
    this.#byId.set(peripheral.id, { peripheral, at });
    if (this.#byId.size > MOST || at - this.#sweptAt > SWEEP_MS) this.#sweep(at);
  }

  get(id: string): NoblePeripheral | undefined {
    return this.#byId.get(id)?.peripheral;
  }

  #sweep(now: number): void {
    this.#sweptAt = now;
    const old: string[] = [];
    let excess = this.#byId.size - MOST;
    for (const [id, { peripheral, at }] of this.#byId) {
      if (now - at < KEPT_MS && excess <= 0) break;
      if (!isIdle(peripheral)) continue;
      old.push(id);
      excess--;
    }
    for (const id of old) this.#byId.delete(id);
    forget(this.#library, old);
    forgetHeard(this.#library);
  }
}

function isIdle({ state }: NoblePeripheral): boolean {
  return state === 'disconnected' || state === 'error';
}
