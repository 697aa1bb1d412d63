import { MeshError, toHex } from '@meshferry/core';
import { formatVersion } from '@meshferry/firmware';
import {
  createSmpUpdate,
  type SmpUpdateImage,
  type SmpUpdateMode,
  type SmpUpdateOptions,
  type SmpUpdatePlan,
  type SmpUpdateProgress,
  type SmpUpdateReport,
  smpUpdateImages,
} from '@meshferry/smp';
import { readFirmwareFile, readPublicKeyFile } from '../firmware/read-file.ts';
import { asInput, ExitCode } from '../shell/exit.ts';
import { formatRate, printable, quoteArguments } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { exitOf, reachable } from './reach.ts';
import { type SmpSession, withSmp } from './session.ts';
import { openTransferView, type TransferState, type TransferView } from './transfer-view.ts';
import { outcomeText, phaseText, planLines } from './update-text.ts';

/** Options of `smp update` as the parser gives them. */
export interface UpdateFlags {
  readonly mode?: SmpUpdateMode;
  readonly plan?: boolean;
  readonly image?: number;
  readonly slot?: number;
  readonly key: readonly string[];
  readonly hexAddress?: number;
  readonly upgradeOnly?: boolean;
  readonly ignoreDependencies?: boolean;
  readonly eraseSettings?: boolean;
  readonly forceReset?: boolean;
  readonly swapTime?: number;
  readonly window?: number;
  readonly align?: number;
  readonly bufferSize?: number;
}

/** Of a bare image without --slot: the one that is not in use. */
const OTHER_SLOT = 1;
/** Between two events of one phase and percent, ms of wall time. */
const EVENT_INTERVAL = 1000;

/** `smp update FILE` */
export async function smpUpdate(shell: Shell, [path = '']: readonly string[], flags: UpdateFlags): Promise<ExitCode> {
  const images = await readImages(shell, path, flags);
  return withSmp(shell, async (session) => {
    let view: TransferView | undefined;
    const tell = tellProgress(shell);
    let last: SmpUpdateProgress | undefined;
    const job = createSmpUpdate({
      ...optionsOf(flags),
      route: session.route,
      clock: session.clock,
      random: session.random,
      store: session.store,
      images,
      log: shell.log,
      ...(shell.options.reconnect !== undefined && { reconnectSeconds: shell.options.reconnect }),
      onProgress: (progress) => {
        last = progress;
        view?.show(stateOf(progress));
        tell(progress);
      },
    });
    const stopped = () => interrupted(shell, session, path, last);
    try {
      const plan = await session.run(reachable(job.inspect()), stopped);
      for (const line of planLines(plan, shell.style)) shell.say(line);
      if (flags.plan === true) return endOfPlan(shell, plan);
      view = openTransferView(shell);
      const report = await session.run(reachable(job.run()), stopped);
      view.close();
      return finish(shell, session, plan, report);
    } finally {
      view?.close();
      job.close();
    }
  });
}

async function readImages(shell: Shell, path: string, flags: UpdateFlags): Promise<readonly SmpUpdateImage[]> {
  const { key, hexAddress, image, slot } = flags;
  const publicKeys = key.map((file) => readPublicKeyFile(shell.io, file));
  const pkg = await readFirmwareFile(shell.io, path, {
    publicKeys,
    ...(hexAddress !== undefined && { hexAddress }),
    ...((image !== undefined || slot !== undefined) && { target: { image: image ?? 0, slot: slot ?? OTHER_SLOT } }),
  });
  // What there is to say of the signature says the plan.
  for (const { message } of pkg.inconsistencies) shell.warn(`note: ${message}`);
  return asInput(() => smpUpdateImages(pkg, { slot }));
}

function optionsOf(flags: UpdateFlags): Partial<SmpUpdateOptions> {
  const { mode, swapTime, window, align, bufferSize } = flags;
  return {
    ...(mode !== undefined && { mode }),
    ...(swapTime !== undefined && { swapSeconds: swapTime }),
    ...(window !== undefined && { window }),
    ...(align !== undefined && { alignment: align as 1 | 2 | 4 | 8 | 16 }),
    ...(bufferSize !== undefined && { bufferSize }),
    upgradeOnly: flags.upgradeOnly === true,
    ignoreDependencies: flags.ignoreDependencies === true,
    eraseSettings: flags.eraseSettings === true,
    forceReset: flags.forceReset === true,
  };
}

function stateOf({ phase, image, trouble, sent, ...progress }: SmpUpdateProgress): TransferState {
  const isMoving = phase === 'uploading';
  return {
    ...progress,
    doing: trouble === null ? phaseText(phase, image) : `${phaseText(phase, image)} (${printable(trouble.message)})`,
    percent: isMoving ? progress.percent : null,
  };
}

/** One JSON event at each change of a phase or a percent, and once a second. */
function tellProgress(shell: Shell): (progress: SmpUpdateProgress) => void {
  let told = '';
  let toldAt = Number.NEGATIVE_INFINITY;
  return (progress) => {
    const { phase, percent, image, trouble } = progress;
    const state = `${phase} ${Math.floor(percent)} ${image} ${trouble?.code}`;
    const now = shell.io.now();
    if (state === told && now - toldAt < EVENT_INTERVAL) return;
    told = state;
    toldAt = now;
    shell.event({ type: 'progress', ...progress });
  };
}

function endOfPlan(shell: Shell, plan: SmpUpdatePlan): ExitCode {
  const { error, device, mode, images, steps, notes, seconds, resumes } = plan;
  shell.result(
    {
      device: describeDevice(plan),
      mode,
      images: images.map(({ version, ...image }) => ({ ...image, version: formatVersion(version) })),
      steps,
      notes,
      etaSeconds: seconds,
      resumes,
      ...(error && { error }),
    },
    error === null,
  );
  if (error === null) return ExitCode.done;
  if (!shell.json) shell.complain(error);
  return device.slots.length === 0 ? exitOf(error) : ExitCode.failed;
}

function finish(shell: Shell, session: SmpSession, plan: SmpUpdatePlan, report: SmpUpdateReport): ExitCode {
  const { outcome, succeeded, error, images, stats, notes, resumable } = report;
  shell.result(
    {
      outcome,
      mode: plan.mode,
      device: describeDevice(plan),
      images: images.map(({ hash, version, ...image }) => ({
        ...image,
        version: formatVersion(version),
        hash: toHex(hash),
      })),
      notes,
      stats,
      resumable,
      ...(error && { error }),
    },
    succeeded,
  );
  if (!shell.json) {
    // What the plan has said already is not said again.
    const known = new Set(plan.notes.map(({ message }) => message));
    for (const { message } of notes) if (!known.has(message)) shell.say(`note: ${printable(message)}`);
    const { green, red } = shell.style;
    const rate = stats.bytesPerSecond === null ? '' : `, ${formatRate(stats.bytesPerSecond)}`;
    shell.say();
    shell.say((succeeded ? green : red)(outcomeText(outcome)));
    shell.say(`${session.duration(stats.totalSeconds)}${rate}`);
    if (error !== null) shell.complain(error);
  }
  if (succeeded) return ExitCode.done;
  return error === null ? ExitCode.failed : exitOf(error);
}

function describeDevice({ device }: SmpUpdatePlan): Record<string, unknown> {
  const slots = device.slots.map(({ hash, ...slot }) => ({ ...slot, hash: hash === null ? null : toHex(hash) }));
  return { ...device, slots };
}

function interrupted(shell: Shell, { folder }: SmpSession, path: string, last?: SmpUpdateProgress): MeshError {
  const where =
    last === undefined ? '' : ` while ${phaseText(last.phase, last.image)}, ${Math.floor(last.percent)} % sent`;
  if (folder === undefined) {
    return new MeshError('interrupted', `interrupted${where}; nothing could be saved`, {
      hint: 'A simulated device without --state ends with the process: give --state DIR to be able to resume.',
    });
  }
  return new MeshError('interrupted', `interrupted${where}; the state is saved in ${folder}`, {
    hint: `Go on with: meshferry smp update ${quoteArguments([path, ...shell.network])}`,
  });
}
