import { join } from 'node:path';
import {
  type Clock,
  MemoryStore,
  type MeshError,
  type Random,
  type Store,
  storeView,
  toHex,
  utf8,
} from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { PublicKey } from '@meshferry/firmware';
import { canonicalSimSmpUri, parseSimSmpUri, SimSmp, type SimSmpOptions } from '@meshferry/sim';
import type { SmpRoute } from '@meshferry/smp';
import { openSqliteStore } from '@meshferry/store-sqlite';
import { readPublicKeyFile } from '../firmware/read-file.ts';
import { asInput, ExitCode, Stop } from '../shell/exit.ts';
import { formatSeconds } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import type { SmpSession } from './session.ts';

/** A simulated device, as the last command with the same URI and `--state` left it. */
export async function openSimulatedSmp(shell: Shell, uri: string): Promise<SmpSession> {
  const sim = asInput(() => parseSimSmpUri(uri));
  return new SimSmpSession(shell, sim, trustOf(shell, sim));
}

/** Trusted by the bootloader beside what `sim:smp` itself says. */
export function trustOf(shell: Shell, { trust }: SimSmpOptions): readonly PublicKey[] {
  return trust === undefined || trust === 'any' ? [] : [readPublicKeyFile(shell.io, trust)];
}

class SimSmpSession implements SmpSession {
  readonly store: Store;
  readonly folder: string | undefined;
  readonly #file: Store;
  readonly #sim: SimSmp;
  readonly #interrupt = new AbortController();
  readonly #unlisten: () => void;

  constructor(shell: Shell, sim: SimSmpOptions, trust: readonly PublicKey[]) {
    this.folder = shell.state;
    this.#file = openDeviceStore(shell.state, sim);
    this.store = storeView(this.#file, 'updates/');
    try {
      this.#sim = new SimSmp({ sim, trust, log: shell.log, store: storeView(this.#file, 'device/') });
    } catch (thrown) {
      this.#file.close();
      throw thrown;
    }
    this.#unlisten = shell.io.signals.listen(() => this.#interrupt.abort());
  }

  get clock(): Clock {
    return this.#sim.clock;
  }

  get random(): Random {
    return this.#sim.random;
  }

  get route(): SmpRoute {
    return this.#sim.route;
  }

  duration(seconds: number): string {
    return `${formatSeconds(seconds)} of simulated time`;
  }

  async run<T>(work: Promise<T>, interrupted: () => MeshError): Promise<T> {
    const { signal } = this.#interrupt;
    try {
      return await this.#sim.run(work, signal);
    } catch (thrown) {
      throw signal.aborted ? new Stop(ExitCode.interrupted, interrupted()) : thrown;
    }
  }

  async close(): Promise<void> {
    this.#unlisten();
    this.#sim.close();
    this.#file.close();
  }
}

/** Where a simulated device is kept, and updates of it that were not finished. */
export function openDeviceStore(state: string | undefined, sim: SimSmpOptions): Store {
  if (state === undefined) return new MemoryStore();
  const name = toHex(portableCrypto.sha256(utf8(canonicalSimSmpUri(sim))).subarray(0, 8));
  // The device lives and dies with this process: what it wrote before it was killed is all that can matter.
  return asInput(() => openSqliteStore(join(state, 'sim', name, 'smp.sqlite'), { durability: 'process' }));
}
