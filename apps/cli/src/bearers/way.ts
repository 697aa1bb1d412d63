import { join } from 'node:path';
import { type Store, storeView } from '@meshferry/core';
import { NetworkState } from '@meshferry/node';
import { parseSimUri, type SimOptions } from '@meshferry/sim';
import { openSqliteStore } from '@meshferry/store-sqlite';
import { LiveRadio } from '../network/live-radio.ts';
import { LiveSession } from '../network/live-session.ts';
import type { Kept, Session, SessionOptions } from '../network/session.ts';
import { SimSession } from '../network/sim-session.ts';
import { asInput, badInput } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { stateFolder } from '../shell/state-folder.ts';
import { findRadios, type RadioPlan } from './radio.ts';

/** The file of a network that is reached by real radios, in the state folder. */
const NETWORK_FILE = 'network.sqlite';

/** How a session is opened that `--bearer` names. */
export interface Way {
  /** The simulated network that it is; undefined for real radios. */
  readonly sim?: SimOptions;
  /** The folder in which what outlives the command is kept; undefined: nothing does. */
  readonly folder: string | undefined;
  /** Opens the radio, and what is kept of the network behind it. */
  open(options?: SessionOptions): Promise<Session>;
  /** Opens what is kept; the radio only with `air`, or where nothing is kept without it. */
  openKept(options?: KeptOptions): Promise<Kept>;
}

export interface KeptOptions extends SessionOptions {
  /** Whether the radio is needed. Default false. */
  readonly air?: boolean;
}

/** The way of the `--bearer` options; ends the command with exit code 2 when there is none. */
export function chooseWay(shell: Shell): Way {
  if (shell.bearers.length > 0) return wayOf(shell);
  throw badInput(
    'no-bearer',
    'no bearer given: which radio reaches the mesh?',
    'Try a simulated one: --bearer sim:targets=10',
  );
}

/** The real radios of the `--bearer` options, for what a simulated network has no place for. */
export async function chooseLive(shell: Shell): Promise<readonly RadioPlan[]> {
  if (shell.bearers.length > 0 && wayOf(shell).sim === undefined) return findRadios(shell);
  throw badInput(
    'no-bearer',
    'a device needs a real radio',
    'Give one with --bearer, see "meshferry bearer list"; a simulated mesh has its own devices: unprovisioned=3.',
  );
}

/** The same; without `--bearer` that to what is kept in the state folder, with no radio. */
export function wayOf(shell: Shell): Way {
  const { bearers } = shell;
  const simulated = bearers.find((uri) => uri.trim().split(':', 1)[0] === 'sim');
  if (simulated === undefined) return liveWay(shell);
  if (bearers.length > 1) {
    throw badInput(
      'several-bearers',
      `a simulated network goes over one bearer, ${bearers.length} are given`,
      'Give --bearer once.',
    );
  }
  return simWay(
    shell,
    asInput(() => parseSimUri(simulated)),
  );
}

function simWay(shell: Shell, sim: SimOptions): Way {
  const open = async (options?: SessionOptions): Promise<Session> => new SimSession(shell, sim, options);
  return { sim, folder: shell.state, open, openKept: async (options) => keptOf(await open(options)) };
}

function liveWay(shell: Shell): Way {
  const file = () => asInput(() => openSqliteStore(join(stateFolder(shell), NETWORK_FILE)));
  const open = async (options?: SessionOptions): Promise<Session> => {
    const radio = await LiveRadio.open(shell, await findRadios(shell));
    let store: Store;
    try {
      store = file();
    } catch (thrown) {
      radio.close();
      throw thrown;
    }
    return new LiveSession(shell, radio, store, options);
  };
  const openKept = async ({ air = false, ...options }: KeptOptions = {}): Promise<Kept> => {
    if (air && shell.bearers.length > 0) return keptOf(await open(options));
    const store = file();
    try {
      const network = storeView(store, 'network/');
      const state = asInput(() => NetworkState.open(network));
      return { store: network, state, session: undefined, close: async () => store.close() };
    } catch (thrown) {
      store.close();
      throw thrown;
    }
  };
  return {
    get folder() {
      return stateFolder(shell);
    },
    open,
    openKept,
  };
}

function keptOf(session: Session): Kept {
  const { networkStore: store, state } = session;
  return { store, state, session, close: () => session.close() };
}
