import { decide } from './decide.ts';
import type { DeviceView } from './device-view.ts';
import { begin } from './drive.ts';
import { RECONNECT_SECONDS } from './estimate.ts';
import type { SmpUpdateDevice, SmpUpdatePlan, SmpUpdateStep } from './plan-types.ts';
import { predict } from './predict.ts';
import { isRunning, modeOf, placeIn, type Situation, type SmpUpdateAction } from './situation.ts';
import { nameOf } from './update-errors.ts';
import { readSmpUpdate, recordAfter, recordBefore } from './update-record.ts';
import type { UpdateRun } from './update-run.ts';
import type { SmpUpdatePhase } from './update-types.ts';

/** More steps than any update has. */
const MOST_STEPS = 40;

/** What an update would do, by letting it decide for a device that does all that is asked of it. */
export function planUpdate(run: UpdateRun): SmpUpdatePlan {
  const obstacle = begin(run);
  const situation = run.situation;
  const { view } = situation;
  const steps: SmpUpdateStep[] = [];
  let error = obstacle?.error ?? null;
  if (error === null) error = foretell(situation, steps);
  const octets = toSend(situation);
  const { rate } = run;
  const resets = steps.filter(({ phase }) => phase === 'resetting' || phase === 'freeing-slot').length;
  const swaps = resets * (run.swapSeconds + RECONNECT_SECONDS);
  return {
    device: describeDevice(view),
    mode: modeOf(situation),
    images: situation.images.map((image) => ({
      image: image.image,
      file: image.file,
      version: image.version,
      size: image.bytes.length,
      place: placeIn(situation, image),
    })),
    steps,
    notes: run.notes,
    error,
    seconds: octets > 0 && rate === undefined ? null : octets / (rate ?? 1) + swaps,
    resumes: readSmpUpdate(run.options.store) !== undefined,
  };
}

/** Goes through the steps; gives the error that the update would end with before it has changed what runs, or null. */
function foretell(first: Situation, steps: SmpUpdateStep[]): SmpUpdatePlan['error'] {
  let situation = first;
  for (let i = 0; i < MOST_STEPS; i++) {
    const action = decide(situation);
    if (action.do === 'end') return situation.saved.resetsAsked > first.saved.resetsAsked ? null : action.error;
    steps.push(describeStep(situation, action));
    const saved = recordAfter({ ...situation, saved: recordBefore(situation, action) }, action);
    const openUpload = action.do === 'upload' ? null : situation.openUpload;
    situation = { ...situation, saved, openUpload, view: predict(situation.view, action) };
  }
  return null;
}

const PHASES: Readonly<Record<Exclude<SmpUpdateAction['do'], 'end'>, SmpUpdatePhase>> = {
  'enter-loader': 'entering-loader',
  'keep-running': 'freeing-slot',
  'free-by-reset': 'freeing-slot',
  upload: 'uploading',
  'erase-settings': 'erasing-settings',
  test: 'testing',
  confirm: 'confirming',
  reset: 'resetting',
};

function describeStep(situation: Situation, action: Exclude<SmpUpdateAction, { do: 'end' }>): SmpUpdateStep {
  const image = 'image' in action ? (typeof action.image === 'number' ? action.image : action.image.image) : null;
  return { phase: PHASES[action.do], image, text: textOf(situation, action) };
}

function textOf(situation: Situation, action: Exclude<SmpUpdateAction, { do: 'end' }>): string {
  const { kind } = situation.view;
  switch (action.do) {
    case 'enter-loader':
      return action.withName
        ? 'reset into the firmware loader, and look for it under a name of its own'
        : "reset into the bootloader's serial recovery";
    case 'keep-running':
      return `confirm what runs on trial of image ${action.image}: its predecessor is in the slot that is needed`;
    case 'free-by-reset':
      return `reset, so that what waits in the other slot of image ${action.image} gets its boot`;
    case 'upload':
      return `upload ${nameOf(action.image)}, ${action.image.bytes.length} octets`;
    case 'erase-settings':
      return 'erase the settings of the device';
    case 'test':
      return `test: start ${nameOf(action.image)} at the next boot, once`;
    case 'confirm':
      return isRunning(placeIn(situation, action.image))
        ? `confirm ${nameOf(action.image)}, which runs then`
        : `confirm: start ${nameOf(action.image)} at the next boot, for good`;
    case 'reset':
      return `reset, wait for the bootloader (${kind.name}), connect again and look what runs`;
  }
}

function toSend(situation: Situation): number {
  const missing = situation.images.filter((image) => placeIn(situation, image) === 'absent');
  return situation.saved.resetsAsked > 0 ? 0 : missing.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

function describeDevice(view: DeviceView): SmpUpdateDevice {
  const { bootloader, kind, speaker, bufferSize, bufferCount, slots } = view;
  return { bootloader, modeNumber: kind.number, modeName: kind.name, speaker, bufferSize, bufferCount, slots };
}
