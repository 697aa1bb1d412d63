import type { ByteStream } from '@meshferry/byte-streams';
import type { Clock, Random } from '@meshferry/core';
import { type ControllerOptions, EmulatedController } from './emulated-controller.ts';

/** Advertising PDU types as legacy reports number them, and any extended advertising PDU. */
export type PduKind = 'ADV_IND' | 'ADV_SCAN_IND' | 'ADV_NONCONN_IND' | 'ADV_EXT_IND';

/** One advertising event on all three channels. */
export interface AdvertisingEvent {
  readonly from: EmulatedController;
  readonly kind: PduKind;
  /** 0 public, 1 random. */
  readonly addressType: number;
  readonly address: Uint8Array;
  readonly data: Uint8Array;
  readonly scanResponse: Uint8Array;
  /** A central that waits for this advertiser connects. */
  readonly connected: (by: EmulatedController) => void;
}

/** On air: three channels, 31 octets, ms. */
const EVENT_MS = 1.1;

/** What several emulated controllers share: all hear all. For tests; the honest radio is in the package `sim`. */
export class EmulatedAir {
  readonly clock: Clock;
  readonly random: Random;
  readonly controllers: EmulatedController[] = [];
  /** Every advertising event so far is told here. */
  heard: ((event: AdvertisingEvent, start: number) => void) | undefined;
  /** RSSI of all reports, dBm; 127: not known. */
  rssi = -60;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  /** A new controller at the far end of a host's stream; gone when the stream ends. */
  attach(stream: ByteStream, options: ControllerOptions = {}): EmulatedController {
    const controller = new EmulatedController(this, stream, this.#number++, options);
    this.controllers.push(controller);
    return controller;
  }

  detach(controller: EmulatedController): void {
    const at = this.controllers.indexOf(controller);
    if (at >= 0) this.controllers.splice(at, 1);
  }

  /** Sends an advertising event; `sent` is called at its end. */
  transmit(event: AdvertisingEvent, sent: () => void): void {
    this.heard?.(event, this.clock.now);
    this.clock.after(EVENT_MS, () => {
      for (const controller of [...this.controllers]) {
        if (controller === event.from) continue;
        controller.scanning.hear(event, this.rssi);
        controller.connections.hear(event);
      }
      sent();
    });
  }

  #number = 0;
}
