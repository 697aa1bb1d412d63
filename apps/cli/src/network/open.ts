import type { MeshNetwork, NetworkState } from '@meshferry/node';
import { chooseWay, type KeptOptions, wayOf } from '../bearers/way.ts';
import { badInput, type Stop } from '../shell/exit.ts';
import { quoteArguments } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import type { Kept, Session, SessionOptions } from './session.ts';

/**
 * Opens what is kept of a network for `use`, and closes it whatever happens: that behind `--bearer`, or without a bearer
 * the one of the state folder.
 */
export async function withKept<T>(
  shell: Shell,
  use: (kept: Kept) => T | Promise<T>,
  options?: KeptOptions,
): Promise<T> {
  const kept = await wayOf(shell).openKept(options);
  try {
    return await use(kept);
  } finally {
    await kept.close();
  }
}

/** The same for a network that must be there. */
export function withState<T>(
  shell: Shell,
  use: (state: NetworkState, kept: Kept) => T | Promise<T>,
  options?: KeptOptions,
): Promise<T> {
  const used = (kept: Kept) => {
    if (kept.state === undefined) throw noNetwork(shell, kept.session);
    return use(kept.state, kept);
  };
  return withKept(shell, used, options);
}

/** Opens the radio of `--bearer` for `use`, and closes it whatever happens. */
export async function withSession<T>(
  shell: Shell,
  use: (session: Session) => T | Promise<T>,
  options?: SessionOptions,
): Promise<T> {
  const session = await chooseWay(shell).open(options);
  try {
    return await use(session);
  } finally {
    await session.close();
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
  return `meshferry ${command} ${quoteArguments(shell.network)}`.trimEnd();
}

function noNetwork(shell: Shell, session: Session | undefined): Stop {
  if (session !== undefined && session.folder === undefined) {
    return badInput(
      'no-network',
      'there is no network in this simulated world, and without --state none would outlive the command',
      `Choose a folder, and type first: ${again(shell, 'net create')} --state ./state`,
    );
  }
  return badInput('no-network', 'there is no network yet', `Type first: ${again(shell, 'net create')}`);
}
