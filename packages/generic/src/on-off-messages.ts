import { type FieldError, type MessageType, message, optional, u8, when } from '@meshferry/access';
import { type TransitionTime, transitionTime } from './transition-time.ts';

/* Generic OnOff models. */
const source = 'Mesh Model 1.1 3.2.1';

/** Asks for the Generic OnOff state. */
export const GenericOnOffGet = message({
  name: 'Generic OnOff Get',
  opcode: 0x8201,
  response: 'Generic OnOff Status',
  source,
  fields: {},
});

/** Switches off (0) or on (1), by a transition after `delay` × 5 ms when there is one; `tid` tells repetitions from new commands. */
export const GenericOnOffSet = message({
  name: 'Generic OnOff Set',
  opcode: 0x8202,
  response: 'Generic OnOff Status',
  source,
  fields: {
    onOff: u8({ max: 1 }),
    tid: u8(),
    transitionTime: optional(transitionTime({ max: 0x3e })),
    delay: when((soFar) => soFar.transitionTime !== undefined, u8()),
  },
  check: checkDelay,
});

/** As Generic OnOff Set, without an answer. */
export const GenericOnOffSetUnacknowledged = message({
  name: 'Generic OnOff Set Unacknowledged',
  opcode: 0x8203,
  source,
  fields: {
    onOff: u8({ max: 1 }),
    tid: u8(),
    transitionTime: optional(transitionTime({ max: 0x3e })),
    delay: when((soFar) => soFar.transitionTime !== undefined, u8()),
  },
  check: checkDelay,
});

/** Tells the state and, while it changes, where to and how long yet (63 steps: not known). */
export const GenericOnOffStatus = message({
  name: 'Generic OnOff Status',
  opcode: 0x8204,
  source,
  fields: {
    presentOnOff: u8({ max: 1 }),
    targetOnOff: optional(u8({ max: 1 })),
    remainingTime: when((soFar) => soFar.targetOnOff !== undefined, transitionTime({ max: 0x3f })),
  },
  check: checkRemaining,
});

/** All messages of the Generic OnOff models. */
export const GENERIC_ON_OFF_MESSAGES: readonly MessageType<unknown>[] = [
  GenericOnOffGet,
  GenericOnOffSet,
  GenericOnOffSetUnacknowledged,
  GenericOnOffStatus,
] as readonly MessageType<unknown>[];

/** Delay is there exactly when Transition Time is. */
function checkDelay(value: {
  transitionTime: TransitionTime | undefined;
  delay: number | undefined;
}): FieldError | undefined {
  const both = (value.transitionTime === undefined) === (value.delay === undefined);
  return both ? undefined : { field: 'delay', reason: 'goes with transitionTime' };
}

/** Remaining Time is there exactly when Target OnOff is. */
function checkRemaining(value: {
  targetOnOff: number | undefined;
  remainingTime: TransitionTime | undefined;
}): FieldError | undefined {
  const both = (value.targetOnOff === undefined) === (value.remainingTime === undefined);
  return both ? undefined : { field: 'remainingTime', reason: 'goes with targetOnOff' };
}
