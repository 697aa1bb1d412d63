import type { Bearer, BearerGround } from '@meshferry/bearer';
import { type Clock, Deadline, MeshError, toMeshError, type Unsubscribe } from '@meshferry/core';
import { NobleCentral } from './central.ts';
import { adapterOff, noPermission, openingError, unsupported } from './diagnosis.ts';
import { bearerClosed, bearerLost } from './errors.ts';
import { begin, onLineError, protect, quieten, release } from './internals.ts';
import type { NobleLibrary } from './noble-api.ts';

/** An adapter takes a second, a controller on a serial port two, ms. */
const POWER_ON_MS = 6000;
/** From the last command to letting go of the controller, so that disconnections still go out, ms. */
const LINGER_MS = 300;
/** How often it is looked whether the device is still there, ms. */
const PRESENCE_MS = 1000;

export interface NobleOptions {
  /** The only peer to be used: address or identifier. */
  readonly only?: string;
  /** What is known to be wrong with this machine: told instead of "it is off". */
  readonly suspicion?: MeshError;
  /** Whether the device of the adapter is still there: libraries notice late that a serial port is gone, or when they write. */
  readonly isPresent?: () => boolean;
}

/**
 * The Bluetooth of this computer by an instance of noble that belongs to this bearer. Only a GATT central: noble hands out no
 * mesh advertisements, and cannot advertise.
 *
 * `close()` lets go of scan, connections, listeners and controller. @abandonware/noble cannot be stopped: a look at the adapter
 * each second goes on once more, so that a process ends a second later by itself; a program in a hurry exits.
 */
export class NobleBearer implements Bearer {
  readonly central: NobleCentral;
  readonly #library: NobleLibrary;
  readonly #clock: Clock;
  readonly #leave: () => void;
  readonly #lost = new Set<(reason: MeshError) => void>();
  readonly #presence: Deadline;
  #state: 'open' | 'closed' | 'lost' = 'open';

  /** Starts the library and waits for the adapter. Rejects as {@link BearerPlugin.open} does. */
  static async open(library: NobleLibrary, ground: BearerGround, options: NobleOptions = {}): Promise<NobleBearer> {
    const { clock, log } = ground;
    let leave: () => void = () => {};
    quieten(library, log);
    try {
      leave = begin(library);
    } catch (thrown) {
      throw openingError(thrown);
    }
    const shield = () => protect(library, log);
    shield();
    library.on('stateChange', shield);
    const quit = () => {
      library.removeListener('stateChange', shield);
      leave();
    };
    try {
      await poweredOn(library, clock, options.suspicion);
    } catch (thrown) {
      quit();
      release(library);
      throw toMeshError(thrown);
    }
    return new NobleBearer(library, ground, options, quit);
  }

  private constructor(library: NobleLibrary, { clock, log }: BearerGround, options: NobleOptions, leave: () => void) {
    this.#library = library;
    this.#clock = clock;
    this.#leave = leave;
    this.central = new NobleCentral(library, clock, log, options.only);
    library.on('stateChange', this.#changed as never);
    const { isPresent } = options;
    this.#presence = new Deadline(clock, () => {
      if (isPresent?.() === false) this.#changed('unplugged');
      else this.#presence.set(PRESENCE_MS);
    });
    if (isPresent !== undefined) this.#presence.set(PRESENCE_MS);
  }

  lost(lost: (reason: MeshError) => void): Unsubscribe {
    this.#lost.add(lost);
    return () => {
      this.#lost.delete(lost);
    };
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closed';
    this.#end(bearerClosed());
  }

  readonly #changed = (state: string): void => {
    if (this.#state !== 'open' || state === 'poweredOn') return;
    this.#state = 'lost';
    const reason = bearerLost(state);
    this.#end(reason);
    queueMicrotask(() => {
      for (const lost of [...this.#lost]) lost(reason);
    });
  };

  #end(reason: MeshError): void {
    this.#presence.clear();
    this.central.end(reason);
    this.#library.removeListener('stateChange', this.#changed as never);
    this.#clock.after(LINGER_MS, () => {
      this.#leave();
      release(this.#library);
    });
  }
}

/** Asking for anything before the adapter is on is refused. */
function poweredOn(library: NobleLibrary, clock: Clock, suspicion: MeshError | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let lineError: Error | undefined;
    const settle = (error?: MeshError) => {
      library.removeListener('stateChange', look);
      timer.clear();
      if (error === undefined) resolve();
      else reject(error);
    };
    const look = () => {
      const { state } = library;
      if (state === 'poweredOn') settle();
      else if (state === 'unsupported') settle(suspicion ?? unsupported());
      else if (state === 'unauthorized') settle(noPermission());
    };
    const timer = new Deadline(clock, () => {
      const cause = lineError === undefined ? undefined : openingError(lineError);
      settle(suspicion ?? cause ?? (library.state === 'poweredOff' ? adapterOff('of this computer') : silent()));
    });
    onLineError(library, (error) => {
      lineError = error;
    });
    library.on('stateChange', look);
    timer.set(suspicion === undefined ? POWER_ON_MS : POWER_ON_MS / 4);
    look();
  });
}

function silent(): MeshError {
  return new MeshError('bearer-failed', `the Bluetooth adapter does not answer in ${POWER_ON_MS / 1000} s`, {
    hint: 'Unplug it and plug it in again, or restart the Bluetooth service of the system.',
  });
}
