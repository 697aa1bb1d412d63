import { utf8 } from '@meshferry/core';
import type { SmpClient } from '../client/client.ts';
import { SmpRefusedError } from '../client/errors.ts';
import { Reset } from '../messages/os.ts';
import { SettingsSave, SettingsWrite } from '../messages/settings.ts';
import { askPatiently } from './patience.ts';
import type { SmpUpdateAction } from './situation.ts';
import { updateError } from './update-errors.ts';
import { sleep } from './update-link.ts';
import { recordAfter, recordBefore } from './update-record.ts';
import type { UpdateRun } from './update-run.ts';

type ResetAction = Extract<SmpUpdateAction, { do: 'reset' | 'free-by-reset' | 'enter-loader' }>;

/** A link that does not go by itself is ended, ms [spec: smp section 5.1, wait]. */
const LINK_GONE_MS = 10_000;
/** Where packets are lost singly no link tells of the reset: it comes 250 ms after the answer. */
const LINK_GONE_LOSSY_MS = 1000;
/** Before the first attempt to connect again, seconds; by then the old application is gone for sure. */
const PAUSE_SECONDS = 0.5;
const PAUSE_LOSSY_SECONDS = 2;
/** MCUboot reads its serial port in a short window right after the reset, before the swap: what comes then would hold it. */
const PAUSE_SERIAL_SECONDS = 3;
const TICK_MS = 1000;

const BOOT_NORMAL = {};
const BOOT_TO_BOOTLOADER = { bootMode: 1 };

/** Where the loader's name is kept, and who it is: few of its characters fit into its advertising. */
const LOADER_NAME_SETTING = 'fw_loader/adv_name';
const LOADER_NAME_PREFIX = 'FL_';
const LOADER_NAME_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const LOADER_NAME_RANDOM = 5;

/** Resets the device, and leaves it alone while its bootloader works. That it was asked for is in the store before. */
export async function resetDevice(run: UpdateRun, client: SmpClient, action: ResetAction): Promise<void> {
  const { meter, options } = run;
  const isFinal = action.do === 'reset';
  meter.enter(PHASES[action.do]);
  const before = run.saved;
  let saved = recordBefore(run.situation, action);
  if (action.do === 'enter-loader' && action.withName) saved = { ...saved, loaderName: await nameLoader(run, client) };
  run.keep(saved);
  try {
    await askForReset(run, client, action);
  } catch (error) {
    run.keep(before);
    throw error;
  }
  run.resets++;
  const resetAt = options.clock.now;
  const { lossy } = client.transport;
  const pause = pauseSeconds(run, action, lossy);
  const away = action.do === 'enter-loader' ? 0 : run.swapSeconds;
  run.until = resetAt + 1000 * Math.max(pause, away) + run.reconnectMs;
  if (isFinal) meter.wasReset();
  if (isFinal && lossy) run.bootsUntil = resetAt + 1000 * Math.max(pause, away);
  meter.enter('waiting');
  const isGone = await linkGone(client, lossy ? LINK_GONE_LOSSY_MS : LINK_GONE_MS, run);
  run.link.close();
  if (isFinal && (isGone || lossy)) run.keep(recordAfter(run.situation, action));
  run.view = undefined;
  await waitUntil(run, resetAt + 1000 * pause);
  meter.enter('reconnecting');
}

const PHASES = { reset: 'resetting', 'free-by-reset': 'freeing-slot', 'enter-loader': 'entering-loader' } as const;

/** A lost link or no answer is as good as an answer: what comes of it is seen afterwards. */
async function askForReset(run: UpdateRun, client: SmpClient, action: ResetAction): Promise<void> {
  const force = run.options.forceReset ? { force: true } : {};
  const boot = action.do === 'enter-loader' ? BOOT_TO_BOOTLOADER : BOOT_NORMAL;
  try {
    await askPatiently(client, Reset, { ...force, ...boot });
  } catch (error) {
    if (!(error instanceof SmpRefusedError)) return;
    const hint = run.options.forceReset
      ? 'Reset the device by its button or power, then run the update again.'
      : 'Its application objects for now: try later, or force it (--force-reset).';
    throw updateError('smp-reset-refused', `the device refuses to be reset: ${error.message}`, hint, error);
  }
}

/** How long nobody asks: for the time that was given, else until the bootloader does not listen any more. */
function pauseSeconds(run: UpdateRun, action: ResetAction, lossy: boolean): number {
  const least = lossy ? PAUSE_LOSSY_SECONDS : PAUSE_SECONDS;
  if (action.do === 'enter-loader') return least;
  if (run.options.swapSeconds !== undefined) return Math.max(least, run.options.swapSeconds);
  if (!run.view?.isSerial) return least;
  // Another image than ours gets its boot: nothing tells then that it has had it.
  return action.do === 'reset' ? PAUSE_SERIAL_SECONDS : Math.max(least, run.swapSeconds);
}

function linkGone(client: SmpClient, ms: number, run: UpdateRun): Promise<boolean> {
  const { clock } = run.options;
  return new Promise((resolve) => {
    if (client.ended !== undefined) return resolve(true);
    const end = (isGone: boolean) => {
      stop();
      timer.cancel();
      run.signal.removeEventListener('abort', abort);
      resolve(isGone);
    };
    const abort = () => end(false);
    const timer = clock.after(ms, () => end(false));
    const stop = client.whenEnded(() => end(true));
    run.signal.addEventListener('abort', abort);
  });
}

async function waitUntil({ options: { clock }, signal, meter }: UpdateRun, until: number): Promise<void> {
  while (clock.now < until) {
    await sleep(clock, Math.min(TICK_MS, until - clock.now), signal);
    meter.tell();
  }
}

/** Tells the device under which name its loader shall advertise; null: it cannot be told. */
async function nameLoader(run: UpdateRun, client: SmpClient): Promise<string | null> {
  const chance = run.options.random.bytes(LOADER_NAME_RANDOM);
  const letters = Array.from(chance, (octet) => LOADER_NAME_ALPHABET[octet % LOADER_NAME_ALPHABET.length]);
  const name = LOADER_NAME_PREFIX + letters.join('');
  try {
    await askPatiently(client, SettingsWrite, { name: LOADER_NAME_SETTING, val: utf8(name) });
    await askPatiently(client, SettingsSave, {});
    return name;
  } catch (error) {
    if (!(error instanceof SmpRefusedError)) throw error;
    run.note(
      'info',
      'loader-name',
      `the loader could not be given a name (${error.message}): it is looked for as the device was`,
    );
    return null;
  }
}
