import { formatAddress, MeshError } from '@meshferry/core';
import type { TargetCheck, UpdateForecast } from '@meshferry/node';
import { chooseWay } from '../bearers/way.ts';
import { ExitCode } from '../shell/exit.ts';
import { formatFirmwareId, formatSeconds, formatSize, plural } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { chooseGroup } from '../update/group.ts';
import { type Mesh, withMesh } from '../update/mesh.ts';
import { type ImageFlags, loadUpdateImage, type UpdateImage } from '../update/update-image.ts';
import { checkInterrupted } from './dfu-targets.ts';

/** Options of `dfu plan` as the parser gives them. */
export interface PlanFlags extends ImageFlags {
  readonly targets?: readonly number[];
  readonly group?: string | true;
  readonly settings?: 'auto' | 'stock';
  readonly anyCompany?: boolean;
  readonly mode?: 'push' | 'pull';
  readonly targetImage?: number;
  readonly probe?: boolean;
  readonly airtime?: number;
}

/** What applying does to a node, by Additional Information, in the words of the simulator's `effect`. */
const EFFECTS = ['none', 'composition-norpr', 'composition', 'unprovision'];

/** `Timeout Base` of an update unless told otherwise. */
const TIMEOUT_BASE = 3;

/** `dfu plan FILE` */
export async function dfuPlan(shell: Shell, [path = '']: readonly string[], flags: PlanFlags): Promise<ExitCode> {
  const way = chooseWay(shell);
  const imageFor = await loadUpdateImage(shell.io, path, flags);
  return withMesh(
    shell,
    async (mesh) => {
      const image = imageFor(mesh.company);
      const targets = mesh.chooseTargets(flags.targets);
      mesh.limitAir(flags.airtime);
      const begun = mesh.session.clock.now;
      const asked = mesh.job.checkTargets(
        targets,
        mesh.appIndex,
        image.metadata,
        flags.anyCompany ? undefined : image.firmwareId,
        flags.targetImage,
      );
      const checks = await mesh.run(asked, checkInterrupted);
      const checkSeconds = (mesh.session.clock.now - begun) / 1000;
      const plan = await planFor(mesh, image, checks, flags, checkSeconds);
      const accepting = checks.filter(({ accepts }) => accepts).length;
      const error = obstacle(checks, accepting, plan);
      shell.result({ targets: checks.map(describe), ...describePlan(plan), ...(error && { error }) }, !error);
      if (!shell.json) say(shell, image, checks, plan);
      if (error === undefined) return ExitCode.done;
      if (!shell.json) shell.complain(error);
      return plan === undefined ? ExitCode.failed : ExitCode.partly;
    },
    way,
  );
}

/** What stands in the way of updating all of them. */
function obstacle(checks: readonly TargetCheck[], accepting: number, plan: Plan | undefined): MeshError | undefined {
  const targets = checks.length;
  if (accepting < targets) {
    const refusing = `${targets - accepting} of ${plural(targets, 'target')} would not take the image`;
    const hint = checks.find(({ error }) => error?.hint !== undefined)?.error?.hint;
    return new MeshError('image-refused', refusing, hint === undefined ? {} : { hint });
  }
  if (plan !== undefined) return undefined;
  return new MeshError('no-common-sizes', 'the targets have no sizes of blocks and chunks in common', {
    hint: 'Update those with the same limits together, see --targets.',
  });
}

interface Plan extends UpdateForecast {
  /** `0xc000`, or `unicast`. */
  readonly destination: string;
}

/** For the targets that accept the image; undefined when none does, or when they have no sizes in common. */
async function planFor(
  mesh: Mesh,
  image: UpdateImage,
  checks: readonly TargetCheck[],
  flags: PlanFlags,
  checkSeconds: number,
): Promise<Plan | undefined> {
  const accepting = checks.filter(({ accepts }) => accepts).map(({ address }) => address);
  if (accepting.length === 0) return undefined;
  const group = chooseGroup(flags.group, checks.length);
  const forecast = await mesh.run(
    mesh.job.forecast({
      size: image.bytes.length,
      targets: accepting,
      everybody: true,
      checkSeconds,
      appIndex: mesh.appIndex,
      probe: flags.probe,
      ...group,
      ...(flags.mode === undefined ? {} : { mode: flags.mode }),
      ...(flags.settings === undefined ? {} : { settings: flags.settings }),
    }),
    checkInterrupted,
  );
  if (forecast === undefined || forecast.plan.refused.length === accepting.length) return undefined;
  const { expected, low, high } = forecast.seconds;
  const toGroup = group !== undefined && !forecast.plan.byUnicast;
  return {
    ...forecast,
    // The update checks them as well.
    seconds: { expected: expected + checkSeconds, low: low + checkSeconds, high: high + checkSeconds },
    destination: toGroup ? formatAddress(group.group) : 'unicast',
  };
}

function describe({ address, firmwareId, accepts, effect, error }: TargetCheck): Record<string, unknown> {
  return {
    address: formatAddress(address),
    accepts,
    effect: effect === null ? null : (EFFECTS[effect] ?? `reserved ${effect}`),
    reason: error === null ? null : error.message,
    version: firmwareId && formatFirmwareId(firmwareId),
  };
}

function describePlan(plan: Plan | undefined): Record<string, unknown> {
  if (plan === undefined) return { plan: null, etaSeconds: null, airtimeShare: null, radio: null };
  const { expected, low, high } = plan.seconds;
  const { mode, chunkSize, blockSizeLog, copies, seconds } = plan.plan;
  return {
    plan: { mode, destination: plan.destination, chunkSize, blockSizeLog, copies, timeoutBase: TIMEOUT_BASE },
    // `transfer` is the part of it in which the image is sent.
    etaSeconds: {
      expected: Math.round(expected),
      low: Math.round(low),
      high: Math.round(high),
      transfer: Math.round(seconds),
    },
    airtimeShare: Math.round(plan.airtimeShare * 10_000) / 10_000,
    radio: describeRadio(plan),
  };
}

/** What the radio was found to be like: share of advertising events that targets miss, of how many; null: not measured. */
function describeRadio({ outlook }: Plan): { loss: number; events: number } | null {
  let events = 0;
  let missed = 0;
  for (const each of outlook.receivers.values()) {
    events += each.events;
    missed += each.events * each.loss;
  }
  return events === 0 ? null : { loss: Math.round((1000 * missed) / events) / 1000, events };
}

function say(shell: Shell, image: UpdateImage, checks: readonly TargetCheck[], plan: Plan | undefined): void {
  const { dim, green, red } = shell.style;
  const rows = checks.map(({ address, firmwareId, accepts, effect, error }) => [
    formatAddress(address),
    formatFirmwareId(firmwareId),
    accepts ? green('accepts') : red('refuses'),
    effect === null ? '' : (EFFECTS[effect] ?? ''),
    error === null ? '' : red(error.message),
  ]);
  for (const line of alignColumns([['target', 'runs', 'image', 'effect', ''].map(dim), ...rows])) shell.say(line);
  shell.say();
  const accepting = plural(checks.filter(({ accepts }) => accepts).length, 'target');
  shell.say(`${formatSize(image.bytes.length)}, version ${formatFirmwareId(image.firmwareId)}, to ${accepting}`);
  if (plan === undefined) return;
  const { chunkSize, blockSizeLog, copies } = plan.plan;
  const { expected, low, high } = plan.seconds;
  shell.say(
    `${plan.plan.mode} to ${plan.destination}, blocks of ${2 ** blockSizeLog}, chunks of ${chunkSize} octets, ${plural(copies, 'time')} on the air`,
  );
  const radio = describeRadio(plan);
  if (radio !== null) {
    const percent = Math.round(1000 * radio.loss) / 10;
    shell.say(`the radio loses ${percent} % of what is sent (measured on ${radio.events} advertising events)`);
  }
  shell.say(
    `about ${formatSeconds(expected)} in all, ${formatSeconds(low)} to ${formatSeconds(high)}; ${formatSeconds(plan.plan.seconds)} of it to send the image`,
  );
}
