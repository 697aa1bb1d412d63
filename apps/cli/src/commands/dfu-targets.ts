import { formatAddress, MeshError, toHex } from '@meshferry/core';
import type { TargetCheck } from '@meshferry/node';
import { ExitCode } from '../shell/exit.ts';
import { formatFirmwareId, plural, printable } from '../shell/format.ts';
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
    const error = targetsSilent(silent, checks.length);
    shell.result({ targets: checks.map(describe), ...(silent > 0 && { error }) }, silent === 0);
    if (!shell.json) say(shell, checks);
    if (silent === 0) return ExitCode.done;
    if (!shell.json) shell.complain(error);
    return silent === checks.length ? ExitCode.failed : ExitCode.partly;
  });
}

/** Questions leave nothing behind. */
export function checkInterrupted(): MeshError {
  return new MeshError('interrupted', 'interrupted while asking the targets', {
    hint: 'Nothing was changed: ask again.',
  });
}

function targetsSilent(silent: number, of: number): MeshError {
  return new MeshError('targets-silent', `${silent} of ${plural(of, 'target')} did not answer`, {
    hint: 'Check that they are powered, in reach, and have the key bound to their models.',
  });
}

function describe({ address, firmwareId, images, error }: TargetCheck): Record<string, unknown> {
  return {
    address: formatAddress(address),
    firmwareId: firmwareId && toHex(firmwareId),
    version: firmwareId && formatFirmwareId(firmwareId),
    images: images.map(({ firmwareId: id, updateUri }, index) => ({
      index,
      firmwareId: toHex(id),
      version: formatFirmwareId(id),
      updateUri: updateUri === '' ? null : updateUri,
    })),
    error,
  };
}

function say(shell: Shell, checks: readonly TargetCheck[]): void {
  const { dim, red } = shell.style;
  // Most nodes have one image: its index is nothing to read.
  const several = checks.some(({ images }) => images.length > 1);
  const row = (address: string, image: string, ...rest: string[]) => [address, ...(several ? [image] : []), ...rest];
  const rows = checks.flatMap(({ address, images, error }) =>
    images.length === 0
      ? [row(formatAddress(address), '', '?', '', error === null ? '' : red(error.message))]
      : images.map(({ firmwareId, updateUri }, index) =>
          row(
            formatAddress(address),
            `${index}`,
            formatFirmwareId(firmwareId),
            toHex(firmwareId),
            printable(updateUri),
          ),
        ),
  );
  const head = row('target', 'image', 'version', 'firmware id', '').map(dim);
  for (const line of alignColumns([head, ...rows])) shell.say(line);
  shell.say(plural(checks.length, 'target'));
}
