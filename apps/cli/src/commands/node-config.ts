import { nodeRange, requireNode } from '@meshferry/cdb';
import { formatAddress, MeshError, toMeshError, type Unicast } from '@meshferry/core';
import { configureNode, type MeshNetwork, requireKeysOfProfile } from '@meshferry/node';
import { describeNode } from '../network/describe.ts';
import { again, withNetwork } from '../network/open.ts';
import { readProfileFile } from '../network/profile-file.ts';
import { asInput, badInput, ExitCode } from '../shell/exit.ts';
import { plural } from '../shell/format.ts';
import { unicastAddress } from '../shell/options.ts';
import type { Shell } from '../shell/shell.ts';

export interface ConfigFlags {
  readonly profile: string;
  readonly refresh?: boolean;
}

/** Nodes that are configured at the same time: more would only collide. */
const PARALLEL = 4;

interface Configured {
  readonly address: Unicast;
  readonly changes: readonly string[];
  readonly error: MeshError | null;
}

/** `node config ADDR… --profile FILE` */
export function nodeConfig(shell: Shell, texts: readonly string[], flags: ConfigFlags): Promise<ExitCode> {
  const profile = readProfileFile(shell.io, flags.profile);
  return withNetwork(shell, async (network, session) => {
    const addresses = chosen(network, texts);
    asInput(() => requireKeysOfProfile(network.document, profile));
    const configured: Configured[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let i = next++; i < addresses.length; i = next++) {
        const address = addresses[i] as Unicast;
        const changes: string[] = [];
        const onChange = (changed: string): void => {
          changes.push(changed);
          shell.event({ type: 'progress', address: formatAddress(address), changed });
          shell.say(`${formatAddress(address)}: ${changed}`);
        };
        const error = await configureNode(network, address, profile, {
          onChange,
          refreshComposition: flags.refresh === true,
        }).then(() => null, toMeshError);
        configured[i] = { address, changes, error };
      }
    };
    const work = Promise.all(Array.from({ length: PARALLEL }, worker));
    await session.run(work, () => interrupted(shell));
    return report(shell, network, configured);
  });
}

/** The addresses given, each once; `all` for all nodes but the own one. */
function chosen(network: MeshNetwork, texts: readonly string[]): Unicast[] {
  const { nodes } = network.document;
  if (texts.includes('all')) {
    const others = nodes.map((node) => nodeRange(node).address).filter((address) => address !== network.address);
    if (others.length > 0) return others;
    throw badInput('no-nodes', 'the network has no other nodes', 'Provision some: see "meshferry scan".');
  }
  const addresses = [...new Set(texts.flatMap((text) => text.split(',')).map(unicastAddress))];
  for (const address of addresses) asInput(() => requireNode(network.document, address));
  return addresses;
}

function report(shell: Shell, { document }: MeshNetwork, configured: readonly Configured[]): ExitCode {
  const failed = configured.filter(({ error }) => error !== null);
  const [first] = failed;
  const nodes = configured.map(({ address, changes, error }) => ({
    ...describeNode(shell, requireNode(document, address)),
    changes,
    error,
  }));
  shell.result({ nodes, ...(first && { error: first.error }) }, failed.length === 0);
  if (!shell.json) {
    for (const { address, error } of failed) {
      if (error !== null)
        shell.complain(new MeshError(error.code, `${formatAddress(address)}: ${error.message}`, hint(error)));
    }
    const changes = configured.reduce((sum, one) => sum + one.changes.length, 0);
    const done = plural(configured.length - failed.length, 'node');
    shell.say(changes === 0 && failed.length === 0 ? `${done} as the profile says already` : `${done} configured`);
  }
  if (failed.length === 0) return ExitCode.done;
  return failed.length === configured.length ? ExitCode.failed : ExitCode.partly;
}

function hint(error: MeshError): { hint?: string } {
  return error.hint === undefined ? {} : { hint: error.hint };
}

function interrupted(shell: Shell): MeshError {
  return new MeshError('interrupted', 'interrupted while configuring; what the nodes confirmed is kept', {
    hint: `Do it again, what is done already is not done twice: ${again(shell, 'node config ADDR --profile FILE')}`,
  });
}
