import type { Cancel, Timer, Unsubscribe } from '@meshferry/core';
import { hexCode, LE_EVENT, OPCODE, STATUS } from './codes.ts';
import type { HciHost } from './host.ts';
import { OWN_RANDOM } from './own-address.ts';
import { type Procedure, run } from './procedure.ts';
import { extendedReports, legacyReports, type Report } from './reports.ts';

/** 30 ms, in units of 0.625 ms: window and interval alike, so that nothing is missed. */
const WINDOW = 0x30;
/** A refusal passes, for example when a connection has been made, ms. */
const RETRY_MS = 100;

/**
 * Passive scanning without a duplicate filter, all the time that somebody listens and nobody has asked for a pause. It comes
 * back after a reset of the controller by itself.
 */
export class Scanner {
  readonly #host: HciHost;
  readonly #listeners = new Set<(report: Report) => void>();
  readonly #paused = new Set<() => void>();
  #pauses = 0;
  /** Own_Address_Type; undefined: the controller is not ready. */
  #ownType: number | undefined;
  #extended = false;
  #scanning = false;
  #changing = false;
  #parametersSet = false;
  #refusals = 0;
  #retry: Timer | undefined;

  constructor(host: HciHost) {
    this.#host = host;
    const hear = (report: Report) => {
      for (const listener of this.#listeners) listener(report);
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

  /** Every report while it is subscribed. */
  listen(heard: (report: Report) => void): Unsubscribe {
    // Each subscription of its own, also of one function twice.
    const listener = (report: Report) => heard(report);
    this.#listeners.add(listener);
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
    if (!this.#scanning && !this.#changing) paused();
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

  #update(): void {
    const wanted = this.#listeners.size > 0 && this.#pauses === 0;
    if (this.#ownType === undefined || this.#changing || this.#retry !== undefined) return;
    if (wanted === this.#scanning) return;
    this.#changing = true;
    run(this.#host, wanted ? this.#enable() : this.#disable(), (status) => {
      if (status === STATUS.NO_ANSWER) return;
      this.#changing = false;
      if (status === STATUS.SUCCESS) this.#scanning = wanted;
      else this.#refused(wanted, status);
      if (!this.#scanning) this.#tellPaused();
      this.#update();
    });
  }

  #refused(wanted: boolean, status: number): void {
    this.#host.log(wanted ? 'warn' : 'debug', `the controller refused to ${wanted ? 'start' : 'stop'} scanning`, {
      status: hexCode(status, 2),
    });
    if (wanted) {
      this.#retry = this.#host.clock.after(RETRY_MS, () => {
        this.#retry = undefined;
        this.#update();
      });
      this.#refusals++;
      this.#parametersSet = false;
    } else this.#scanning = false;
  }

  *#enable(): Procedure<number> {
    if (!this.#parametersSet) {
      // After a refusal: perhaps it scans already.
      if (this.#refusals > 0) yield* this.#disable();
      const { status } = yield this.#extended
        ? [
            OPCODE.LE_SET_EXTENDED_SCAN_PARAMETERS,
            Uint8Array.of(this.#ownType ?? OWN_RANDOM, 0, 1, 0, WINDOW, 0, WINDOW, 0),
          ]
        : [OPCODE.LE_SET_SCAN_PARAMETERS, Uint8Array.of(0, WINDOW, 0, WINDOW, 0, this.#ownType ?? OWN_RANDOM, 0)];
      if (status === STATUS.NO_ANSWER) return status;
      // One that refuses them scans as it likes, which is better than not at all.
      if (status !== STATUS.SUCCESS)
        this.#host.log('warn', 'the controller refused the scan parameters', { status: hexCode(status, 2) });
      this.#parametersSet = true;
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
    this.#scanning = false;
    this.#changing = false;
    this.#parametersSet = false;
    this.#refusals = 0;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#tellPaused();
  }
}
