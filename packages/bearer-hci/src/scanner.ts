import type { Cancel, Timer, Unsubscribe } from '@meshferry/core';
import { hexCode, LE_EVENT, OPCODE, STATUS } from './codes.ts';
import type { HciHost } from './host.ts';
import { OWN_RANDOM } from './own-address.ts';
import { type Procedure, run } from './procedure.ts';
import { extendedReports, legacyReports, type Report } from './reports.ts';

/** 30 ms, in units of 0.625 ms: window and interval alike, so that nothing is missed. */
const WINDOW = 0x30;
const PASSIVE = 0;
const ACTIVE = 1;
const LE_1M = 0x01;
/** A refusal passes, for example when a connection has been made, ms. */
const RETRY_MS = 100;

/** What the controller does; active: it asks advertisers for their scan responses as well. */
type Mode = 'off' | 'passive' | 'active';

/**
 * Scanning without a duplicate filter, all the time that somebody listens and nobody has asked for a pause: passive, but active while
 * somebody wants scan responses. It comes back after a reset of the controller by itself.
 */
export class Scanner {
  readonly #host: HciHost;
  readonly #listeners = new Map<(report: Report) => void, Mode>();
  readonly #paused = new Set<() => void>();
  #pauses = 0;
  /** Own_Address_Type; undefined: the controller is not ready. */
  #ownType: number | undefined;
  #extended = false;
  #mode: Mode = 'off';
  #changing = false;
  /** What the parameters are set for. */
  #parameters: Mode | undefined;
  #refusals = 0;
  #retry: Timer | undefined;

  constructor(host: HciHost) {
    this.#host = host;
    const hear = (report: Report) => {
      for (const listener of this.#listeners.keys()) listener(report);
    };
    host.onLeEvent(LE_EVENT.ADVERTISING_REPORT, (parameters) => legacyReports(parameters, hear));
    host.onLeEvent(LE_EVENT.EXTENDED_ADVERTISING_REPORT, (parameters) => extendedReports(parameters, hear));
    host.onDown(() => this.#forget());
  }

  /** The controller is up, its random address set (or not, with `ownType` 0). */
  start(extended: boolean, ownType: number): void {
    this.#extended = extended;
    this.#ownType = ownType;
    this.#update();
  }

  /** Every report while it is subscribed, with those of scan responses if it is `active`. */
  listen(heard: (report: Report) => void, mode: 'passive' | 'active' = 'passive'): Unsubscribe {
    // Each subscription of its own, also of one function twice.
    const listener = (report: Report) => heard(report);
    this.#listeners.set(listener, mode);
    this.#update();
    return () => {
      this.#listeners.delete(listener);
      this.#update();
    };
  }

  /**
   * Nothing is scanned until the returned function was called: for what a controller cannot do at the same time (a new
   * random address, connecting). `paused` is called once when scanning has stopped, perhaps at once, also without a controller.
   */
  pause(paused: () => void): Cancel {
    let over = false;
    this.#pauses++;
    if (this.#mode === 'off' && !this.#changing) paused();
    else {
      this.#paused.add(paused);
      this.#update();
    }
    return () => {
      if (over) return;
      over = true;
      this.#paused.delete(paused);
      this.#pauses--;
      this.#update();
    };
  }

  #wanted(): Mode {
    if (this.#listeners.size === 0 || this.#pauses > 0) return 'off';
    return [...this.#listeners.values()].includes('active') ? 'active' : 'passive';
  }

  #update(): void {
    const wanted = this.#wanted();
    if (this.#ownType === undefined || this.#changing || this.#retry !== undefined) return;
    if (wanted === this.#mode) return;
    this.#changing = true;
    run(this.#host, this.#change(wanted), (status) => {
      if (status === STATUS.NO_ANSWER) return;
      this.#changing = false;
      if (status === STATUS.SUCCESS) this.#mode = wanted;
      else this.#refused(wanted, status);
      if (this.#mode === 'off') this.#tellPaused();
      this.#update();
    });
  }

  #refused(wanted: Mode, status: number): void {
    const isStart = wanted !== 'off';
    this.#host.log(isStart ? 'warn' : 'debug', `the controller refused to ${isStart ? 'start' : 'stop'} scanning`, {
      status: hexCode(status, 2),
    });
    this.#mode = 'off';
    if (!isStart) return;
    this.#retry = this.#host.clock.after(RETRY_MS, () => {
      this.#retry = undefined;
      this.#update();
    });
    this.#refusals++;
    this.#parameters = undefined;
  }

  *#change(wanted: Mode): Procedure<number> {
    if (this.#mode !== 'off') {
      const status = yield* this.#disable();
      if (wanted === 'off' || status === STATUS.NO_ANSWER) return status;
      this.#mode = 'off';
    }
    return yield* this.#enable(wanted);
  }

  *#enable(mode: Mode): Procedure<number> {
    if (this.#parameters !== mode) {
      // After a refusal: perhaps it scans already.
      if (this.#refusals > 0) yield* this.#disable();
      const [type, own] = [mode === 'active' ? ACTIVE : PASSIVE, this.#ownType ?? OWN_RANDOM];
      const { status } = yield this.#extended
        ? [OPCODE.LE_SET_EXTENDED_SCAN_PARAMETERS, Uint8Array.of(own, 0, LE_1M, type, WINDOW, 0, WINDOW, 0)]
        : [OPCODE.LE_SET_SCAN_PARAMETERS, Uint8Array.of(type, WINDOW, 0, WINDOW, 0, own, 0)];
      if (status === STATUS.NO_ANSWER) return status;
      // One that refuses them scans as it likes, which is better than not at all.
      if (status !== STATUS.SUCCESS)
        this.#host.log('warn', 'the controller refused the scan parameters', { status: hexCode(status, 2) });
      this.#parameters = mode;
    }
    return (yield this.#extended
      ? [OPCODE.LE_SET_EXTENDED_SCAN_ENABLE, Uint8Array.of(1, 0, 0, 0, 0, 0)]
      : [OPCODE.LE_SET_SCAN_ENABLE, Uint8Array.of(1, 0)]).status;
  }

  *#disable(): Procedure<number> {
    return (yield this.#extended
      ? [OPCODE.LE_SET_EXTENDED_SCAN_ENABLE, Uint8Array.of(0, 0, 0, 0, 0, 0)]
      : [OPCODE.LE_SET_SCAN_ENABLE, Uint8Array.of(0, 0)]).status;
  }

  #tellPaused(): void {
    const waiting = [...this.#paused];
    this.#paused.clear();
    for (const paused of waiting) paused();
  }

  #forget(): void {
    this.#ownType = undefined;
    this.#mode = 'off';
    this.#changing = false;
    this.#parameters = undefined;
    this.#refusals = 0;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#tellPaused();
  }
}
