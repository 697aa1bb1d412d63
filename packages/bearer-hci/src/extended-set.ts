import type { Timer } from '@meshferry/core';
import {
  type Advertisement,
  type AdvertisingSet,
  enableSet,
  intervalUnits,
  type Manners,
  type SetOutcome,
  sentBy,
  setData,
} from './advertising-set.ts';
import { OPCODE, STATUS } from './codes.ts';
import type { HciHost } from './host.ts';
import { nonResolvableAddress, OWN_PUBLIC } from './own-address.ts';
import { type Procedure, run } from './procedure.ts';

/** Advertising Set Terminated is late by now, ms beyond the longest time on air. */
const WATCHDOG_MS = 200;
/** After so many in a row that did not come, nobody waits for them any more. */
const MISSED_MOST = 2;
/** How long an address is used, ms. */
const ADDRESS_MS = 15 * 60_000;
const MAX_EVENTS = 255;

/** Legacy PDUs by extended commands: ADV_NONCONN_IND, ADV_IND. */
const NONCONNECTABLE = 0x10;
const CONNECTABLE = 0x13;

/**
 * One advertising set. The controller counts the events and says when all were sent, so there is no waiting; where it does
 * not take a number of events or does not say, it is as with legacy advertising.
 */
export class ExtendedSet implements AdvertisingSet {
  readonly #host: HciHost;
  readonly #handle: number;
  readonly #manners: Manners;
  /** What the controller has for this set; undefined: no set. */
  #parameters: { properties: number; interval: number } | undefined;
  #addressAt = 0;
  #state: 'idle' | 'starting' | 'running' | 'stopping' = 'idle';
  #ended: ((outcome: SetOutcome) => void) | undefined;
  #stopAsked = false;
  /** Enable has been sent. */
  #enabling = false;
  #terminatedEarly = false;
  #start = 0;
  #timer: Timer | undefined;

  constructor(host: HciHost, handle: number, manners: Manners) {
    this.#host = host;
    this.#handle = handle;
    this.#manners = manners;
  }

  send(advertisement: Advertisement, ended: (outcome: SetOutcome) => void): void {
    this.#state = 'starting';
    this.#ended = ended;
    this.#stopAsked = false;
    this.#terminatedEarly = false;
    run(this.#host, this.#begin(advertisement), (status) => {
      if (status === STATUS.NO_ANSWER) return;
      this.#enabling = false;
      if (status === STATUS.TAKEN_BACK) this.#end({ start: this.#host.clock.now, end: this.#host.clock.now });
      else if (status !== STATUS.SUCCESS) this.#end({ refused: status });
      else this.#running(advertisement);
    });
  }

  stop(): void {
    this.#stopAsked = true;
    if (this.#state === 'running') this.#disable();
  }

  terminated(): void {
    this.#manners.missedTerminations = 0;
    if (this.#state === 'running' || this.#state === 'stopping') this.#sent();
    // The event may come before the answer to the command.
    else if (this.#enabling) this.#terminatedEarly = true;
  }

  forget(): void {
    this.#timer?.cancel();
    this.#state = 'idle';
    this.#ended = undefined;
    this.#parameters = undefined;
    this.#enabling = false;
  }

  *#begin(advertisement: Advertisement): Procedure<number> {
    for (let again = false; ; again = true) {
      const status = yield* this.#setUp(advertisement);
      if (status === STATUS.SUCCESS || status >= STATUS.NO_ANSWER || again) return status;
      // The set is in a state that we do not know of: begin anew.
      yield enableSet(this.#handle, false, 0);
      this.#parameters = undefined;
    }
  }

  *#setUp({ data, scanResponse, count, intervalMs, newAddress }: Advertisement): Procedure<number> {
    const properties = scanResponse === undefined ? NONCONNECTABLE : CONNECTABLE;
    let status = yield* this.#setParameters(properties, intervalMs);
    if (status !== STATUS.SUCCESS) return status;
    if (newAddress || this.#host.clock.now - this.#addressAt >= ADDRESS_MS) {
      status = yield* this.#setAddress();
      if (status !== STATUS.SUCCESS) return status;
    }
    status = (yield setData(OPCODE.LE_SET_EXTENDED_ADVERTISING_DATA, this.#handle, data)).status;
    if (status !== STATUS.SUCCESS) return status;
    if (scanResponse !== undefined && scanResponse.length > 0) {
      status = (yield setData(OPCODE.LE_SET_EXTENDED_SCAN_RESPONSE_DATA, this.#handle, scanResponse)).status;
      if (status !== STATUS.SUCCESS) return status;
    }
    return this.#stopAsked ? STATUS.TAKEN_BACK : yield* this.#enable(count);
  }

  *#enable(count: number): Procedure<number> {
    const maxEvents = this.#manners.takesMaxEvents ? Math.min(MAX_EVENTS, count) : 0;
    this.#enabling = true;
    const { status } = yield enableSet(this.#handle, true, maxEvents);
    if (maxEvents === 0 || (status !== STATUS.INVALID_PARAMETERS && status !== STATUS.UNSUPPORTED)) return status;
    const without = yield enableSet(this.#handle, true, 0);
    if (without.status === STATUS.SUCCESS) this.#manners.takesMaxEvents = false;
    return without.status;
  }

  /** Creates the set, or changes it where it differs. */
  *#setParameters(properties: number, intervalMs: number): Procedure<number> {
    for (;;) {
      const interval = intervalUnits(Math.max(intervalMs, this.#manners.minIntervalMs));
      const { properties: p, interval: i } = this.#parameters ?? {};
      if (p === properties && i === interval) return STATUS.SUCCESS;
      const { status } = yield [OPCODE.LE_SET_EXTENDED_ADVERTISING_PARAMETERS, this.#layout(properties, interval)];
      if (status === STATUS.SUCCESS) {
        if (this.#parameters === undefined) this.#addressAt = Number.NEGATIVE_INFINITY;
        this.#parameters = { properties, interval };
        return status;
      }
      // Some take 100 ms at least, whatever their version.
      if (status !== STATUS.INVALID_PARAMETERS || this.#manners.minIntervalMs >= 100) return status;
      this.#manners.minIntervalMs = 100;
    }
  }

  #layout(properties: number, interval: number): Uint8Array {
    const [low, high] = [interval & 0xff, interval >> 8];
    const { ownType } = this.#manners;
    return Uint8Array.of(
      ...[this.#handle, properties, 0, low, high, 0, low, high, 0, ALL_CHANNELS, ownType],
      ...[0, 0, 0, 0, 0, 0, 0, 0, NO_PREFERENCE, LE_1M, 0, LE_1M, 0, 0],
    );
  }

  /** Where there is none yet and none can be set, the public address has to do. */
  *#setAddress(): Procedure<number> {
    if (this.#manners.ownType === OWN_PUBLIC) return STATUS.SUCCESS;
    const parameters = Uint8Array.of(this.#handle, ...nonResolvableAddress(this.#host.random));
    const { status } = yield [OPCODE.LE_SET_ADVERTISING_SET_RANDOM_ADDRESS, parameters];
    if (status === STATUS.SUCCESS) this.#addressAt = this.#host.clock.now;
    else if (this.#addressAt > Number.NEGATIVE_INFINITY) return STATUS.SUCCESS;
    else if (status !== STATUS.UNKNOWN_ADVERTISING_SET) this.#manners.ownType = OWN_PUBLIC;
    return status;
  }

  #running({ count, intervalMs }: Advertisement): void {
    const { clock } = this.#host;
    const { minIntervalMs, takesMaxEvents, missedTerminations } = this.#manners;
    this.#state = 'running';
    this.#start = clock.now;
    if (this.#terminatedEarly) this.#sent();
    else if (this.#stopAsked) this.#disable();
    else if (count > 0) {
      const onAir = sentBy(count, Math.max(intervalMs, minIntervalMs));
      const exact = takesMaxEvents && missedTerminations < MISSED_MOST && count <= MAX_EVENTS;
      const limit = exact ? onAir + WATCHDOG_MS : onAir;
      this.#timer = clock.after(limit, () => {
        if (exact) this.#manners.missedTerminations++;
        this.#disable();
      });
    }
  }

  #disable(): void {
    this.#timer?.cancel();
    this.#state = 'stopping';
    run(this.#host, stopSet(this.#handle), (status) => {
      if (status !== STATUS.NO_ANSWER && this.#state === 'stopping') this.#sent();
    });
  }

  #sent(): void {
    this.#timer?.cancel();
    this.#end({ start: this.#start, end: this.#host.clock.now });
  }

  #end(outcome: SetOutcome): void {
    const ended = this.#ended;
    this.#state = 'idle';
    this.#ended = undefined;
    ended?.(outcome);
  }
}

const ALL_CHANNELS = 0x07;
const NO_PREFERENCE = 0x7f;
const LE_1M = 0x01;

function* stopSet(handle: number): Procedure<number> {
  return (yield enableSet(handle, false, 0)).status;
}
