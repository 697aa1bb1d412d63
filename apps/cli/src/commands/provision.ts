import { modelIdNumber, type NodeEntry, nodeRange, requireNetKey, requireNode } from '@meshferry/cdb';
import { formatAddress, MeshError, toHex, toMeshError } from '@meshferry/core';
import { FoundationModelId, pbRemote } from '@meshferry/foundation';
import {
  configureNode,
  type MeshNetwork,
  type NodeProfile,
  type Provisioning,
  type ProvisionRequest,
  requireKeysOfProfile,
} from '@meshferry/node';
import type { ProvisioningBearer, ProvisioningCapabilities } from '@meshferry/provisioning';
import type { Command } from 'commander';
import { describeNode, deviceText } from '../network/describe.ts';
import { reachDevices } from '../network/devices.ts';
import { askUser, type OobFlags, readOob } from '../network/oob.ts';
import { again, withNetwork } from '../network/open.ts';
import { readProfileFile } from '../network/profile-file.ts';
import type { Session } from '../network/session.ts';
import { asInput, badInput, ExitCode } from '../shell/exit.ts';
import { printable } from '../shell/format.ts';
import { deviceUuid, keyIndex, octet, unicastAddress } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import type { Shell } from '../shell/shell.ts';

export interface ProvisionFlags extends OobFlags {
  readonly name?: string;
  readonly netKey?: number;
  readonly attention?: number;
  readonly profile?: string;
  readonly allowCmac?: boolean;
  readonly requireOob?: boolean;
  readonly via?: number;
  readonly recover?: boolean;
  readonly giveUp?: boolean;
}

export function addProvisionCommand(program: Command, runner: Runner): void {
  program
    .command('provision')
    .description('make nodes of unprovisioned devices (several are provisioned at the same time)')
    .argument('<UUID...>', 'as "scan" shows them')
    .option('--name <NAME>', 'of the node; of several: NAME 1, NAME 2 …')
    .option(
      '--oob <DATA>',
      'none, static:HEX, publickey:HEX or output:VALUE; repeatable (default: the best that the device offers)',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option('--require-oob', 'refuse devices that nothing authenticates')
    .option('--allow-cmac', 'take devices that have only the older, weaker algorithm')
    .option('--net-key <INDEX>', 'the subnet that they join (default: 0)', keyIndex)
    .option('--attention <SECONDS>', 'they draw attention to themselves for so long (default: 0)', octet)
    .option('--profile <FILE>', 'configure them afterwards, as "node config" does')
    .option('--via <ADDR>', 'through this node, which has a Remote Provisioning Server near the device', unicastAddress)
    .option('--recover', 'look for a device whose provisioning was interrupted, and take it in if it is a node')
    .option('--give-up', 'forget such a device; its address is set aside')
    .addHelpText('after', EXAMPLES)
    .action(runner.of<ProvisionFlags>((shell, args, flags) => provision(shell, args.flat(), flags)));
}

const EXAMPLES = `
Examples:
  meshferry provision 5d7e4f5e-… --name Hall --bearer sim:targets=0,unprovisioned=3 --state ./state
  meshferry provision 5d7e4f5e-… --oob static:000102030405060708090a0b0c0d0e0f --state ./state --bearer …
`;

/** How one device came out. */
type Outcome = { readonly uuid: string } & (
  | { readonly node: NodeEntry; readonly unconfigured?: MeshError }
  | { readonly error: MeshError }
);

/** `provision UUID…` */
function provision(shell: Shell, texts: readonly string[], flags: ProvisionFlags): Promise<ExitCode> {
  const uuids = [...new Map(texts.map(deviceUuid).map((uuid) => [toHex(uuid), uuid])).values()];
  const { output, ...oob } = readOob(flags);
  // A device that hides that it can show a value may be an impostor, which cannot show the right one.
  const requireAuthentication = flags.requireOob === true || output !== undefined;
  const profile = flags.profile === undefined ? undefined : readProfileFile(shell.io, flags.profile);
  return withNetwork(shell, async (network, session) => {
    if (flags.giveUp === true) return giveUp(shell, network, uuids);
    const { document } = network;
    if (flags.netKey !== undefined) asInput(() => requireNetKey(document, flags.netKey as number));
    if (profile !== undefined) asInput(() => requireKeysOfProfile(document, profile));
    const bearer = flags.via === undefined ? bearerOf(session) : through(network, flags.via);
    const single = uuids.length === 1;
    const underWay: Provisioning[] = [];
    const provision = (request: ProvisionRequest): Promise<NodeEntry> => {
      const provisioning = network.provision(request);
      underWay.push(provisioning);
      return provisioning.node;
    };
    // The devices are told, so that they can be provisioned again at once.
    const leave = (): void => {
      for (const provisioning of underWay) provisioning.cancel();
    };
    const outcomes = uuids.map(async (uuid, i): Promise<Outcome> => {
      const text = deviceText(uuid);
      const name = flags.name === undefined || single ? flags.name : `${flags.name} ${i + 1}`;
      try {
        const node = await (flags.recover === true
          ? network.recover(uuid)
          : provision({
              uuid,
              bearer,
              ...oob,
              oob: { ...oob.oob, ...askUser(shell, session, text, output) },
              inspect: (capabilities) => {
                if (flags.oob === undefined && isUnproved(capabilities)) warnOfUnproved(shell, text);
                return undefined;
              },
              policy: { allowCmac: flags.allowCmac === true, requireAuthentication },
              ...(name !== undefined && { name }),
              ...(flags.netKey !== undefined && { netIndex: flags.netKey }),
              ...(flags.attention !== undefined && { attentionSeconds: flags.attention }),
              onState: (state) => {
                shell.event({ type: 'progress', uuid: text, state });
                shell.log('info', 'provisioning', { uuid: text, state });
              },
            }));
        return { uuid: text, ...(await finish(shell, network, node, profile)) };
      } catch (thrown) {
        return { uuid: text, error: toMeshError(thrown) };
      }
    });
    return report(shell, await session.run(Promise.all(outcomes), () => interrupted(shell), leave));
  });
}

/**
 * What it is made of, and the profile. A node that does not answer is one nevertheless: that is said, and no more, unless
 * there was a profile, which it does not follow then.
 */
async function finish(
  shell: Shell,
  network: MeshNetwork,
  provisioned: NodeEntry,
  profile: NodeProfile | undefined,
): Promise<{ readonly node: NodeEntry; readonly unconfigured?: MeshError }> {
  let unconfigured: MeshError | undefined;
  const { address } = nodeRange(provisioned);
  const at = formatAddress(address);
  shell.event({
    type: 'progress',
    uuid: deviceText(provisioned.UUID),
    state: 'node',
    address: at,
  });
  shell.say(`${deviceText(provisioned.UUID)} is the node ${at} now${nameOf(provisioned)}.`);
  try {
    if (profile === undefined) return { node: await network.readComposition(address) };
    const onChange = (change: string) => {
      shell.event({ type: 'progress', address: at, changed: change });
      shell.say(`  ${at}: ${change}`);
    };
    await configureNode(network, address, profile, { onChange });
  } catch (thrown) {
    const error = toMeshError(thrown);
    if (profile !== undefined) unconfigured = error;
    shell.event({ type: 'warning', address: at, error });
    if (!shell.json) shell.complain(about(at, error));
    shell.say(`  configure it later: ${again(shell, `node config ${at} --profile FILE`)}`);
  }
  const node = network.document.nodes.find(({ UUID }) => UUID === provisioned.UUID) ?? provisioned;
  return { node, ...(unconfigured && { unconfigured }) };
}

/** Whether only what is printed on the device could tell it from an impostor. */
function isUnproved({ staticOob, outputOobSize, inputOobSize }: ProvisioningCapabilities): boolean {
  return staticOob && outputOobSize === 0 && inputOobSize === 0;
}

function warnOfUnproved(shell: Shell, uuid: string): void {
  const error = new MeshError('not-authenticated', `${uuid} has a static OOB value, which was not given`, {
    hint: 'Nothing proves that it is the device you mean: give --oob static:HEX from its label, or --oob none to go without.',
  });
  shell.event({ type: 'warning', uuid, error });
  shell.say(`warning: ${error.message}\n  ${error.hint}`);
}

/** The same error, saying whose it is. */
function about(whose: string, { code, message, hint }: MeshError): MeshError {
  return new MeshError(code, `${whose}: ${message}`, hint === undefined ? {} : { hint });
}

function report(shell: Shell, outcomes: readonly Outcome[]): ExitCode {
  const failed = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome] : []));
  const made = outcomes.flatMap((outcome) => ('node' in outcome ? [outcome] : []));
  const unconfigured = made.flatMap(({ node, unconfigured: error }) =>
    error === undefined ? [] : [{ address: formatAddress(nodeRange(node).address), error }],
  );
  const [first] = [...failed, ...unconfigured];
  const members = {
    nodes: made.map(({ node }) => describeNode(shell, node)),
    failed: failed.map(({ uuid, error }) => ({ uuid, error })),
    unconfigured,
  };
  shell.result({ ...members, ...(first && { error: first.error }) }, first === undefined);
  if (!shell.json) {
    for (const { uuid, error } of failed) shell.complain(outcomes.length === 1 ? error : about(uuid, error));
  }
  if (first === undefined) return ExitCode.done;
  if (made.length > 0) return ExitCode.partly;
  return failed.every(({ error }) => error.code === 'link-open-failed') ? ExitCode.unavailable : ExitCode.failed;
}

function giveUp(shell: Shell, network: MeshNetwork, uuids: readonly Uint8Array[]): ExitCode {
  for (const uuid of uuids) network.giveUp(uuid);
  shell.result({ givenUp: uuids.map(deviceText) });
  for (const uuid of uuids) shell.say(`${deviceText(uuid)} is given up; its address is set aside.`);
  return ExitCode.done;
}

function bearerOf(session: Session): ProvisioningBearer {
  const bearer = reachDevices(session);
  if (bearer !== undefined) return bearer;
  throw badInput('no-bearer', 'this bearer reaches no devices', 'Give another one: see "meshferry bearer list".');
}

/** PB-Remote: one device at a time, the others wait. */
function through(network: MeshNetwork, server: number): ProvisioningBearer {
  const { elements } = asInput(() => requireNode(network.document, server));
  const models = elements.flatMap((element) => element.models);
  // Before its composition is known there are none at all.
  if (models.length > 0 && models.every(({ modelId }) => modelIdNumber(modelId) !== REMOTE_PROVISIONING_SERVER)) {
    throw badInput(
      'no-remote-server',
      `the node ${formatAddress(server)} has no Remote Provisioning Server`,
      'Name another node near the device: "meshferry node show ADDR" lists 0x0004 for those that have one.',
    );
  }
  return pbRemote(network.remote, network.to(server));
}

const REMOTE_PROVISIONING_SERVER = FoundationModelId.remoteProvisioningServer;

function nameOf({ name }: NodeEntry): string {
  return name === undefined ? '' : `, "${printable(name)}"`;
}

function interrupted(shell: Shell): MeshError {
  return new MeshError('interrupted', 'interrupted while provisioning', {
    hint:
      'Nothing is lost: type the same command again for the devices that are no nodes yet. ' +
      `See which are, and what is not certain, with "${again(shell, 'node list')}".`,
  });
}
