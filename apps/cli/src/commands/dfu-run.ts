import { toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { UpdateRequest } from '@meshferry/node';
import { chooseWay } from '../bearers/way.ts';
import { recordingTo } from '../capture/record.ts';
import { badInput, type ExitCode } from '../shell/exit.ts';
import { formatFirmwareId } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { chooseGroup } from '../update/group.ts';
import { type Mesh, withMesh } from '../update/mesh.ts';
import { finishUpdate } from '../update/result.ts';
import { runUpdate, sameNetwork } from '../update/run-update.ts';
import { checkSmpUri, checkSmpWay, offeringSmp } from '../update/smp-way.ts';
import { type ImageFlags, loadUpdateImage, type UpdateImage } from '../update/update-image.ts';

/** Options of `dfu run` as the parser gives them. */
export interface RunFlags extends ImageFlags {
  readonly targets?: readonly number[];
  readonly group?: string | true;
  readonly distributor?: 'self' | number;
  readonly policy?: 'verify' | 'apply';
  readonly mode?: 'push' | 'pull';
  readonly airtime?: number;
  readonly settings?: 'auto' | 'stock';
  readonly via?: 'mesh' | 'smp';
  readonly smp?: string;
  readonly resume?: boolean;
  readonly capture?: string;
  readonly oobUri?: string;
  readonly retries?: number;
  readonly skipCurrent?: boolean;
  readonly anyCompany?: boolean;
  readonly reprovision?: boolean;
  readonly targetImage?: number;
  readonly probe?: boolean;
  readonly tune?: boolean;
}

/** How often lost targets are taken up again when nothing else is said. */
const RETRIES = 1;

/** `dfu run FILE` */
export async function dfuRun(typed: Shell, [path = '']: readonly string[], flags: RunFlags): Promise<ExitCode> {
  const shell = flags.via === 'smp' && flags.resume !== true ? offeringSmp(typed) : typed;
  const way = chooseWay(shell);
  const imageFor = await loadUpdateImage(shell.io, path, flags);
  return withMesh(
    shell,
    async (mesh) => {
      const image = imageFor(mesh.company);
      if (flags.allowInconsistent)
        for (const warning of image.warnings) shell.say(shell.style.yellow(`note: ${warning}`));
      const resume = flags.resume === true;
      const request = resume ? resumedRequest(mesh, image, flags) : newRequest(shell, mesh, image, flags);
      if (!resume) await checkSmpWay(shell, mesh.session, flags, request.distributor);
      else if (flags.smp !== undefined) await checkSmpUri(shell, flags.smp);
      if (!resume || flags.smp !== undefined) mesh.smpUri = flags.smp;
      if (!resume) mesh.image = image.bytes;
      if (!resume || flags.airtime !== undefined) mesh.airtime = flags.airtime;
      const finished = await recordingTo(flags.capture, shell, mesh, () =>
        runUpdate(shell, mesh, request.targets.length, (job, onProgress) => job.run(request, { resume, onProgress })),
      );
      return finishUpdate(shell, mesh, { ...image, ...request }, finished);
    },
    way,
  );
}

function newRequest(shell: Shell, mesh: Mesh, image: UpdateImage, flags: RunFlags): UpdateRequest {
  refuseUnfinished(shell, mesh, image);
  const targets = mesh.chooseTargets(flags.targets);
  const group = chooseGroup(flags.group, targets.length);
  const distributor = mesh.chooseDistributor(flags.distributor);
  if (flags.oobUri !== undefined && distributor === undefined) {
    throw badInput(
      'no-distributor',
      '--oob-uri is for a Distributor that fetches the image itself',
      'Give --distributor ADDR, or fetch the image with "meshferry fw fetch" and leave --oob-uri out.',
    );
  }
  return {
    image: image.bytes,
    metadata: image.metadata,
    firmwareId: image.firmwareId,
    targets,
    appIndex: mesh.appIndex,
    ...group,
    ...(distributor === undefined ? {} : { distributor }),
    ...(flags.policy === undefined ? {} : { policy: flags.policy }),
    ...(flags.mode === undefined ? {} : { mode: flags.mode }),
    ...(flags.settings === undefined ? {} : { settings: flags.settings }),
    ...(flags.oobUri === undefined ? {} : { oobUri: flags.oobUri }),
    ...(flags.via === undefined ? {} : { via: flags.via }),
    ...(flags.targetImage === undefined ? {} : { imageIndex: flags.targetImage }),
    retries: flags.retries ?? RETRIES,
    skipCurrent: flags.skipCurrent === true,
    anyCompany: flags.anyCompany === true,
    reprovision: flags.reprovision === true,
    ...(flags.probe === false && { probe: false }),
    ...(flags.tune === false && { tune: false }),
  };
}

/** An interrupted update is never restarted silently. */
function refuseUnfinished(shell: Shell, mesh: Mesh, image: UpdateImage): void {
  const saved = mesh.job.saved();
  if (saved === undefined) return;
  const same = saved.imageSha256 === toHex(portableCrypto.sha256(image.bytes));
  const of = same ? 'this image' : `another image, ${formatFirmwareId(saved.request.firmwareId)},`;
  const first = same ? 'Go on with --resume' : 'Go on with it by giving its file and --resume';
  throw badInput(
    'job-unfinished',
    `an update with ${of} was not finished (${saved.phase})`,
    `${first}, or give it up with: meshferry dfu cancel ${sameNetwork(shell)}`,
  );
}

const SETTLED = [
  'targets',
  'group',
  'distributor',
  'policy',
  'mode',
  'settings',
  'oobUri',
  'via',
  'retries',
  'skipCurrent',
  'anyCompany',
  'reprovision',
  'targetImage',
] as const;

/** Their options say no. */
const NEGATED = ['probe', 'tune'] as const;

/** Who takes part and how the image is sent was settled when the update began. */
function resumedRequest(mesh: Mesh, image: UpdateImage, flags: RunFlags): UpdateRequest {
  const settled = SETTLED.find((name) => name in flags) ?? NEGATED.find((name) => flags[name] === false);
  if (settled !== undefined) {
    throw badInput(
      'settled-at-start',
      `--${NEGATED.some((name) => name === settled) ? 'no-' : ''}${settled.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} cannot be given with --resume: it was settled when the update began`,
      'Leave it out, or give the update up with "dfu cancel" and start again.',
    );
  }
  const saved = mesh.job.saved();
  if (saved !== undefined) return { ...saved.request, image: image.bytes };
  const hint =
    mesh.session.folder === undefined
      ? 'Give --state with the folder of the interrupted update.'
      : 'Start one without --resume; check --bearer and --state, each URI has a state of its own.';
  throw badInput('no-job', 'there is no unfinished update to resume', hint);
}
