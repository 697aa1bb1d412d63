import type { BearerGround } from '@meshferry/bearer';
import { type LogLevel, SeededRandom, VirtualClock } from '@meshferry/core';
import { HciHost } from '../host.ts';
import { Radio } from '../radio.ts';
import { type DuplexEnd, type DuplexOptions, duplex } from './duplex.ts';
import { EmulatedAir } from './emulated-air.ts';
import type { ControllerOptions, EmulatedController } from './emulated-controller.ts';

/** Hosts and emulated controllers on simulated time. */
export class Rig {
  readonly clock: VirtualClock = new VirtualClock();
  readonly random: SeededRandom;
  readonly air: EmulatedAir;
  readonly logged: string[] = [];
  readonly ground: BearerGround;

  constructor(seed: number | string = 1) {
    this.random = new SeededRandom(seed);
    this.air = new EmulatedAir(this.clock, this.random.fork('air'));
    const log = (level: LogLevel, message: string) => this.logged.push(`${level}: ${message}`);
    this.ground = { clock: this.clock, random: this.random.fork('hosts'), log };
  }

  /** A stream to a new controller. */
  controller(
    options: ControllerOptions = {},
    line: DuplexOptions = {},
  ): { controller: EmulatedController; line: DuplexEnd } {
    const [near, far] = duplex(this.clock, line);
    return { controller: this.air.attach(far, options), line: near };
  }

  /** A host on a new controller; it is up after {@link settle}. */
  host(
    options: ControllerOptions = {},
    line: DuplexOptions = {},
  ): { host: HciHost; controller: EmulatedController; line: DuplexEnd } {
    const made = this.controller(options, line);
    return { ...made, host: new HciHost(made.line, this.ground) };
  }

  /** A radio on a new controller, set up. */
  radio(options: ControllerOptions = {}): Radio & { readonly host: HciHost; readonly controller: EmulatedController } {
    const { host, controller } = this.host(options);
    const radio = new Radio(host);
    this.settle();
    return Object.assign(radio, { host, controller });
  }

  /** A radio on a stream, set up after {@link settle}. */
  radioOn(line: DuplexEnd): Radio {
    return new Radio(new HciHost(line, this.ground));
  }

  /** Enough for a reset and all that is set up after it. */
  settle(): void {
    this.clock.advance(1000);
  }
}
