import { toHex } from '@meshferry/core';
import { formatVersion } from '@meshferry/firmware';
import type {
  ImageEntry,
  SmpSlotEntry,
  SmpUpdateDevice,
  SmpUpdateOutcome,
  SmpUpdatePhase,
  SmpUpdatePlan,
} from '@meshferry/smp';
import { formatSeconds, formatSize, printable } from '../shell/format.ts';
import type { Style } from '../shell/style.ts';
import { alignColumns } from '../shell/table.ts';

const DOING: Readonly<Record<SmpUpdatePhase, string>> = {
  connecting: 'connecting',
  examining: 'asking the device',
  'entering-loader': 'starting the firmware loader',
  'freeing-slot': 'making the slot free',
  uploading: 'uploading',
  'erasing-settings': 'erasing settings',
  testing: 'choosing the image for one boot',
  confirming: 'confirming',
  resetting: 'resetting',
  waiting: 'waiting for the bootloader',
  reconnecting: 'reconnecting',
  checking: 'looking at what runs',
  done: 'done',
};

/** What an update does now, for people; `image` where a device has several. */
export function phaseText(phase: SmpUpdatePhase, image: number | null): string {
  return image === null || image === 0 ? DOING[phase] : `${DOING[phase]}: image ${image}`;
}

const ENDED: Readonly<Record<SmpUpdateOutcome, string>> = {
  updated: 'the new image runs and is confirmed',
  current: 'the device runs this image already: nothing was changed',
  unconfirmed: 'the new image runs once: unless its application confirms it, the next reset takes it back',
  unverified: 'the image is on the device and was started; what runs cannot be asked',
  failed: 'failed',
  suspended: 'stopped; the same command goes on',
  cancelled: 'given up',
};

/** How an update ended, for people. */
export function outcomeText(outcome: SmpUpdateOutcome): string {
  return ENDED[outcome];
}

/** The device and what is going to be done with it, line by line. */
export function planLines({ device, images, steps, notes, seconds }: SmpUpdatePlan, style: Style): string[] {
  const { bold, dim, yellow } = style;
  const sent = images.map(({ image, file, version, size }) => [
    `image ${image}`,
    formatVersion(version),
    formatSize(size),
    dim(printable(file ?? '')),
  ]);
  return [
    bold('device'),
    ...deviceLines(device, style).map((line) => `  ${line}`),
    bold('update'),
    ...alignColumns(sent).map((line) => `  ${line}`),
    ...steps.map(({ text }, i) => `  ${dim(`${i + 1}.`)} ${printable(text)}`),
    ...(seconds === null ? [] : [`  ${dim(`about ${formatSeconds(seconds)}`)}`]),
    ...notes.map(({ severity, message }) => {
      const line = `  note: ${printable(message)}`;
      return severity === 'warning' ? yellow(line) : line;
    }),
  ];
}

/** Bootloader, buffers and slots. */
export function deviceLines(device: SmpUpdateDevice, style: Style): string[] {
  const { bootloader, modeName, bufferCount, bufferSize, slots } = device;
  const buffers = bufferSize === null ? 'not told' : `${bufferCount} of ${bufferSize} octets`;
  return [
    ...alignColumns([
      ['bootloader', `${printable(bootloader ?? 'not told')}, ${modeName}`],
      ['buffers', buffers],
    ]),
    ...slotLines(slots, style),
  ];
}

/** One line a slot. */
export function slotLines(slots: readonly (SmpSlotEntry | ImageEntry)[], { dim, green, yellow }: Style): string[] {
  const rows = slots.map((entry) => [
    `image ${entry.image ?? 0} slot ${entry.slot}`,
    printable(entry.version),
    dim(entry.hash ? `${toHex(entry.hash).slice(0, 16)}…` : 'no hash'),
    entry.active ? green(flagsText(entry)) : entry.pending ? yellow(flagsText(entry)) : flagsText(entry),
  ]);
  return alignColumns(rows);
}

function flagsText({ active, confirmed, pending, permanent, bootable }: SmpSlotEntry | ImageEntry): string {
  const words = [
    ...(active ? ['runs'] : []),
    ...(confirmed ? [active ? 'confirmed' : 'comes back at the next reset'] : active ? ['not confirmed'] : []),
    ...(pending ? [permanent ? 'boots next, for good' : 'boots next, once'] : []),
    ...(bootable || active ? [] : ['not bootable']),
  ];
  return words.join(', ') || 'stored';
}
