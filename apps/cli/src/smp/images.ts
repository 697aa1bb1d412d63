import { fromHex, MeshError } from '@meshferry/core';
import {
  ImageErase,
  ImageStateWrite,
  Reset,
  type SmpClient,
  SmpRefusedError,
  type SmpUpdateImage,
  smpUpdateImages,
  startImageUpload,
} from '@meshferry/smp';
import { readFirmwareFile } from '../firmware/read-file.ts';
import { asInput, badInput, ExitCode } from '../shell/exit.ts';
import { formatRate, formatSeconds, formatSize, printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { ask, withClient } from './client.ts';
import { sayList } from './look.ts';
import { openTransferView } from './transfer-view.ts';

/** Erasing a slot can take a minute [spec: smp section 5], ms. */
const ERASE_MS = 75_000;

export interface UploadFlags {
  readonly image?: number;
  readonly slot?: number;
  readonly upgradeOnly?: boolean;
  readonly window?: number;
  readonly align?: number;
  readonly bufferSize?: number;
}

/** `smp upload FILE`: the images into their free slots, and nothing else. */
export async function smpUpload(shell: Shell, [path = '']: readonly string[], flags: UploadFlags): Promise<ExitCode> {
  const images = await readImages(shell, path, flags);
  const view = openTransferView(shell);
  const total = images.reduce((sum, { bytes }) => sum + bytes.length, 0);
  try {
    const moved = await withClient(shell, 'uploading', async (client, { clock }) => {
      const begun = clock.now;
      let octets = 0;
      for (const image of images) {
        octets += await upload(shell, client, image, flags, (offset, bytesPerSecond, secondsLeft) =>
          view.show({
            doing: `uploading ${printable(image.file ?? path)}`,
            percent: (100 * offset) / image.bytes.length,
            bytesPerSecond,
            secondsLeft,
            elapsedSeconds: (clock.now - begun) / 1000,
          }),
        );
      }
      return { octets, seconds: (clock.now - begun) / 1000 };
    });
    view.close();
    const rate = moved.seconds > 0 ? moved.octets / moved.seconds : 0;
    shell.result({ size: total, moved: moved.octets, seconds: moved.seconds, bytesPerSecond: rate });
    shell.say(`${formatSize(moved.octets)} uploaded in ${formatSeconds(moved.seconds)}, ${formatRate(rate)}`);
    shell.say(
      'Nothing boots it yet: "meshferry smp test" or "smp confirm" with the file chooses it, "smp reset" starts it.',
    );
    return ExitCode.done;
  } finally {
    view.close();
  }
}

async function upload(
  shell: Shell,
  client: SmpClient,
  { image, file, bytes, sha256 }: SmpUpdateImage,
  flags: UploadFlags,
  show: (offset: number, bytesPerSecond: number | null, secondsLeft: number | null) => void,
): Promise<number> {
  const { upgradeOnly = false, window, align, bufferSize } = flags;
  let percent = -1;
  const { moved } = await startImageUpload(client, bytes, {
    image,
    sha256,
    upgradeOnly,
    ...(window !== undefined && { window }),
    ...(align !== undefined && { alignment: align }),
    ...(bufferSize !== undefined && { bufferSize }),
    onProgress: ({ offset, total, bytesPerSecond = null, secondsLeft = null }) => {
      show(offset, bytesPerSecond, secondsLeft);
      const now = Math.floor((100 * offset) / total);
      if (now > percent) shell.event({ type: 'progress', image, file, offset, total, bytesPerSecond, secondsLeft });
      percent = Math.max(percent, now);
    },
  }).finished;
  return moved;
}

/** `smp test HASH|FILE`: the image boots once at the next reset. */
export function smpTest(shell: Shell, [which = '']: readonly string[], flags: UploadFlags): Promise<ExitCode> {
  return choose(shell, which, flags, false);
}

/** `smp confirm [HASH|FILE]`: the image stays; without one what runs. */
export function smpConfirm(shell: Shell, [which]: readonly string[], flags: UploadFlags): Promise<ExitCode> {
  return choose(shell, which, flags, true);
}

async function choose(shell: Shell, which: string | undefined, flags: UploadFlags, confirm: boolean) {
  const hashes = which === undefined ? [undefined] : await hashesOf(shell, which, flags);
  const images = await withClient(shell, 'choosing an image', async (client) => {
    let list: Awaited<ReturnType<typeof write>> = [];
    for (const hash of hashes) list = await write(client, hash, confirm);
    return list;
  });
  sayList(shell, images);
  return ExitCode.done;
}

async function write(client: SmpClient, hash: Uint8Array | undefined, confirm: boolean) {
  const { images } = await client.request(ImageStateWrite, { ...(hash && { hash }), confirm });
  return images;
}

/** An image by the hash that `smp list` shows, or by its file. */
async function hashesOf(shell: Shell, which: string, flags: UploadFlags): Promise<Uint8Array[]> {
  if (/^[0-9a-f]+$/i.test(which) && [64, 96, 128].includes(which.length)) return [fromHex(which.toLowerCase())];
  return (await readImages(shell, which, flags)).map(({ hash }) => hash);
}

async function readImages(shell: Shell, path: string, { image, slot }: UploadFlags): Promise<SmpUpdateImage[]> {
  const isBare = image !== undefined || slot !== undefined;
  const pkg = await readFirmwareFile(shell.io, path, isBare ? { target: { image: image ?? 0, slot: slot ?? 1 } } : {});
  const images = asInput(() => smpUpdateImages(pkg)).filter((one) => slot === undefined || (one.slot ?? slot) === slot);
  if (images.length === 0) {
    throw badInput(
      'no-such-build',
      `${path} holds no build for slot ${slot}`,
      'Leave --slot out, or give the other one.',
    );
  }
  const twice = images.find((one, i) => images.findIndex((other) => other.image === one.image) < i);
  if (twice === undefined) return images;
  throw badInput(
    'several-builds',
    `${path} holds a build for each slot of image ${twice.image}`,
    'Say which with --slot: the one that does not run ("smp list"); "smp update" chooses by itself.',
  );
}

/** `smp erase`: the slot that is not in use, or one by its number. */
export async function smpErase(
  shell: Shell,
  _: readonly string[],
  { slot }: { readonly slot?: number },
): Promise<ExitCode> {
  await ask(shell, ImageErase, { ...(slot !== undefined && { slot }) }, { timeoutMs: ERASE_MS });
  shell.result({});
  shell.say(slot === undefined ? 'the slot that is not in use was erased' : `slot ${slot} was erased`);
  return ExitCode.done;
}

export interface ResetFlags {
  readonly force?: boolean;
  readonly bootMode?: 'normal' | 'bootloader';
}

/** `smp reset` */
export async function smpReset(shell: Shell, _: readonly string[], { force, bootMode }: ResetFlags): Promise<ExitCode> {
  const params = { ...(force === true && { force }), ...(bootMode === 'bootloader' && { bootMode: 1 }) };
  const answered = await ask(shell, Reset, params).then(
    () => true,
    (thrown: unknown) => {
      // Some devices are gone before their answer has left.
      const { error } = Object(thrown) as { readonly error?: unknown };
      if (error instanceof MeshError && !(error instanceof SmpRefusedError) && error.code === 'link-lost') return false;
      throw thrown;
    },
  );
  shell.result({ answered });
  shell.say(answered ? 'the device resets' : 'the device is gone: it resets');
  return ExitCode.done;
}
