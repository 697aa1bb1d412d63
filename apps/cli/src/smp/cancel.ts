import { discardSmpUpdate, unfinishedSmpUpdate } from '@meshferry/smp';
import { badInput, ExitCode } from '../shell/exit.ts';
import { printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { withSmp } from './session.ts';

/** `smp cancel`: another file can be sent after it. */
export function smpCancel(shell: Shell): Promise<ExitCode> {
  return withSmp(shell, async ({ store }) => {
    const unfinished = unfinishedSmpUpdate(store);
    if (unfinished === undefined) {
      throw badInput('no-job', 'no update of this device is unfinished', 'Check --bearer and --state.');
    }
    discardSmpUpdate(store);
    const images = unfinished.images.map(({ image, file, version }) => ({ image, file, version }));
    shell.result({ images, wasReset: unfinished.wasReset });
    for (const { file, version } of images)
      shell.say(`forgotten: ${printable(file ?? 'an image')} ${printable(version)}`);
    if (unfinished.wasReset) shell.say('The device was told to reset into it: "meshferry smp list" shows what runs.');
    return ExitCode.done;
  });
}
