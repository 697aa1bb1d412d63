import type { Bearer } from '@meshferry/bearer';
import { type BearerRig, countingClock, describeBearer } from '@meshferry/bearer-testkit';
import { fromHex, SeededRandom, silent, VirtualClock } from '@meshferry/core';
import { describe, it } from 'vitest';
import { HciBearer } from './bearer.ts';
import { type DuplexOptions, duplex } from './testing/duplex.ts';
import { EmulatedAir } from './testing/emulated-air.ts';
import type { ControllerOptions, EmulatedController } from './testing/emulated-controller.ts';

class ControllerRig implements BearerRig {
  readonly clock: VirtualClock = new VirtualClock();
  readonly counting = countingClock(this.clock);
  readonly air: EmulatedAir;
  readonly controllers = new Map<Bearer, EmulatedController>();
  readonly #random = new SeededRandom(1);
  readonly #options: ControllerOptions;
  readonly #line: DuplexOptions;

  constructor(options: ControllerOptions, line: DuplexOptions) {
    this.air = new EmulatedAir(this.clock, this.#random.fork('air'));
    this.#options = options;
    this.#line = line;
  }

  async open(): Promise<Bearer> {
    const [near, far] = duplex(this.clock, this.#line);
    const controller = this.air.attach(far, this.#options);
    const opening = HciBearer.open(near, { clock: this.counting, random: this.#random, log: silent });
    this.clock.advance(500);
    const bearer = await opening;
    this.controllers.set(bearer, controller);
    return bearer;
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
  }
}

/** What cannot be a packet, a half packet, reports that lie about their lengths, events of no known kind. */
const GARBAGE = ['ff00ff', '043e21020103', '043e0502ff030100', '04e703010203', '043e0c0d0110000066554433221100'];

const subjects: [name: string, options: ControllerOptions, line?: DuplexOptions][] = [
  ['an extended controller with one set', { sets: 1 }],
  // The suite wants them in order within the number of sets: a controller may hold each first event back for 10 ms.
  ['an extended controller with four sets', { sets: 4, firstEventMs: 2 }],
  ['a legacy controller of version 5.0, octet by octet', { extended: false }, { chunk: 1, latencyMs: 0.5 }],
  ['a controller of version 4.0, credits after answers', { version: 6, creditMs: 2 }],
];

for (const [name, options, line = {}] of subjects) {
  const isLegacy = options.extended === false || (options.version ?? 9) < 9;
  describeBearer({ describe, it }, name, {
    // A legacy controller does not count: some structures go out once more than asked.
    advertising: { isLossy: isLegacy, latencyMs: isLegacy ? 1000 : 100, jitterMs: 20, flood: isLegacy ? 100 : 1000 },
    gatt: { latencyMs: 1000, links: 3 },
    make: () => new ControllerRig(options, line),
    leftovers: ({ counting }) => counting.waiting,
    garble: ({ controllers, clock }) => {
      for (const controller of controllers.values())
        for (const octets of GARBAGE) {
          controller.inject(fromHex(octets));
          clock.advance(2000);
        }
    },
    lose: ({ controllers }, bearer) => controllers.get(bearer)?.unplug(),
  });
}
