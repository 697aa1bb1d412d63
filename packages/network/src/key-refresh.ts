import type { KeyRefreshPhase } from './key-records.ts';

/**
 * What moves a subnet through a Key Refresh: a new value of the NetKey (Config NetKey Update); an authentic beacon or
 * Friend Update secured with the new key and this Key Refresh Flag; Config Key Refresh Phase Set with this Transition.
 */
export type KeyRefreshEvent = 'new-value' | 'flag-0' | 'flag-1' | 'transition-2' | 'transition-3';

const TRANSITIONS: Readonly<Record<KeyRefreshPhase, Partial<Record<KeyRefreshEvent, KeyRefreshPhase>>>> = {
  0: { 'new-value': 1, 'flag-0': 0, 'flag-1': 0, 'transition-3': 0 },
  1: { 'flag-0': 0, 'flag-1': 2, 'transition-2': 2, 'transition-3': 0 },
  2: { 'flag-0': 0, 'flag-1': 2, 'transition-2': 2, 'transition-3': 0 },
};

/**
 * The phase after an event, or undefined when it is not allowed in this one [Mesh Protocol 1.1, 3.11.4]. Entering 0 from
 * another phase revokes the old keys.
 */
export function nextPhase(phase: KeyRefreshPhase, event: KeyRefreshEvent): KeyRefreshPhase | undefined {
  return TRANSITIONS[phase][event];
}
