import type { Clock } from '@meshferry/core';
import { SmpGroup } from '../../groups.ts';
import { DateTimeRead, DateTimeWrite } from '../../messages/os.ts';
import { answer, groupError, type Handler, handle, layerError } from '../reply.ts';
import type { DayClock } from '../server-options.ts';

const INVALID_VALUE = 3;
const RTC_NOT_SET = 4;
/** What can be set: the zone at the end is taken and not looked at. */
const TEXT = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/;
const SHORTEST = 19;
const LONGEST = 25;

/** Reads and sets the clock of the day. */
export function dateTimeHandlers(clock: DayClock): Handler[] {
  return [
    handle(DateTimeRead, () => {
      const time = clock.read();
      if (time === undefined) return groupError(SmpGroup.os, RTC_NOT_SET);
      return answer({ datetime: new Date(time).toISOString().slice(0, SHORTEST) });
    }),
    handle(DateTimeWrite, ({ datetime = '' }) => {
      const time = parse(datetime);
      if (time === undefined) return layerError(INVALID_VALUE);
      clock.set(time);
      return answer({});
    }),
  ];
}

/** Not set until somebody sets it. */
export class RamClock implements DayClock {
  readonly #clock: Clock;
  /** At the zero of the clock. */
  #offset: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  read(): number | undefined {
    return this.#offset === undefined ? undefined : this.#offset + this.#clock.now;
  }

  set(time: number): void {
    this.#offset = time - this.#clock.now;
  }
}

function parse(text: string): number | undefined {
  if (text.length < SHORTEST || text.length > LONGEST) return undefined;
  const [year, month, day, hour, minute, second] = (TEXT.exec(text) ?? []).slice(1).map(Number);
  if (year === undefined || month === undefined || day === undefined) return undefined;
  if (hour === undefined || minute === undefined || second === undefined) return undefined;
  const inRange =
    year >= 1900 &&
    year <= 9999 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= 31 &&
    hour <= 23 &&
    minute <= 59 &&
    second <= 59;
  return inRange ? Date.UTC(year, month - 1, day, hour, minute, second) : undefined;
}
