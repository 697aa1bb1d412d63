import { MeshError } from '@meshferry/core';
import { ExitCode, Stop } from '../shell/exit.ts';

/** What says that the device, or the way to it, is not there. */
const UNREACHABLE = [
  'connect-failed',
  'device-not-found',
  'link-lost',
  'pairing-needed',
  'scan-not-supported',
  'smp-no-answer',
  'smp-timeout',
  'smp-unreachable',
  'smp-link-unstable',
];
/** What says that the command does not fit what is kept, or what was typed. */
const MISFITS = [
  'bad-smp-uri',
  'several-devices',
  'smp-no-image',
  'smp-update-unfinished',
  'smp-update-running',
  'smp-too-late',
];

/** The exit code that goes with an error of SMP. */
export function exitOf({ code }: MeshError): ExitCode {
  if (UNREACHABLE.includes(code) || code.startsWith('bearer-')) return ExitCode.unavailable;
  return MISFITS.includes(code) ? ExitCode.usage : ExitCode.failed;
}

/** The same work; its errors end the command as {@link exitOf} says. */
export function reachable<T>(work: Promise<T>): Promise<T> {
  return work.catch((thrown: unknown) => {
    throw thrown instanceof MeshError ? new Stop(exitOf(thrown), thrown) : thrown;
  });
}
