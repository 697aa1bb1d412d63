import { encodeServiceData, type Transmit } from '@meshferry/bearer';
import {
  type Cancel,
  type Clock,
  MeshError,
  type NetIndex,
  type Store,
  toMeshError,
  type Unicast,
} from '@meshferry/core';
import type { Done } from './contract.ts';
import type { Interfaces } from './interfaces.ts';
import type { Keys } from './keys.ts';
import { noKey } from './originator.ts';
import { encodeSolicitationPdu, SSEQ_MAX, solicitationServiceData } from './solicitation-pdu.ts';

const KEY = 'sseq';

/** Asks private proxies to show themselves [Mesh Protocol 1.1, 6.9]. */
export class SolicitationClient {
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #keys: Keys;
  readonly #interfaces: Interfaces;
  readonly #address: Unicast;

  constructor(clock: Clock, store: Store, keys: Keys, interfaces: Interfaces, address: Unicast) {
    this.#clock = clock;
    this.#store = store;
    this.#keys = keys;
    this.#interfaces = interfaces;
    this.#address = address;
  }

  /** Sends a new Solicitation PDU; `done` with `no-key`, `sequence-exhausted`, `store-failed` or an error of the bearer. */
  send(netIndex: NetIndex, transmit: Transmit, done: Done): Cancel {
    const security = this.#keys.netKey(netIndex);
    const sseq = security === undefined ? noKey(`NetKey ${netIndex}`) : this.#takeSseq();
    if (security === undefined || sseq instanceof MeshError) {
      const error = sseq as MeshError;
      const timer = this.#clock.after(0, () => done(error));
      return () => timer.cancel();
    }
    const pdu = encodeSolicitationPdu({ ssrc: this.#address, sseq }, security);
    return this.#interfaces.sendAd(encodeServiceData(solicitationServiceData(pdu)), transmit, (outcome) =>
      done(outcome instanceof MeshError ? outcome : undefined),
    );
  }

  /** Written before it is used, so that none is used twice. */
  #takeSseq(): number | MeshError {
    const [high, middle, low] = this.#store.get(KEY) ?? [0, 0, 0];
    const sseq = ((high! << 16) | (middle! << 8) | low!) + 1;
    if (sseq > SSEQ_MAX) {
      return new MeshError('sequence-exhausted', 'all numbers of Solicitation PDUs of this address are used', {
        hint: 'The node needs another address before it can solicit again.',
      });
    }
    try {
      this.#store.batch([[KEY, Uint8Array.of(sseq >> 16, sseq >> 8, sseq)]]);
      return sseq;
    } catch (thrown) {
      return toMeshError(thrown);
    }
  }
}
