import { schemeOf } from '@meshferry/bearer';
import type { Clock, MeshError, Random, Store } from '@meshferry/core';
import type { SmpRoute } from '@meshferry/smp';
import { badInput } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { openLiveSmp } from './live-session.ts';
import { openSimulatedSmp } from './sim-session.ts';

/** A device that is reached by SMP, and what is kept of updates of it; open for one command. */
export interface SmpSession {
  readonly clock: Clock;
  readonly random: Random;
  readonly route: SmpRoute;
  /** Of this device alone. */
  readonly store: Store;
  /** The folder in which that is kept; undefined when it ends with the command. */
  readonly folder: string | undefined;
  /** How long something took, for people. */
  duration(seconds: number): string;
  /** Lets time pass until `work` is done. `interrupted` makes the error of a first Ctrl-C, exit code 130. */
  run<T>(work: Promise<T>, interrupted: () => MeshError): Promise<T>;
  close(): Promise<void>;
}

/** Opens what `--bearer` names. Ends the command with 2 when that is no single device, with 4 when the radio is missing. */
export async function openSmpSession(shell: Shell): Promise<SmpSession> {
  const [uri, ...more] = shell.bearers;
  if (uri === undefined) {
    throw badInput(
      'no-bearer',
      'no bearer given: how is the device reached?',
      'Give --bearer serial:/dev/ttyACM0,115200, udp:HOST:1337, noble:ADDR, hci:…?peer=ADDR; or try a simulated one: --bearer sim:smp',
    );
  }
  if (more.length > 0) {
    throw badInput('several-bearers', 'a device is reached over one bearer, several are given', 'Give --bearer once.');
  }
  return schemeOf(uri) === 'sim' ? openSimulatedSmp(shell, uri) : openLiveSmp(shell, uri);
}

/** Does `work` with the device of `--bearer`, and closes everything after it. */
export async function withSmp<T>(shell: Shell, work: (session: SmpSession) => Promise<T>): Promise<T> {
  const session = await openSmpSession(shell);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
