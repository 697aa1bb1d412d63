import type { JobPhase, JobProgress } from '@meshferry/node';
import { formatRate, formatSeconds } from '../shell/format.ts';

const DOING: Readonly<Record<JobPhase, string>> = {
  preparing: 'giving keys and group',
  checking: 'asking the targets',
  uploading: 'uploading to the Distributor',
  starting: 'starting',
  transferring: 'sending the image',
  suspended: 'suspended',
  verifying: 'waiting for verification',
  verified: 'verified',
  applying: 'applying',
  confirming: 'confirming',
  refreshing: 'following what the image changed',
  undoing: 'taking back what was prepared',
  cancelling: 'cancelling',
  done: 'done',
};

/** What the job does now, for people. */
export function phaseText(phase: JobPhase): string {
  return DOING[phase];
}

/** Whether percent, blocks and rate mean something in this phase. */
export function isMoving(phase: JobPhase): boolean {
  return phase === 'transferring' || phase === 'uploading';
}

/** `42/84 blocks, 402 B/s, 7 min 10 s left`: what is known of it. Seconds are those of the network, not of this machine. */
export function rateText({ blocks, bytesPerSecond, secondsLeft }: JobProgress): string {
  const parts = [];
  if (blocks.of > 0) parts.push(`${blocks.done}/${blocks.of} blocks`);
  if (bytesPerSecond !== null) parts.push(formatRate(bytesPerSecond));
  if (secondsLeft !== null) parts.push(`${formatSeconds(secondsLeft)} left`);
  return parts.join(', ');
}

/** `, about 7 min` when an image begins to be sent, and it was found out what that takes. */
export function expectedText({ phase, percent, secondsLeft }: JobProgress): string {
  return isMoving(phase) && percent === 0 && secondsLeft !== null ? `, about ${formatSeconds(secondsLeft)}` : '';
}
