import { createNetwork, importNetwork } from '@meshferry/node';
import { wayOf } from '../bearers/way.ts';
import { describeNetwork } from '../network/describe.ts';
import { again, withKept } from '../network/open.ts';
import type { Kept } from '../network/session.ts';
import { asInput, badInput, ExitCode } from '../shell/exit.ts';
import { readInputFile } from '../shell/files.ts';
import { plural, printable } from '../shell/format.ts';
import { realRandom } from '../shell/host.ts';
import type { Shell } from '../shell/shell.ts';

export interface CreateFlags {
  readonly name?: string;
  readonly provisioner?: string;
}

/** `net create` */
export function netCreate(shell: Shell, _: readonly string[], flags: CreateFlags): Promise<ExitCode> {
  refuseFleeting(shell);
  return withKept(shell, ({ store, session }) => {
    const state = asInput(() =>
      createNetwork(store, {
        name: flags.name ?? 'Mesh Network',
        provisioner: flags.provisioner ?? 'meshferry',
        random: session?.random ?? realRandom,
        wallTime: () => shell.io.wallTime(),
      }),
    );
    shell.result({ network: describeNetwork(shell, state) });
    shell.say(
      `The network "${state.document.meshName}" is made: one subnet, one AppKey, this process as its provisioner.`,
    );
    shell.say(`  look for devices: ${again(shell, 'scan')}`);
    return ExitCode.done;
  });
}

/** `net import FILE` */
export function netImport(shell: Shell, [path = '']: readonly string[]): Promise<ExitCode> {
  refuseFleeting(shell);
  const octets = readInputFile(shell.io, path, 'network');
  const take = ({ store }: Kept): ExitCode => {
    const { state, warnings, repairs } = asInput(() => importNetwork(store, octets));
    shell.result({ network: describeNetwork(shell, state), warnings, repairs });
    const { meshName, nodes } = state.document;
    shell.say(`The network "${printable(meshName)}" with ${plural(nodes.length, 'node')} is kept as it came.`);
    for (const { pointer, message } of [...warnings, ...repairs]) {
      shell.say(shell.style.yellow(`  note: ${pointer === '' ? 'document' : pointer}: ${printable(message)}`));
    }
    shell.say(`  give this process a place in it: ${again(shell, 'net adopt')}`);
    return ExitCode.done;
  };
  // A simulated network can be that of somebody else: then it is not ours until it is taken over.
  return withKept(shell, take, { ready: false });
}

/** A network that is gone when the command ends is of no use. */
function refuseFleeting(shell: Shell): void {
  if (wayOf(shell).folder !== undefined) return;
  throw badInput(
    'no-state',
    'a simulated world without --state ends with the command, and the network with it',
    'Give the folder that shall keep it, such as --state ./state',
  );
}
