import { SeededRandom } from '@meshferry/core';
import { generateP256KeyPair, type P256KeyPair } from '@meshferry/crypto';
import type { SimOptions } from './uri.ts';

/** What is printed on a simulated device that is to be provisioned, or hidden in it. */
export interface SimLabel {
  /** Device UUID, 16 octets: a random one as RFC 4122 has it (version 4). */
  readonly uuid: Uint8Array;
  /** Static OOB data, 16 octets (`oob=static`). */
  readonly staticOob?: Uint8Array;
  /** The public key is on the label (`oob=publickey`), the private one in the device. */
  readonly keyPair?: P256KeyPair;
}

/** The label of unprovisioned device `number` (from 0): the same for the same seed. */
export function simLabel({ seed, oob }: SimOptions, number: number): SimLabel {
  const random = (what: string) => new SeededRandom(`${seed}/device ${number}/${what}`);
  return {
    uuid: version4(random('uuid').bytes(16)),
    ...(oob.includes('static') && { staticOob: random('static').bytes(16) }),
    ...(oob.includes('publickey') && { keyPair: generateP256KeyPair(random('key')) }),
  };
}

/** The labels of all unprovisioned devices of a simulator URI: what their user can read, and so what a script may know. */
export function simLabels(sim: SimOptions): SimLabel[] {
  return Array.from({ length: sim.unprovisioned }, (_, number) => simLabel(sim, number));
}

function version4(octets: Uint8Array): Uint8Array {
  octets[6] = ((octets[6] as number) & 0x0f) | 0x40;
  octets[8] = ((octets[8] as number) & 0x3f) | 0x80;
  return octets;
}
