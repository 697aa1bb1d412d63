import { MeshError } from '@meshferry/core';
import { SmpClient, type SmpCommand, type SmpRequestOptions, type SmpRoute, type SmpTransport } from '@meshferry/smp';
import type { Shell } from '../shell/shell.ts';
import { reachable } from './reach.ts';
import { type SmpSession, withSmp } from './session.ts';
import { tracePackets } from './trace.ts';

/** What a command does with a device that it is connected to. */
export type Talk<T> = (client: SmpClient, session: SmpSession) => Promise<T>;

/** Connects to the device of `--bearer`, talks to it, and leaves it. `doing` is what Ctrl-C interrupts. */
export async function withClient<T>(shell: Shell, doing: string, talk: Talk<T>): Promise<T> {
  return withSmp(shell, async (session) => {
    const work = async (): Promise<T> => {
      const client = new SmpClient(await openTransport(session.route), session.clock, {
        // Over UDP an answer to the command before must not be taken for one to this.
        firstSequence: Math.floor(session.random.uniform() * 256),
        trace: tracePackets(shell),
      });
      try {
        return await talk(client, session);
      } finally {
        client.close();
      }
    };
    return session.run(reachable(work()), () => new MeshError('interrupted', `interrupted while ${doing}`));
  });
}

/** One request, and its answer. */
export function ask<Q, A>(
  shell: Shell,
  command: SmpCommand<Q, A>,
  params: Q,
  options: SmpRequestOptions = {},
): Promise<A> {
  return withClient(shell, `asking for ${command.name}`, (client) => client.request(command, params, options));
}

function openTransport(route: SmpRoute): Promise<SmpTransport> {
  return new Promise((resolve, reject) => {
    route.open((outcome) => (outcome instanceof MeshError ? reject(outcome) : resolve(outcome)));
  });
}
