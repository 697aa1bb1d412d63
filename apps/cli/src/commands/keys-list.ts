import type { NetworkDocument } from '@meshferry/cdb';
import { describeKeys } from '../network/describe.ts';
import { withState } from '../network/open.ts';
import { ExitCode } from '../shell/exit.ts';
import { printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';

const PHASES = ['', 'key refresh: new key being given to the nodes', 'key refresh: nodes use the new key'];

/** `keys list` */
export function keysList(shell: Shell): Promise<ExitCode> {
  return withState(shell, ({ document }) => {
    shell.result(describeKeys(shell, document));
    const head = ['key', 'index', 'name', ''].map(shell.style.dim);
    for (const line of alignColumns([head, ...keyRows(shell, document)])) shell.say(line);
    return ExitCode.done;
  });
}

/** Kind, index, name and what else there is to say of each key. */
export function keyRows(shell: Shell, { netKeys, appKeys }: NetworkDocument): string[][] {
  const value = (key: string): string[] => (shell.showKeys ? [key.toLowerCase()] : []);
  return [
    ...netKeys.map(({ index, name, phase, key }) => {
      const notes = [...value(key), PHASES[phase] ?? ''].filter((note) => note !== '');
      return ['NetKey', String(index), printable(name), notes.join('  ')];
    }),
    ...appKeys.map(({ index, name, boundNetKey, key }) => {
      const notes = [...value(key), `of NetKey ${boundNetKey}`];
      return ['AppKey', String(index), printable(name), notes.join('  ')];
    }),
  ];
}
