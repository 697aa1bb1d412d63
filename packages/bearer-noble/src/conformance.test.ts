import { type Bearer, closableGatt } from '@meshferry/bearer';
import {
  type BearerRig,
  type CountingClock,
  countingClock,
  describeBearer,
  type Role,
} from '@meshferry/bearer-testkit';
import { afterEach, describe, it, vi } from 'vitest';
import type { ControllerOptions, EmulatedController } from '../../bearer-hci/src/testing/emulated-controller.ts';
import type { NobleLibrary } from './noble-api.ts';
import { BOTH } from './testing/fake-bindings.ts';
import { HciRig } from './testing/hci-rig.ts';
import type { LibraryName } from './uri.ts';

// The libraries complain of packets that they cannot read.
vi.spyOn(console, 'warn').mockImplementation(() => {});

afterEach(() => HciRig.closeAll());

/** Centrals are noble, peripherals the GATT of bearer-hci, all on emulated controllers in one air. */
class NobleAndHci extends HciRig implements BearerRig {
  readonly counting: CountingClock = countingClock(this.clock);
  readonly nobles = new Map<Bearer, { readonly controller: EmulatedController; readonly library: NobleLibrary }>();
  readonly #lib: LibraryName;
  readonly #options: ControllerOptions;

  constructor(lib: LibraryName, options: ControllerOptions) {
    super();
    this.#lib = lib;
    this.#options = options;
  }

  async open(role: Role): Promise<Bearer> {
    if (role === 'central') {
      const { bearer, ...rest } = await this.noble(this.#lib, this.#options, { ...this.ground, clock: this.counting });
      this.nobles.set(bearer, rest);
      return bearer;
    }
    const { central, peripheral } = this.end(this.#options);
    return closableGatt(this.clock, { central, peripheral });
  }
}

/** Events that lie about their lengths or are of no known kind, and ATT PDUs that no server sends. */
const EVENTS: [code: number, ...parameters: number[]][] = [
  [0x3e],
  [0x3e, 0x02, 0x03, 0x00],
  [0x3e, 0x02, 0x01, 0x00, 0x01, 1, 2, 3, 4, 5, 6, 0x1f, 2, 1],
  [0xe7, 1, 2, 3],
  [0x13, 0x02, 0xff],
  [0x0f, 0x01],
];
const PDUS = [[], [0x1b], [0x1d, 0xff], [0x01, 0x12], [0x11, 0x06], [0x09, 0x00], [0xff, 0xff, 0xff]];

describe.each(BOTH)('%s', (lib) => {
  for (const [name, options] of [
    ['packets of 27 octets, 4 at a time', {}],
    ['packets of 251 octets, one at a time', { aclLength: 251, aclPackets: 1 }],
    ['a controller of version 4.0', { version: 6 }],
  ] as const) {
    describeBearer({ describe, it }, name, {
      gatt: { links: 3, latencyMs: 500 },
      make: () => new NobleAndHci(lib, options),
      leftovers: ({ counting }) => counting.waiting,
      garble: async (rig) => {
        for (const { controller } of rig.nobles.values()) {
          for (const [code, ...parameters] of EVENTS) controller.event(code, parameters);
          for (const handle of controller.connections.handles) {
            for (const pdu of PDUS) {
              const l2cap = [pdu.length, 0, 4, 0, ...pdu];
              controller.inject(Uint8Array.of(0x02, handle, 0x20, l2cap.length, 0, ...l2cap));
            }
          }
        }
        await rig.pass(2000);
      },
      lose: async ({ nobles }, bearer) => {
        const { controller, library } = nobles.get(bearer)!;
        controller.unplug();
        // The library looks once a second of real time whether it is up.
        (library as unknown as { _bindings: { _hci: { pollIsDevUp(): void } } })._bindings._hci.pollIsDevUp();
      },
    });
  }
});
