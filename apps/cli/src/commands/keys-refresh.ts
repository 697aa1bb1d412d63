import { formatAddress, MeshError } from '@meshferry/core';
import { KeyRefreshJob, type KeyRefreshProgress, type NodeRefresh } from '@meshferry/node';
import { again, withNetwork } from '../network/open.ts';
import { ExitCode, Stop } from '../shell/exit.ts';
import { plural } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';

export interface RefreshFlags {
  readonly netKey?: number;
  readonly resume?: boolean;
  readonly exclude?: readonly number[];
}

const STAGES = {
  distributing: 'the nodes are given the new keys',
  switching: 'the nodes use the new keys',
  revoking: 'the nodes forget the old keys',
  done: 'the old keys are worth nothing any more',
} as const;

/** `keys refresh` */
export function keysRefresh(shell: Shell, _: readonly string[], flags: RefreshFlags): Promise<ExitCode> {
  return withNetwork(shell, async (network, session) => {
    const job = new KeyRefreshJob(network);
    let stage = '';
    const work = job.run({
      random: session.random,
      ...(flags.netKey !== undefined && { netIndex: flags.netKey }),
      ...(flags.resume === true && { resume: true }),
      ...(flags.exclude && { exclude: flags.exclude }),
      onProgress: (progress) => {
        shell.event({ type: 'progress', ...describe(progress) });
        if (progress.stage !== stage) shell.say(STAGES[progress.stage]);
        stage = progress.stage;
      },
    });
    try {
      return report(shell, await session.run(work, () => interrupted(shell)));
    } catch (thrown) {
      throw thrown instanceof MeshError && MISFITS.includes(thrown.code) ? new Stop(ExitCode.usage, thrown) : thrown;
    }
  });
}

/** What a job says of a command that does not fit the network. */
const MISFITS = ['key-refresh-unfinished', 'no-key-refresh', 'unknown-netkey', 'unknown-node', 'own-node'];

function report(shell: Shell, progress: KeyRefreshProgress): ExitCode {
  const silent = progress.nodes.filter(({ state }) => state === 'silent');
  const error = silent.length === 0 ? undefined : nodesSilent(shell, silent);
  shell.result({ ...describe(progress), ...(error && { error }) }, error === undefined);
  if (shell.json) return error === undefined ? ExitCode.done : ExitCode.partly;
  const { dim, red, green } = shell.style;
  const paint = { silent: red, done: green } as Partial<Record<NodeRefresh['state'], typeof dim>>;
  const rows = progress.nodes.map(({ address, state, error: why }) => [
    formatAddress(address),
    (paint[state] ?? dim)(state.replace('-', ' ')),
    why === null ? '' : dim(why.message),
  ]);
  for (const line of alignColumns(rows)) shell.say(line);
  if (error === undefined) return ExitCode.done;
  shell.complain(error);
  return ExitCode.partly;
}

function describe({ netIndex, stage, nodes }: KeyRefreshProgress): Readonly<Record<string, unknown>> {
  return {
    netKey: netIndex,
    stage,
    nodes: nodes.map(({ address, state, error }) => ({ address: formatAddress(address), state, error })),
  };
}

function nodesSilent(shell: Shell, silent: readonly NodeRefresh[]): MeshError {
  const list = silent.map(({ address }) => formatAddress(address)).join(',');
  return new MeshError('nodes-silent', `the key refresh waits for ${plural(silent.length, 'node')}: ${list}`, {
    hint:
      `When they are back: ${again(shell, 'keys refresh --resume')}. ` +
      `Without them: ${again(shell, `keys refresh --resume --exclude ${list}`)}`,
  });
}

function interrupted(shell: Shell): MeshError {
  return new MeshError('interrupted', 'interrupted during the key refresh; where it is was saved', {
    hint: `Go on with: ${again(shell, 'keys refresh --resume')}`,
  });
}
