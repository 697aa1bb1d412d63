import {
  AD_MESH_BEACON,
  AD_MESH_MESSAGE,
  AD_PB_ADV,
  type Advertising,
  type Bearer,
  type GattTraceEvent,
  type TraceEvent,
  withTrace,
} from '@meshferry/bearer';
import { Emitter, type Unsubscribe } from '@meshferry/core';
import type { ControllerSettings } from '@meshferry/sim';
import type { CaptureEvent } from '../capture/capture-writer.ts';
import { formatSeconds } from '../shell/format.ts';
import { realClock } from '../shell/host.ts';
import type { Traffic } from './session.ts';

/** Device numbers in a capture: this process, and everybody else. */
const OWN = 0;
const OTHERS = 1;
/** Shortest interval of an advertiser that works by interval, ms. */
const LEGACY_INTERVAL_MS = 20;

/** What this process sends and hears. */
export class LiveTraffic implements Traffic {
  readonly #radios: Advertising[] = [];
  readonly #own: Emitter<CaptureEvent> = new Emitter();
  #events = 0;

  /** The same radio; what goes over it counts. */
  count(radio: Bearer): Bearer {
    if (radio.advertising !== undefined) this.#radios.push(radio.advertising);
    return withTrace(radio, (event) => this.#trace(event));
  }

  get events(): number {
    return this.#events;
  }

  get isOnAir(): boolean {
    return this.#radios.length > 0;
  }

  get controller(): ControllerSettings {
    const { sets = 1, minIntervalMs = 0 } = this.#radios[0] ?? {};
    return minIntervalMs < LEGACY_INTERVAL_MS
      ? { kind: 'single', intervalMs: LEGACY_INTERVAL_MS, sets, rearmMs: minIntervalMs }
      : { kind: 'interval', intervalMs: minIntervalMs, sets, rearmMs: 0 };
  }

  listen(heard: (event: CaptureEvent) => void): Unsubscribe {
    const stops = this.#radios.map((radio) =>
      radio.receive([AD_PB_ADV, AD_MESH_MESSAGE, AD_MESH_BEACON], ({ type, data, at }) =>
        heard({ t: micros(at), device: OTHERS, type, data }),
      ),
    );
    stops.push(this.#own.subscribe(heard));
    return () => {
      for (const stop of stops) stop();
    };
  }

  duration(seconds: number): string {
    return formatSeconds(seconds);
  }

  #trace(event: TraceEvent | GattTraceEvent): void {
    if (event.kind === 'sent') {
      const { ad, transmit, sent } = event;
      this.#events += transmit.count;
      this.#own.emit({ t: micros(sent.start), device: OWN, type: ad.type, data: ad.data });
    } else if (event.kind === 'value-sent' || event.kind === 'value-received') {
      const { number: device, side } = event.link;
      const gatt = (side === 'client') === (event.kind === 'value-sent') ? 'in' : 'out';
      this.#own.emit({ t: micros(realClock.now), device, gatt, data: event.value });
    }
  }
}

function micros(ms: number): number {
  return Math.round(ms * 1000);
}
