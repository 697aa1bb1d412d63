import { formatAddress, MeshError, toHex } from '@meshferry/core';
import type { TargetCheck } from '@meshferry/node';
import { ExitCode } from '../shell/exit.ts';
import { formatFirmwareId, plural } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { withMesh } from '../update/mesh.ts';

export interface TargetsFlags {
  readonly targets?: readonly number[];
}

/** `dfu targets` */
export function dfuTargets(shell: Shell, _args: readonly string[], flags: TargetsFlags): Promise<ExitCode> {
  return withMesh(shell, async (mesh) => {
    const targets = mesh.chooseTargets(flags.targets);
    const checks = await mesh.run(mesh.job.checkTargets(targets, mesh.appIndex), checkInterrupted);
    const silent = checks.filter(({ error }) => error !== null).length;
    const error = new MeshError('targets-silent', `${silent} of ${plural(checks.length, 'target')} did not answer`);
    shell.result({ targets: checks.map(describe), ...(silent > 0 && { error }) }, silent === 0);
    if (!shell.json) say(shell, checks);
    if (silent === 0) return ExitCode.done;
    return silent === checks.length ? ExitCode.failed : ExitCode.partly;
  });
}

/** Questions leave nothing behind. */
export function checkInterrupted(): MeshError {
  return new MeshError('interrupted', 'interrupted while asking the targets', {
    hint: 'Nothing was changed: ask again.',
  });
}

function describe({ address, firmwareId, error }: TargetCheck): Record<string, unknown> {
  return {
    address: formatAddress(address),
    firmwareId: firmwareId && toHex(firmwareId),
    version: firmwareId && formatFirmwareId(firmwareId),
    error,
  };
}

function say(shell: Shell, checks: readonly TargetCheck[]): void {
  const { dim, red } = shell.style;
  const rows = checks.map(({ address, firmwareId, error }) => [
    formatAddress(address),
    formatFirmwareId(firmwareId),
    firmwareId === null ? '' : toHex(firmwareId),
    error === null ? '' : red(error.message),
  ]);
  for (const line of alignColumns([['target', 'version', 'firmware id', ''].map(dim), ...rows])) shell.say(line);
  shell.say(plural(checks.length, 'target'));
}
