import { MemoryStore, MeshError, SeededRandom, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type MadeFirmware, makeFirmware, type Version } from '@meshferry/firmware';
import { expect } from 'vitest';
import { McubootTarget, type McubootTargetOptions } from '../mcuboot-target.ts';

/** The Firmware ID of a {@link Device} at first. */
export const OLD = '59000000000000000000';
export const BLOCK = 256;
const PAGE0 = new Uint8Array(22);

/** A signed image of some payload, the same each time. */
export function firmware(version: Version): Promise<MadeFirmware> {
  const payload = new SeededRandom('payload').bytes(1500);
  return makeFirmware({ payload, company: 0x59, crypto: portableCrypto, version });
}

/** A target on a store that outlives its restarts. */
export class Device {
  readonly store: MemoryStore = new MemoryStore();
  restarts = 0;
  target: McubootTarget;
  readonly #options: McubootTargetOptions;

  constructor(options: Partial<McubootTargetOptions> = {}) {
    this.#options = {
      store: this.store,
      crypto: portableCrypto,
      company: 0x59,
      version: version(0, 0),
      slotSize: 1 << 20,
      effect: 'none',
      compositionPage0: () => PAGE0,
      restart: () => {
        this.restarts++;
      },
      ...options,
    };
    this.target = new McubootTarget(this.#options);
  }

  get firmwareId(): string {
    return toHex(this.target.images()[0]?.firmwareId ?? new Uint8Array());
  }

  restart(): void {
    this.target = new McubootTarget(this.#options);
  }

  receive(image: Uint8Array, metadata: Uint8Array, size = image.length): void {
    expect(this.target.check(0, metadata).accept).toBe(true);
    const start = this.target.start(0, metadata);
    if ('alreadyThere' in start) return;
    if (!('sink' in start)) expect.unreachable('no room');
    expect(start.sink.begin(7n, size)).toBe(true);
    for (let at = 0; at < image.length; at += BLOCK) start.sink.block(at, image.subarray(at, at + BLOCK));
  }

  /** What it said of it; undefined when it restarts. */
  apply(): boolean | undefined {
    let done: boolean | undefined;
    this.target.apply(0, (ok) => {
      done = ok;
    });
    return done;
  }

  /** The flash takes no write while `run` runs. */
  full(run: () => void): void {
    const { batch } = this.store;
    this.store.batch = () => {
      throw new MeshError('store-failed', 'disk full');
    };
    run();
    this.store.batch = batch;
  }

  /** Why it was not verified; undefined when it was. */
  verify(metadata: Uint8Array): string | undefined {
    let outcome: string | undefined = 'no answer';
    this.target.verify(0, metadata, (ok, reason) => {
      outcome = ok ? undefined : reason;
    });
    return outcome;
  }
}

export function version(major: number, minor: number): Version {
  return { major, minor, revision: 0, build: 0 };
}
