import { addAppKey, addNetKey, freeKeyIndex, type NetworkDocument, timestampText, touch } from '@meshferry/cdb';
import { describeKeys } from '../network/describe.ts';
import { again, withState } from '../network/open.ts';
import type { Kept } from '../network/session.ts';
import { asInput, badInput, ExitCode } from '../shell/exit.ts';
import { realRandom } from '../shell/host.ts';
import type { Shell } from '../shell/shell.ts';

export interface AddKeyFlags {
  readonly index?: number;
  readonly name?: string;
  readonly netKey?: number;
}

/** `keys add net|app` */
export function keysAdd(shell: Shell, [kind = '']: readonly string[], flags: AddKeyFlags): Promise<ExitCode> {
  if (kind !== 'net' && kind !== 'app') {
    throw badInput('bad-key-kind', `not a kind of key: "${kind}"`, 'Give net or app.');
  }
  if (kind === 'net' && flags.netKey !== undefined) {
    throw badInput('bad-key-kind', 'a NetKey is bound to none', 'Leave --net-key out, or add an AppKey.');
  }
  return withState(shell, ({ document }, kept) => {
    const timestamp = timestampText(shell.io.wallTime());
    const index = flags.index ?? asInput(() => freeKeyIndex(kind === 'net' ? document.netKeys : document.appKeys));
    const key = (kept.session?.random ?? realRandom).bytes(16);
    const name = flags.name ?? `${kind === 'net' ? 'NetKey' : 'AppKey'} ${index}`;
    const changed = asInput(() =>
      kind === 'net'
        ? addNetKey(document, { index, name, key, timestamp })
        : addAppKey(document, { index, name, key, boundNetKey: flags.netKey ?? 0 }),
    );
    change(kept, touch(changed, timestamp));
    shell.result({ kind, index, ...describeKeys(shell, changed) });
    shell.say(`${kind === 'net' ? 'NetKey' : 'AppKey'} ${index} is made, "${name}".`);
    shell.say(`  nodes get it by a profile that names it: ${again(shell, 'node config ADDR --profile FILE')}`);
    return ExitCode.done;
  });
}

/** With the own node, where it is there. */
function change({ session, state }: Kept, document: NetworkDocument): void {
  if (session?.network !== undefined) session.network.change(document);
  else state?.change(document);
}
