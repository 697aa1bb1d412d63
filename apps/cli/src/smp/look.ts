import { toHex } from '@meshferry/core';
import {
  BootloaderInfo,
  bootloaderModeName,
  EnumerationList,
  groupName,
  type ImageEntry,
  ImageStateRead,
  McumgrParameters,
  OsInfo,
  type SmpClient,
  type SmpCommand,
  SmpRefusedError,
} from '@meshferry/smp';
import { ExitCode } from '../shell/exit.ts';
import { printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { ask, withClient } from './client.ts';
import { slotLines } from './update-text.ts';

/** `smp info`: all that a device tells of itself. */
export async function smpInfo(shell: Shell): Promise<ExitCode> {
  const info = await withClient(shell, 'asking the device', async (client) => ({
    system: (await told(client, OsInfo, { format: 'a' }))?.output ?? null,
    bootloader: (await told(client, BootloaderInfo, {}))?.bootloader ?? null,
    mode: (await told(client, BootloaderInfo, { query: 'mode' }))?.mode ?? null,
    buffers: (await told(client, McumgrParameters, {})) ?? null,
    groups: (await told(client, EnumerationList, {}))?.groups ?? null,
    images: (await told(client, ImageStateRead, {}))?.images ?? null,
  }));
  const { system, bootloader, mode, buffers, groups, images } = info;
  shell.result({
    ...info,
    modeName: mode === null ? null : bootloaderModeName(mode),
    images: images?.map(describeEntry) ?? null,
  });
  const unknown = shell.style.dim('not told');
  const rows = [
    ['system', system === null ? unknown : printable(system)],
    ['bootloader', bootloader === null ? unknown : printable(bootloader)],
    ['mode', mode === null ? unknown : `${bootloaderModeName(mode)} (${mode})`],
    ['buffers', buffers === null ? unknown : `${buffers.bufCount} of ${buffers.bufSize} octets`],
    ['groups', groups === null ? unknown : groups.map(groupName).join(', ')],
  ];
  for (const line of alignColumns(rows)) shell.say(line);
  sayImages(shell, images ?? []);
  return ExitCode.done;
}

/** `smp list`: what the slots hold. */
export async function smpList(shell: Shell): Promise<ExitCode> {
  const { images } = await ask(shell, ImageStateRead, {});
  sayList(shell, images);
  return ExitCode.done;
}

/** The list as a result, or line by line. */
export function sayList(shell: Shell, images: readonly ImageEntry[]): void {
  shell.result({ images: images.map(describeEntry) });
  if (images.length === 0) shell.say('no image in any slot that the device can read');
  sayImages(shell, images);
}

function sayImages(shell: Shell, images: readonly ImageEntry[]): void {
  for (const line of slotLines(images, shell.style)) shell.say(line);
}

/** An entry of the list as JSON. */
export function describeEntry({ hash, image, ...entry }: ImageEntry): Record<string, unknown> {
  return { image: image ?? 0, ...entry, hash: hash === undefined ? null : toHex(hash) };
}

/** The answer; undefined when the device has no such command, or says no. */
async function told<Q, A>(client: SmpClient, command: SmpCommand<Q, A>, params: Q): Promise<A | undefined> {
  return client.request(command, params).catch((thrown: unknown) => {
    if (thrown instanceof SmpRefusedError) return undefined;
    throw thrown;
  });
}
