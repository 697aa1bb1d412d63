import { type Clock, type Log, SeededRandom } from '@meshferry/core';
import {
  buildImage,
  generateSigningKey,
  type PublicKey,
  parseVersion,
  SAMPLE_KEYS,
  type SigningKey,
} from '@meshferry/firmware';
import { McubootDevice } from '@meshferry/smp';
import type { SimSmpOptions } from './smp-uri.ts';

/** Octets of the payload that a device is delivered with. */
const PAYLOAD = 16 * 1024;

/**
 * The device of a URI, off and with an empty flash. Besides the trusted keys it knows that of its maker, which nobody else
 * has: what it was delivered with starts whatever key is asked for.
 */
export function simSmpDevice(
  sim: SimSmpOptions,
  ground: { readonly clock: Clock; readonly log: Log; readonly trust: readonly PublicKey[] },
): McubootDevice {
  const { clock, log, trust } = ground;
  const given = sim.trust === undefined ? SAMPLE_KEYS : trust;
  return new McubootDevice({
    clock,
    log,
    mode: sim.mode,
    images: sim.images,
    slotSize: sim.slot,
    trust: sim.trust === 'any' ? 'any' : [...given, makersKey(sim).publicKey],
    allowDowngrade: sim.downgrade === 1,
    bootMs: sim.boot,
    recovery: hasOneSlot(sim),
    flash: { sectorSize: sim.sector, writeSize: sim.align, eraseMs: sim.erase, writeMs: sim.write },
  });
}

/** Puts into the slots what the device is delivered with: images of the URI's version, and a loader where there is one. */
export function deliver(device: McubootDevice, sim: SimSmpOptions): void {
  const key = makersKey(sim);
  for (let image = 0; image < sim.images; image++) {
    device.program(image, 0, madeImage(sim, key, `image ${image}`), { confirmed: true });
  }
  if (sim.mode === 'loader') device.program(0, 1, madeImage(sim, key, 'loader'));
}

/** Whether the application runs in the only slot, so that its bootloader alone can replace it, by serial recovery. */
export function hasOneSlot({ mode }: SimSmpOptions): boolean {
  return mode === 'single' || mode === 'single-ram';
}

function madeImage(sim: SimSmpOptions, key: SigningKey, what: string): Uint8Array {
  const version = parseVersion(sim.version);
  if (!version.ok) throw version.error;
  const size = Math.min(PAYLOAD, sim.slot >> 2);
  const payload = new SeededRandom(`${sim.seed}/${what}`).bytes(size);
  return buildImage({ payload, version: version.value, key });
}

function makersKey({ seed }: SimSmpOptions): SigningKey {
  return generateSigningKey(new SeededRandom(`${seed}/maker`), 'maker');
}
