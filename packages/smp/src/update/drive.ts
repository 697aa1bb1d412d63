import { MeshError, toHex } from '@meshferry/core';
import type { SmpClient } from '../client/client.ts';
import { SmpRefusedError, wantsReconnect } from '../client/errors.ts';
import { McumgrParameters } from '../messages/os.ts';
import { checkUpdate } from './checks.ts';
import { chooseBuilds } from './choose-builds.ts';
import { automaticMode } from './choose-mode.ts';
import { decide } from './decide.ts';
import { activeEntry, type DeviceView } from './device-view.ts';
import { estimateRate } from './estimate.ts';
import { examine, readList, withList } from './examine.ts';
import { eraseSettings, keepRunning, markImage } from './mark-step.ts';
import { resetDevice } from './reset-step.ts';
import { end, failed, isRunning, placeIn, type SmpUpdateAction, type SmpUpdateEnd } from './situation.ts';
import { updateError } from './update-errors.ts';
import { isHopeless, sleep, stopped } from './update-link.ts';
import { readSmpUpdate } from './update-record.ts';
import type { UpdateRun } from './update-run.ts';
import { sendImage } from './upload-step.ts';

/** Lost links in a row without any progress between them. */
const MOST_TROUBLES = 8;

/** How long a device that was reset has for its first answer before it is asked again, and for a boot that has not begun, ms. */
const KNOCK_MS = 1500;
const LOOK_AGAIN_MS = 2000;

/** That {@link examine} asks, one after the other. */
const QUESTIONS = 6;

/** What another link may mend. */
const TROUBLES: ReadonlySet<string> = new Set([
  'smp-timeout',
  'smp-closed',
  'smp-malformed-answer',
  'smp-no-progress',
  'smp-bad-offset',
  'connect-failed',
  'bearer-lost',
]);

/**
 * Does one thing after the other until the update has ended, each decided anew from what the device lists. Rejects with what is
 * not the device's doing, and with `smp-unreachable`, `smp-link-unstable`, `cancelled`: the store then keeps the job.
 */
export async function drive(run: UpdateRun): Promise<SmpUpdateEnd> {
  for (;;) {
    if (run.signal.aborted) throw stopped();
    try {
      const client = await reach(run);
      const begun = begin(run);
      if (begun !== undefined) return begun;
      if (isBooting(run)) {
        await sleep(run.options.clock, LOOK_AGAIN_MS, run.signal);
        continue;
      }
      const action = decide(run.situation);
      if (action.do === 'end') return action;
      await perform(run, client, action);
    } catch (error) {
      const answer = recover(run, error);
      if (answer !== undefined) return answer;
    }
  }
}

/** A client that answers, and a view that is fresh. */
export async function reach(run: UpdateRun): Promise<SmpClient> {
  const { link, meter, options } = run;
  const { client } = link;
  if (client !== undefined && run.view !== undefined) {
    run.view = withList(run.view, await readList(client));
    return client;
  }
  run.until ??= options.clock.now + run.reconnectMs;
  const made = client ?? (await connect(run, run.until));
  if (run.bootsUntil !== undefined) await knock(run, made);
  meter.linked(link.made);
  meter.enter(run.saved.resetsAsked === 0 ? 'examining' : 'checking');
  const asked = options.clock.now;
  run.view = await examine(made);
  run.rate = estimateRate(run.view, (options.clock.now - asked) / QUESTIONS, made.transport.packetLimit);
  run.until = undefined;
  return made;
}

/** Asks, soon and often and on one link, until the device that was reset answers at all; rejects when the time is over. */
async function knock(
  { options: { clock }, signal, meter, until = clock.now }: UpdateRun,
  client: SmpClient,
): Promise<void> {
  for (;;) {
    if (signal.aborted) throw stopped();
    try {
      await client.request(McumgrParameters, {}, { timeoutMs: KNOCK_MS, repeat: false });
      return;
    } catch (error) {
      if (error instanceof SmpRefusedError) return;
      const isSilent = error instanceof MeshError && error.code === 'smp-timeout';
      if (!isSilent || clock.now >= until) throw error;
      meter.tell();
    }
  }
}

/** Whether the device has perhaps not even begun with its reset: what it lists then tells nothing of the boot. */
function isBooting(run: UpdateRun): boolean {
  const { bootsUntil, situation, images, options } = run;
  if (bootsUntil === undefined) return false;
  const { speaker } = situation.view;
  const isAsBefore =
    speaker === 'recovery' ||
    speaker === 'loader' ||
    images.some((image) => placeIn(situation, image).startsWith('staged'));
  if (isAsBefore && options.clock.now < bootsUntil) return true;
  run.bootsUntil = undefined;
  return false;
}

function connect({ link, meter, saved, signal }: UpdateRun, until: number): Promise<SmpClient> {
  const isReset = saved.resetsAsked > 0;
  meter.enter(link.made === 0 && !isReset ? 'connecting' : 'reconnecting');
  const deviceName = isReset ? null : saved.loaderName;
  return link.reach({ until, deviceName, signal, failed: (error) => meter.inTrouble(error) });
}

/** Chooses the builds and looks for obstacles, each time that the device was examined anew. */
export function begin(run: UpdateRun): SmpUpdateEnd | undefined {
  const view = run.view!;
  const { saved, options } = run;
  const builds = chooseBuilds(view, options.images, saved.resetsAsked > 0 ? saved.builds : {});
  if (!builds.ok) return failed(builds.error);
  run.images = builds.value;
  rememberBefore(run, view);
  chooseMode(run);
  foresee(run);
  if (saved.resetsAsked > 0 || view.speaker === 'no-images') return undefined;
  const { upgradeOnly = false, ignoreDependencies = false } = options;
  const wishes = { mode: run.saved.mode, isAutomatic: options.mode === undefined, upgradeOnly, ignoreDependencies };
  const { error, notes } = checkUpdate(view, run.images, wishes);
  for (const { severity, code, message } of notes) run.note(severity, code, message);
  return error === null ? undefined : failed(error);
}

/** What ran before the first change. */
function rememberBefore(run: UpdateRun, view: DeviceView): void {
  if (Object.keys(run.saved.before).length > 0 || run.saved.resetsAsked > 0) return;
  const before: Record<string, string> = {};
  for (const { image } of run.images) {
    const version = activeEntry(view, image)?.version;
    if (version !== undefined) before[image] = version;
  }
  run.remember({ ...run.saved, before });
}

/** Where none was asked for: by the device, as long as nothing of the update is in the store. */
function chooseMode(run: UpdateRun): void {
  const { options, saved } = run;
  if (options.mode !== undefined || readSmpUpdate(options.store) !== undefined) return;
  run.remember({ ...saved, mode: automaticMode(run.situation) });
}

function foresee(run: UpdateRun): void {
  const places = run.images.map((image) => placeIn(run.situation, image));
  const { resetsAsked, selected } = run.saved;
  // Once it was sent and chosen, that it is not listed any more takes nothing of that back.
  const wasSent = (hash: Uint8Array) => resetsAsked > 0 || selected.includes(toHex(hash));
  run.meter.images(
    run.images.map(({ image, bytes, hash }, i) => {
      return { image, size: bytes.length, isThere: places[i] !== 'absent' || wasSent(hash) };
    }),
  );
  const willReset = run.saved.resetsAsked > 0 || !places.every(isRunning);
  run.meter.foresee(run.swapSeconds, willReset, run.rate ?? null);
}

function perform(run: UpdateRun, client: SmpClient, action: Exclude<SmpUpdateAction, { do: 'end' }>): Promise<void> {
  switch (action.do) {
    case 'upload':
      return sendImage(run, client, action);
    case 'test':
    case 'confirm':
      return markImage(run, client, action);
    case 'keep-running':
      return keepRunning(run, client, action);
    case 'erase-settings':
      return eraseSettings(run, client);
    case 'enter-loader':
    case 'free-by-reset':
    case 'reset':
      return resetDevice(run, client, action);
  }
}

/** What to do about an error: go on (undefined), or end; throws what nobody can mend here. */
export function recover(run: UpdateRun, thrown: unknown): SmpUpdateEnd | undefined {
  if (run.signal.aborted || !(thrown instanceof MeshError)) throw thrown;
  if (thrown.code === 'smp-unreachable') return unanswered(run, thrown);
  if (thrown.code === 'smp-link-unstable') throw thrown;
  if (isHopeless(thrown, run.link.made === 0)) throw thrown;
  if (!wantsReconnect(thrown) && !TROUBLES.has(thrown.code)) return failed(thrown);
  run.log('warn', 'link lost', { code: thrown.code, message: thrown.message });
  const wasExamined = run.until === undefined;
  run.lost(thrown);
  if (wasExamined && ++run.troubles > MOST_TROUBLES) throw unstable(thrown);
  if (run.options.clock.now >= run.until!) return unanswered(run, thrown);
  return undefined;
}

/** Nobody answers any more. After the reset by recovery that is how it may be: the application need not know SMP. */
function unanswered(run: UpdateRun, cause: MeshError): SmpUpdateEnd {
  const { saved } = run;
  if (saved.resetsAsked === 0) throw cause.code === 'smp-unreachable' ? cause : silent(cause);
  if (saved.resetFrom === 'recovery' || saved.resetFrom === 'loader') {
    const message =
      'the image is in the slot that is started, and the device was reset; nobody answers here now, so that it runs was not seen';
    return end('unverified', { severity: 'warning', code: 'not-seen', message });
  }
  throw updateError(
    'smp-no-answer',
    `the device was reset into the new image and does not answer since: ${cause.message}`,
    'It may still swap (running the update again goes on with the check), its new firmware may offer no SMP or advertise under another name, or it hangs: ' +
      'without confirmation the next reset brings the old image back.',
    cause,
  );
}

function silent(cause: MeshError): MeshError {
  return updateError(
    'smp-unreachable',
    `the device is connected, but does not answer: ${cause.message}`,
    'Does it want pairing, or is its SMP service of another application? Run the update again to go on.',
    cause,
  );
}

function unstable(cause: MeshError): MeshError {
  return updateError(
    'smp-link-unstable',
    `the link was lost ${MOST_TROUBLES} times without progress: ${cause.message}`,
    'Bring the device nearer, or try a smaller buffer (--buffer-size) and window. Run the update again to go on.',
    cause,
  );
}
