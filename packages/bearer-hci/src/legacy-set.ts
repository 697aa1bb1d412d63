import type { Timer } from '@meshferry/core';
import {
  type Advertisement,
  type AdvertisingSet,
  intervalUnits,
  legacyData,
  type Manners,
  type SetOutcome,
  sentBy,
} from './advertising-set.ts';
import { OPCODE, STATUS } from './codes.ts';
import type { HciHost } from './host.ts';
import { type Procedure, run } from './procedure.ts';

/** Advertising_Type: ADV_NONCONN_IND, ADV_IND. */
const NONCONNECTABLE = 3;
const CONNECTABLE = 0;

/**
 * Legacy advertising: the controller repeats what it has until it is disabled and does not say how often, so the host
 * counts by time. Data is set only while it is disabled, or nobody knew which events had which.
 */
export class LegacySet implements AdvertisingSet {
  readonly #host: HciHost;
  readonly #manners: Manners;
  #parameters: { type: number; interval: number } | undefined;
  #state: 'idle' | 'starting' | 'running' | 'stopping' = 'idle';
  #ended: ((outcome: SetOutcome) => void) | undefined;
  #stopAsked = false;
  #terminated = false;
  #start = 0;
  #timer: Timer | undefined;

  constructor(host: HciHost, manners: Manners) {
    this.#host = host;
    this.#manners = manners;
  }

  send(advertisement: Advertisement, ended: (outcome: SetOutcome) => void): void {
    this.#state = 'starting';
    this.#ended = ended;
    this.#stopAsked = false;
    this.#terminated = false;
    run(this.#host, this.#begin(advertisement), (status) => {
      if (status === STATUS.NO_ANSWER) return;
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
    this.#terminated = true;
    if (this.#state === 'running') this.#sent();
  }

  forget(): void {
    this.#timer?.cancel();
    this.#state = 'idle';
    this.#ended = undefined;
    this.#parameters = undefined;
  }

  *#begin(advertisement: Advertisement): Procedure<number> {
    for (let again = false; ; again = true) {
      const status = yield* this.#setUp(advertisement);
      if (status === STATUS.SUCCESS || status >= STATUS.NO_ANSWER || again) return status;
      // Something is on air that we do not know of: begin anew.
      yield* disable();
      this.#parameters = undefined;
    }
  }

  *#setUp({ data, scanResponse, intervalMs }: Advertisement): Procedure<number> {
    let status = yield* this.#setParameters(scanResponse === undefined ? NONCONNECTABLE : CONNECTABLE, intervalMs);
    if (status !== STATUS.SUCCESS) return status;
    status = (yield legacyData(OPCODE.LE_SET_ADVERTISING_DATA, data)).status;
    if (status !== STATUS.SUCCESS) return status;
    if (scanResponse !== undefined) {
      status = (yield legacyData(OPCODE.LE_SET_SCAN_RESPONSE_DATA, scanResponse)).status;
      if (status !== STATUS.SUCCESS) return status;
    }
    if (this.#stopAsked) return STATUS.TAKEN_BACK;
    return (yield [OPCODE.LE_SET_ADVERTISING_ENABLE, Uint8Array.of(1)]).status;
  }

  *#setParameters(type: number, intervalMs: number): Procedure<number> {
    for (;;) {
      const interval = intervalUnits(Math.max(intervalMs, this.#manners.minIntervalMs));
      if (this.#parameters?.type === type && this.#parameters.interval === interval) return STATUS.SUCCESS;
      const [low, high] = [interval & 0xff, interval >> 8];
      const layout = Uint8Array.of(low, high, low, high, type, this.#manners.ownType, 0, 0, 0, 0, 0, 0, 0, 7, 0);
      const { status } = yield [OPCODE.LE_SET_ADVERTISING_PARAMETERS, layout];
      if (status === STATUS.SUCCESS) {
        this.#parameters = { type, interval };
        return status;
      }
      // Some take 100 ms at least, whatever their version.
      if (status !== STATUS.INVALID_PARAMETERS || this.#manners.minIntervalMs >= 100) return status;
      this.#manners.minIntervalMs = 100;
    }
  }

  #running({ count, intervalMs }: Advertisement): void {
    const { clock } = this.#host;
    this.#state = 'running';
    this.#start = clock.now;
    if (this.#terminated) this.#sent();
    else if (this.#stopAsked) this.#disable();
    else if (count > 0) {
      const limit = sentBy(count, Math.max(intervalMs, this.#manners.minIntervalMs));
      this.#timer = clock.after(limit, () => this.#disable());
    }
  }

  #disable(): void {
    this.#timer?.cancel();
    this.#state = 'stopping';
    const end = this.#host.clock.now;
    run(this.#host, disable(), (status) => {
      if (status !== STATUS.NO_ANSWER) this.#end({ start: this.#start, end });
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

function* disable(): Procedure<number> {
  return (yield [OPCODE.LE_SET_ADVERTISING_ENABLE, Uint8Array.of(0)]).status;
}
