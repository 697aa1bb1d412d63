import { MeshError, type VirtualClock } from '@meshferry/core';

/** Lets the time of a virtual clock pass as fast as the computer allows, while somebody waits for something. */
export class SimulatedTime {
  readonly clock: VirtualClock;
  #held: Promise<unknown> | undefined;

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  /** Runs until `work` has settled. Rejects with `aborted`, or `simulation-stalled` when nothing can happen any more. */
  async run<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    work.then(settle, settle);
    while (!settled) {
      if (this.#held !== undefined) await Promise.race([this.#held, aborting(signal)]);
      else if (!this.clock.step()) await this.#idle(() => settled);
      // What waits on a promise goes on before time does, however many others it waits for.
      if (this.clock.nextAt !== this.clock.now) await turn();
      if (signal?.aborted) {
        throw new MeshError('aborted', 'the simulation was stopped', { hint: 'Run it again to go on.' });
      }
    }
    return work;
  }

  /** No simulated time passes until this has settled: somebody outside is being asked. */
  hold(until: Promise<unknown>): void {
    const release = (): void => {
      if (this.#held === held) this.#held = undefined;
    };
    const held = until.then(release, release);
    this.#held = held;
  }

  /** No event is left: what is awaited may be the disk or the terminal, but not for long. */
  async #idle(settled: () => boolean): Promise<void> {
    for (let i = 0; i < 1000 && !settled(); i++) {
      await turn();
      if (this.clock.nextAt !== undefined) return;
    }
    if (settled()) return;
    throw new MeshError('simulation-stalled', `nothing happens any more at ${(this.clock.now / 1000).toFixed(1)} s`, {
      hint: 'This is a defect of Meshferry: please report it with the command and the seed.',
    });
  }
}

function aborting(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Whoever waits for promises, signals, timers or the terminal has had his turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
