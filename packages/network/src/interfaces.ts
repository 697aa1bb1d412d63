import {
  AD_MESH_BEACON,
  AD_MESH_MESSAGE,
  type Advertising,
  type Heard,
  type Sent,
  type Transmit,
} from '@meshferry/bearer';
import { type Cancel, type Clock, MeshError, type Unsubscribe } from '@meshferry/core';
import type { Pace } from './sar-transmission.ts';

/** Mean of the random delay that a controller adds to each advertising interval, ms. */
const ADVERTISING_JITTER_MS = 5;

const BEACON_TRANSMIT: Transmit = { count: 1, intervalMs: 20 };

/** The network interfaces of a node, one for each bearer; a PDU goes to all of them [Mesh Protocol 1.1, 3.4.5]. */
export class Interfaces {
  readonly #clock: Clock;
  readonly #heard: (octets: Uint8Array, rssi: number) => void;
  readonly #heardBeacon: (octets: Uint8Array) => void;
  readonly #advertising = new Map<Advertising, Unsubscribe>();

  constructor(
    clock: Clock,
    heard: (octets: Uint8Array, rssi: number) => void,
    heardBeacon: (octets: Uint8Array) => void,
  ) {
    this.#clock = clock;
    this.#heard = heard;
    this.#heardBeacon = heardBeacon;
  }

  attach(advertising: Advertising): Unsubscribe {
    this.#advertising.get(advertising)?.(); // attached already: once is enough
    const unsubscribe = advertising.receive([AD_MESH_MESSAGE, AD_MESH_BEACON], (ad: Heard) => {
      if (ad.type === AD_MESH_MESSAGE) this.#heard(ad.data, ad.rssi);
      else this.#heardBeacon(ad.data);
    });
    this.#advertising.set(advertising, unsubscribe);
    return () => {
      unsubscribe();
      this.#advertising.delete(advertising);
    };
  }

  close(): void {
    for (const unsubscribe of this.#advertising.values()) unsubscribe();
    this.#advertising.clear();
  }

  /** Sends a beacon in one advertising event over each advertising interface. */
  sendBeacon(data: Uint8Array): void {
    for (const advertising of this.#advertising.keys()) {
      advertising.send({ type: AD_MESH_BEACON, data }, BEACON_TRANSMIT, () => {});
    }
  }

  /** How the slowest interface takes PDUs. */
  pace(transmit: Transmit): Pace {
    let sets = Number.POSITIVE_INFINITY;
    let occupancyMs = 0;
    for (const advertising of this.#advertising.keys()) {
      const interval = Math.max(transmit.intervalMs, advertising.minIntervalMs);
      // A controller told to send one event (minimum interval 0 or so) is free again at once; by interval it is not.
      const single = transmit.count === 1 && advertising.minIntervalMs < ADVERTISING_JITTER_MS;
      sets = Math.min(sets, advertising.sets);
      occupancyMs = Math.max(occupancyMs, single ? 0 : transmit.count * (interval + ADVERTISING_JITTER_MS));
    }
    return Number.isFinite(sets) ? { sets, occupancyMs } : { sets: 1, occupancyMs: 0 };
  }

  /**
   * Sends a Network PDU over all interfaces. `done` comes when it has left over all, never before this returns: the
   * latest start and end of those that succeeded; the error if none did, `bearer-closed` if there is none.
   */
  send(pdu: Uint8Array, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    const ad = { type: AD_MESH_MESSAGE, data: pdu };
    if (this.#advertising.size === 1) {
      const [advertising] = this.#advertising.keys();
      return advertising!.send(ad, transmit, done);
    }
    if (this.#advertising.size === 0) {
      const timer = this.#clock.after(0, () => done(noInterface()));
      return () => timer.cancel();
    }
    let waiting = this.#advertising.size;
    let best: Sent | MeshError | undefined;
    const cancels = [...this.#advertising.keys()].map((advertising) =>
      advertising.send(ad, transmit, (outcome) => {
        best = latest(best, outcome);
        if (--waiting === 0) done(best);
      }),
    );
    return () => {
      for (const cancel of cancels) cancel();
    };
  }
}

function latest(a: Sent | MeshError | undefined, b: Sent | MeshError): Sent | MeshError {
  if (a === undefined || a instanceof MeshError) return a !== undefined && b instanceof MeshError ? a : b;
  if (b instanceof MeshError) return a;
  return { start: Math.max(a.start, b.start), end: Math.max(a.end, b.end) };
}

function noInterface(): MeshError {
  return new MeshError('bearer-closed', 'the node has no network interface', {
    hint: 'Attach a bearer before sending.',
  });
}
