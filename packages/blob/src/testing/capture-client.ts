import { AccessLayer, type Model } from '@meshferry/access';
import { type Clock, MemoryStore, type Random, SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { AccessTransport } from '@meshferry/network';

/** Chance that always draws the least: answers go at once, as in the recordings. */
export class LeastRandom implements Random {
  readonly #octets = new SeededRandom('replay');

  bytes(n: number): Uint8Array {
    return this.#octets.bytes(n);
  }

  uniform(): number {
    return 0;
  }
}

/** An access layer with one element for these models, bound to AppKey 0 and in the group, on a transport. */
export function joinModels(
  clock: Clock,
  address: number,
  models: readonly Model[],
  transport: AccessTransport,
): AccessLayer {
  const access = new AccessLayer({
    clock,
    random: new LeastRandom(),
    store: new MemoryStore(),
    crypto: portableCrypto,
    address,
    identity: { cid: 0x0059, pid: 1, vid: 1, crpl: 100, features: 0 },
  });
  access.addElement(0, models);
  access.connect(transport);
  for (const model of models) model.bind(0);
  return access;
}
