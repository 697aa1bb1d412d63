import { join } from 'node:path';
import type { MeshError, Store } from '@meshferry/core';
import { bleRoute, type SmpRoute } from '@meshferry/smp';
import { openSqliteStore } from '@meshferry/store-sqlite';
import { findRadios, type RadioPlan } from '../bearers/radio.ts';
import { LiveRadio } from '../network/live-radio.ts';
import { asInput, badInput } from '../shell/exit.ts';
import { formatSeconds } from '../shell/format.ts';
import { realClock, realRandom } from '../shell/host.ts';
import { Shell } from '../shell/shell.ts';
import { stateFolder } from '../shell/state-folder.ts';
import { findSmpPlugin } from './plugins.ts';
import type { SmpSession } from './session.ts';
import { parseGattTarget } from './target.ts';

/** Of the state folder: a file for each device with an unfinished update. */
const UPDATES = 'smp';

/** A real device in real time. */
export async function openLiveSmp(shell: Shell, uri: string): Promise<SmpSession> {
  const plugin = await findSmpPlugin(shell, uri);
  if (plugin !== undefined) {
    const ground = { clock: realClock, random: realRandom, log: shell.log };
    const route = asInput(() => plugin.route(uri, ground));
    return new LiveSmpSession(shell, route, await LiveRadio.open(shell, []));
  }
  const target = parseGattTarget(uri);
  const radio = await LiveRadio.open(shell, await findRadio(shell, target.radio));
  const { central } = radio;
  if (central === undefined) {
    radio.close();
    throw badInput(
      'no-central',
      `the bearer ${target.radio} has no GATT: it cannot connect to a device`,
      'Give one of noble: or hci:, or serial: or udp: without Bluetooth; see "meshferry bearer list".',
    );
  }
  return new LiveSmpSession(shell, bleRoute({ central, clock: realClock, log: shell.log, ...target }), radio);
}

class LiveSmpSession implements SmpSession {
  readonly clock = realClock;
  readonly random = realRandom;
  readonly route: SmpRoute;
  readonly folder: string;
  readonly #radio: LiveRadio;
  #store: Store | undefined;

  constructor(shell: Shell, route: SmpRoute, radio: LiveRadio) {
    this.route = route;
    this.#radio = radio;
    try {
      this.folder = stateFolder(shell);
    } catch (thrown) {
      route.close();
      radio.close();
      throw thrown;
    }
  }

  /** Opened by who needs it: a file belongs to one process, and others may look at the device meanwhile. */
  get store(): Store {
    const name = `${encodeURIComponent(this.route.name)}.sqlite`;
    this.#store ??= asInput(() => openSqliteStore(join(this.folder, UPDATES, name)));
    return this.#store;
  }

  duration(seconds: number): string {
    return formatSeconds(seconds);
  }

  run<T>(work: Promise<T>, interrupted: () => MeshError): Promise<T> {
    return this.#radio.run(work, interrupted);
  }

  async close(): Promise<void> {
    this.route.close();
    this.#radio.close();
    this.#store?.close();
  }
}

/** The radio of a URI that is not, or not as it stands, the one of `--bearer`. */
export function findRadio(shell: Shell, uri: string): Promise<readonly RadioPlan[]> {
  return findRadios(new Shell(shell.io, { ...shell.options, bearer: [uri] }));
}
