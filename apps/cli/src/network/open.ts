import { join } from 'node:path';
import { type Store, storeView } from '@meshferry/core';
import { type MeshNetwork, NetworkState } from '@meshferry/node';
import { openSqliteStore } from '@meshferry/store-sqlite';
import { asInput, badInput, type Stop } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { stateFolder } from '../shell/state-folder.ts';
import { chooseSim } from '../update/bearers.ts';
import { Session, type SessionOptions } from './session.ts';

/** What is kept of a network, open for one command. */
export interface Kept {
  /** Where the network is kept, or will be. */
  readonly store: Store;
  readonly state: NetworkState | undefined;
  /** The world around it, if a bearer was given. */
  readonly session: Session | undefined;
}

/**
 * Opens what is kept of a network for `use`, and closes it whatever happens: that behind `--bearer`, or without a bearer
 * the one of the state folder.
 */
export async function withKept<T>(
  shell: Shell,
  use: (kept: Kept) => T | Promise<T>,
  options?: SessionOptions,
): Promise<T> {
  if (shell.bearers.length > 0) {
    const opened = (session: Session) => use({ store: session.networkStore, state: session.state, session });
    return withSession(shell, opened, options);
  }
  const file = asInput(() => openSqliteStore(join(stateFolder(shell), 'network.sqlite')));
  try {
    const store = storeView(file, 'network/');
    return await use({ store, state: asInput(() => NetworkState.open(store)), session: undefined });
  } finally {
    file.close();
  }
}

/** The same for a network that must be there. */
export function withState<T>(shell: Shell, use: (state: NetworkState, kept: Kept) => T | Promise<T>): Promise<T> {
  return withKept(shell, (kept) => {
    if (kept.state === undefined) throw noNetwork(shell, kept.session);
    return use(kept.state, kept);
  });
}

/** Opens the world of `--bearer` for `use`, and closes it whatever happens. */
export async function withSession<T>(
  shell: Shell,
  use: (session: Session) => T | Promise<T>,
  options?: SessionOptions,
): Promise<T> {
  const session = new Session(shell, chooseSim(shell.bearers), options);
  try {
    return await use(session);
  } finally {
    session.close();
  }
}

/** The same for a network that this process must be in. */
export function withNetwork<T>(
  shell: Shell,
  use: (network: MeshNetwork, session: Session) => T | Promise<T>,
): Promise<T> {
  return withSession(shell, (session) => use(requireNetwork(shell, session), session));
}

/** The network of the session; ends the command with exit code 2, and what to type, when there is none. */
export function requireNetwork(shell: Shell, session: Session): MeshNetwork {
  const { network, state } = session;
  if (network !== undefined) return network;
  if (state === undefined) throw noNetwork(shell, session);
  throw badInput(
    'not-adopted',
    `this process has no node in the network "${state.document.meshName}"`,
    `Type first: ${again(shell, 'net adopt')}`,
  );
}

/** The command line for another command on the same network. */
export function again(shell: Shell, command: string): string {
  const words = shell.bearers.map((uri) => ` --bearer ${uri}`);
  return `meshferry ${command}${words.join('')}${shell.state === undefined ? '' : ` --state ${shell.state}`}`;
}

function noNetwork(shell: Shell, session: Session | undefined): Stop {
  if (session !== undefined && shell.state === undefined) {
    return badInput(
      'no-network',
      'there is no network in this simulated world, and without --state none would outlive the command',
      `Choose a folder, and type first: ${again(shell, 'net create')} --state ./state`,
    );
  }
  return badInput('no-network', 'there is no network yet', `Type first: ${again(shell, 'net create')}`);
}
