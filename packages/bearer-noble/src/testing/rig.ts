import type { GattAdvertisement, GattLink, GattService } from '@meshferry/bearer';
import { MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { type LogLevel, MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { NobleBearer, type NobleOptions } from '../bearer.ts';
import type { NobleLibrary } from '../noble-api.ts';
import type { LibraryName } from '../uri.ts';
import { FakeBindings, libraryOver } from './fake-bindings.ts';

/** Simulated time for code that waits for promises between its timers. */
export async function advance(clock: VirtualClock, ms: number): Promise<void> {
  const until = clock.now + ms;
  for (;;) {
    await settled();
    const next = clock.nextAt;
    if (next === undefined || next > until) break;
    clock.step();
  }
  clock.runUntil(until);
  await settled();
}

/** All promises that can go on have gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** What a link or an attempt told. */
export class Observed {
  link: GattLink | undefined;
  error: MeshError | undefined;
  outcomes = 0;
  readonly received: number[][] = [];
  disconnected = 0;
}

/** A bearer on simulated time over a real library with bindings of our own. */
export class NobleRig {
  readonly clock: VirtualClock = new VirtualClock();
  readonly bindings: FakeBindings = new FakeBindings();
  readonly logged: string[] = [];
  readonly library: NobleLibrary;
  #bearer: NobleBearer | undefined;

  constructor(lib: LibraryName) {
    this.library = libraryOver(lib, this.bindings);
  }

  get bearer(): NobleBearer {
    if (this.#bearer === undefined) throw new Error('not open');
    return this.#bearer;
  }

  /** Opens the bearer; rejects as it does, within 10 s of simulated time. */
  async open(options: NobleOptions = {}): Promise<this> {
    const { clock } = this;
    const log = (level: LogLevel, message: string) => void this.logged.push(`${level}: ${message}`);
    const opening = NobleBearer.open(this.library, { clock, random: new SeededRandom(1), log }, options);
    opening.catch(() => {});
    await advance(clock, 10_000);
    this.#bearer = await opening;
    return this;
  }

  advance(ms: number): Promise<void> {
    return advance(this.clock, ms);
  }

  discover(services: readonly number[] = [0x1828]): { found: GattAdvertisement[]; stop: () => void } {
    const found: GattAdvertisement[] = [];
    const stop = this.bearer.central.discover(services, (advertisement) => void found.push(advertisement));
    return { found, stop };
  }

  /** A device with the given address that has been discovered. */
  async discovered(address: string, change: Parameters<FakeBindings['proxy']>[1] = {}) {
    const device = this.bindings.proxy(address, change);
    const { found, stop } = this.discover();
    await this.advance(10);
    this.bindings.advertise(device);
    stop();
    await this.advance(10);
    const peer = found[0]?.peer;
    if (peer === undefined) throw new Error('not discovered');
    return { device, peer };
  }

  connect(peer: string, service: GattService = MESH_PROXY_SERVICE): Observed & { cancel: () => void } {
    const observed = new Observed();
    const cancel = this.bearer.central.connect(peer, service, (outcome) => {
      observed.outcomes++;
      if (outcome instanceof MeshError) observed.error = outcome;
      else {
        observed.link = outcome;
        outcome.listen({
          received: (value) => void observed.received.push([...value]),
          disconnected: () => void observed.disconnected++,
        });
      }
    });
    return Object.assign(observed, { cancel });
  }

  /** A link that is open. */
  async connected(address: string, change: Parameters<FakeBindings['proxy']>[1] = {}) {
    const { device, peer } = await this.discovered(address, change);
    const observed = this.connect(peer);
    await this.advance(100);
    if (observed.link === undefined) throw new Error(`not connected: ${observed.error?.message}`);
    return { device, peer, observed, link: observed.link };
  }
}
