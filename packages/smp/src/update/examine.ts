import { MeshError } from '@meshferry/core';
import type { SmpClient } from '../client/client.ts';
import { isRefusal, SmpRefusedError } from '../client/errors.ts';
import type { SmpCommand } from '../message.ts';
import { type ImageEntry, type ImageList, ImageStateRead, SlotInfo, type SlotsOfImage } from '../messages/image.ts';
import { BootloaderInfo, McumgrParameters } from '../messages/os.ts';
import { bootloaderKind } from './bootloader-kind.ts';
import { type DeviceView, type SlotSize, slotKey } from './device-view.ts';
import { askPatiently } from './patience.ts';
import type { SmpSlotEntry } from './plan-types.ts';

const NOT_SUPPORTED = 8;
const MOST_ASKED = 2;

/**
 * Finds out all that decisions are made from: parameters, bootloader, slots [spec: smp section 5.1]. What a device does not tell is
 * taken for unknown. Rejects when there is no answer at all, or none to the list.
 */
export async function examine(client: SmpClient): Promise<DeviceView> {
  const buffers = await refusable(client, McumgrParameters, {});
  const loader = await optional(client, BootloaderInfo, {});
  let mode = await optional(client, BootloaderInfo, { query: 'mode' });
  const list = await readList(client);
  // An application without image group may be one beside a firmware loader: nothing but the mode tells.
  if (list === undefined) mode ??= await optional(client, BootloaderInfo, { query: 'mode' });
  const slotInfo = list === undefined ? undefined : await optional(client, SlotInfo, {});
  const b0 = loader === undefined ? undefined : await optional(client, BootloaderInfo, { query: 'active_b0_slot' });
  const view: DeviceView = {
    speaker: 'application',
    bootloader: loader?.bootloader ?? null,
    kind: bootloaderKind(mode?.mode ?? null),
    noDowngrade: mode?.noDowngrade ?? false,
    slots: [],
    countsImages: false,
    imageNumbers: slotInfo?.images.map(({ image }) => image) ?? null,
    uploadNumbers: uploadNumbersOf(slotInfo?.images ?? []),
    sizes: sizesOf(slotInfo?.images ?? []),
    b0Active: b0?.active ?? null,
    bufferSize: buffers?.bufSize ?? null,
    bufferCount: buffers?.bufCount ?? null,
    isSerial: client.transport.bufferOverhead > 0,
  };
  return withList(view, list);
}

/** The list of the slots; undefined where there is no image group. */
export async function readList(client: SmpClient): Promise<ImageList | undefined> {
  try {
    return await askPatiently(client, ImageStateRead, {});
  } catch (error) {
    if (isRefusal(error, 'smp', NOT_SUPPORTED)) return undefined;
    throw error;
  }
}

/** The view with what the device lists now. */
export function withList(view: DeviceView, list: ImageList | undefined): DeviceView {
  if (list === undefined) return { ...view, speaker: 'no-images', slots: [] };
  const slots: SmpSlotEntry[] = [];
  for (const entry of list.images) {
    const made = madeWhole(view, entry);
    if (!slots.some(({ image, slot }) => image === made.image && slot === made.slot)) slots.push(made);
  }
  return {
    ...view,
    slots,
    countsImages: list.images.some(({ image }) => image !== undefined),
    speaker: speakerOf(view, slots),
  };
}

/** Recovery and loader mark nothing in slot 0 as running; recovery does not tell of bootloaders. */
function speakerOf({ kind, bootloader }: DeviceView, slots: readonly SmpSlotEntry[]): DeviceView['speaker'] {
  if (kind.scheme === 'loader')
    return slots.some(({ slot, active }) => slot === 0 && active) ? 'application' : 'loader';
  const tellsNothing = kind.number === null && bootloader === null;
  return tellsNothing && slots.every(({ active, confirmed }) => !active && !confirmed) ? 'recovery' : 'application';
}

function madeWhole({ sizes }: DeviceView, entry: ImageEntry): SmpSlotEntry {
  const { image = 0, slot, version, hash = null, bootable, pending, confirmed, active, permanent } = entry;
  const { size = null, maxImageSize = null } = sizes.get(slotKey(image, slot)) ?? {};
  return { image, slot, version, hash, bootable, pending, confirmed, active, permanent, size, maxImageSize };
}

function uploadNumbersOf(images: readonly SlotsOfImage[]): Map<string, number> {
  return new Map(
    images.flatMap(({ image, slots }) =>
      slots.flatMap(({ slot, uploadImageId }) =>
        uploadImageId === undefined ? [] : [[slotKey(image, slot), uploadImageId] as const],
      ),
    ),
  );
}

function sizesOf(images: readonly SlotsOfImage[]): Map<string, SlotSize> {
  return new Map(
    images.flatMap(({ image, slots, maxImageSize = null }) =>
      slots.map(({ slot, size = null }) => [slotKey(image, slot), { size, maxImageSize }] as const),
    ),
  );
}

/** An answer that may be a refusal: that is an answer too. */
async function refusable<Q, A>(client: SmpClient, command: SmpCommand<Q, A>, params: Q): Promise<A | undefined> {
  try {
    return await askPatiently(client, command, params);
  } catch (error) {
    if (error instanceof SmpRefusedError) return undefined;
    throw error;
  }
}

/**
 * An answer that can be done without, whatever is wrong with it, as long as the link holds; that there is none is believed when
 * it was asked for twice.
 */
async function optional<Q, A>(client: SmpClient, command: SmpCommand<Q, A>, params: Q): Promise<A | undefined> {
  for (let asked = 1; ; asked++) {
    try {
      return await refusable(client, command, params);
    } catch (error) {
      const { code } = error as MeshError;
      if (!(error instanceof MeshError) || (code !== 'smp-timeout' && code !== 'smp-malformed-answer')) throw error;
      if (code === 'smp-malformed-answer' || asked >= MOST_ASKED) return undefined;
    }
  }
}
