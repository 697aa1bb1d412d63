import { MeshError, toHex } from '@meshferry/core';
import type { JobPhase } from './update-job-types.ts';

export function noJob(): MeshError {
  return new MeshError('no-job', 'there is no unfinished update', {
    hint: 'Start one with `meshferry dfu run`; --state must name the folder of the interrupted run.',
  });
}

export function otherImage(): MeshError {
  return new MeshError('other-image', 'the update is of another image', {
    hint: 'Go on with the same file, or give it up with `meshferry dfu cancel`.',
  });
}

export function unfinishedJob(firmwareId: Uint8Array): MeshError {
  return new MeshError('job-unfinished', `an update to ${toHex(firmwareId)} was not finished`, {
    hint: 'Go on with --resume, or give it up with `meshferry dfu cancel`.',
  });
}

export function notVerified(phase: JobPhase): MeshError {
  return new MeshError('not-verified', `the update is at "${phase}": there is nothing to apply yet`, {
    hint: 'Go on with `meshferry dfu run FILE --resume` first.',
  });
}

export function nothingToSuspend(phase: JobPhase): MeshError {
  return new MeshError('nothing-to-suspend', `the update is at "${phase}": no image is being sent`, {
    hint: 'Ask what it is at with `meshferry dfu status`; give it up with `meshferry dfu cancel`.',
  });
}

export function nothingToRetry(): MeshError {
  return new MeshError('nothing-to-retry', 'no target of the last update has failed, or there was none', {
    hint: 'Start an update with `meshferry dfu run`; --state must name the folder of the last one.',
  });
}

export function noImage(): MeshError {
  return new MeshError('image-needed', 'the image is needed to go on with the transfer', {
    hint: 'Resume with `meshferry dfu run FILE --resume`.',
  });
}
