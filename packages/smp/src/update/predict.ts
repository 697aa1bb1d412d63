import { equal } from '@meshferry/core';
import { formatVersion } from '@meshferry/firmware';
import { startsNewest } from './bootloader-kind.ts';
import { type DeviceView, uploadSlot } from './device-view.ts';
import type { SmpSlotEntry } from './plan-types.ts';
import type { SmpUpdateAction } from './situation.ts';
import type { SmpUpdateImage } from './update-types.ts';

/** The device after an action that went well: what a plan is made from, and what an answer is compared with. */
export function predict(view: DeviceView, action: SmpUpdateAction): DeviceView {
  switch (action.do) {
    case 'enter-loader':
      return { ...view, speaker: action.withName ? 'loader' : 'recovery', slots: [] };
    case 'keep-running':
      return withSlots(view, (entry) => (entry.image === action.image ? { ...entry, confirmed: entry.active } : entry));
    case 'free-by-reset':
    case 'reset':
      return afterReset(view);
    case 'upload':
      return afterUpload(view, action.image);
    case 'test':
    case 'confirm':
      return withSlots(view, (entry) => marked(entry, action.image, action.do === 'confirm'));
    default:
      return view;
  }
}

function withSlots(view: DeviceView, change: (entry: SmpSlotEntry) => SmpSlotEntry): DeviceView {
  return { ...view, slots: view.slots.map(change) };
}

function marked(entry: SmpSlotEntry, { image, hash }: SmpUpdateImage, confirm: boolean): SmpSlotEntry {
  if (entry.image !== image || entry.hash === null || !equal(entry.hash, hash)) return entry;
  return entry.active ? { ...entry, confirmed: confirm } : { ...entry, pending: true, permanent: confirm };
}

function afterUpload(view: DeviceView, { image, hash, version, mark }: SmpUpdateImage): DeviceView {
  const slot = uploadSlot(view, image);
  const entry: SmpSlotEntry = {
    image,
    slot,
    version: formatVersion(version),
    hash,
    bootable: true,
    pending: mark !== null,
    permanent: mark === 'confirmed',
    confirmed: false,
    active: false,
    size: null,
    maxImageSize: null,
  };
  return { ...view, slots: [...view.slots.filter((other) => other.image !== image || other.slot !== slot), entry] };
}

/** What waits for its boot runs; it is on trial unless it waits to stay, and what ran before comes back after it. */
function afterReset(view: DeviceView): DeviceView {
  const { scheme } = view.kind;
  const isDirect = scheme === 'direct-xip' || scheme === 'direct-xip-revert';
  const starts = (entry: SmpSlotEntry): boolean =>
    !entry.active && (view.speaker !== 'application' || entry.pending || entry.confirmed || startsNewest(scheme));
  const slots = view.slots.map((entry) => {
    const next = view.slots.find((other) => other.image === entry.image && starts(other));
    if (next === undefined) return entry;
    const slot = isDirect ? entry.slot : entry === next ? 0 : 1;
    const stays = next.permanent || next.confirmed || scheme === 'overwrite' || !next.pending;
    const flags = { pending: false, permanent: false, active: entry === next };
    return { ...entry, ...flags, slot, confirmed: entry === next ? stays : !stays };
  });
  return { ...view, speaker: 'application', slots };
}
