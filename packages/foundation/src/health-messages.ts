import { list, type MessageType, message, u8, u16 } from '@meshferry/access';

/* Health models: faults, attention, fast publication. */
const source = 'Mesh Protocol 1.1 4.3.3';

/** Published: the faults that are present. */
export const HealthCurrentStatus = message({
  name: 'Health Current Status',
  opcode: 0x04,
  source,
  fields: { testId: u8(), companyId: u16(), faults: list(u8(), { max: 376 }) },
});

/** The faults that were seen since the last clear. */
export const HealthFaultStatus = message({
  name: 'Health Fault Status',
  opcode: 0x05,
  source,
  fields: { testId: u8(), companyId: u16(), faults: list(u8(), { max: 376 }) },
});

/** Asks for the Registered Faults of a company. */
export const HealthFaultGet = message({
  name: 'Health Fault Get',
  opcode: 0x8031,
  response: 'Health Fault Status',
  source,
  fields: { companyId: u16() },
});

/** Forgets the Registered Faults of a company. */
export const HealthFaultClear = message({
  name: 'Health Fault Clear',
  opcode: 0x802f,
  response: 'Health Fault Status',
  source,
  fields: { companyId: u16() },
});

/** As Health Fault Clear, without an answer. */
export const HealthFaultClearUnacknowledged = message({
  name: 'Health Fault Clear Unacknowledged',
  opcode: 0x8030,
  source,
  fields: { companyId: u16() },
});

/** Runs a test of a company; answered when it is over. */
export const HealthFaultTest = message({
  name: 'Health Fault Test',
  opcode: 0x8032,
  response: 'Health Fault Status',
  source,
  fields: { testId: u8(), companyId: u16() },
});

/** As Health Fault Test, without an answer. */
export const HealthFaultTestUnacknowledged = message({
  name: 'Health Fault Test Unacknowledged',
  opcode: 0x8033,
  source,
  fields: { testId: u8(), companyId: u16() },
});

/** Asks for the Health Fast Period Divisor. */
export const HealthPeriodGet = message({
  name: 'Health Period Get',
  opcode: 0x8034,
  response: 'Health Period Status',
  source,
  fields: {},
});

/** Sets the divisor: while a fault is present the Publish Period is divided by 2^divisor. */
export const HealthPeriodSet = message({
  name: 'Health Period Set',
  opcode: 0x8035,
  response: 'Health Period Status',
  source,
  fields: { fastPeriodDivisor: u8({ max: 15 }) },
});

/** As Health Period Set, without an answer. */
export const HealthPeriodSetUnacknowledged = message({
  name: 'Health Period Set Unacknowledged',
  opcode: 0x8036,
  source,
  fields: { fastPeriodDivisor: u8({ max: 15 }) },
});

/** Tells the Health Fast Period Divisor. */
export const HealthPeriodStatus = message({
  name: 'Health Period Status',
  opcode: 0x8037,
  source,
  fields: { fastPeriodDivisor: u8({ max: 15 }) },
});

/** Asks for the Attention Timer. */
export const HealthAttentionGet = message({
  name: 'Health Attention Get',
  opcode: 0x8004,
  response: 'Health Attention Status',
  source,
  fields: {},
});

/** Draws attention to the element for so many seconds; 0 ends it. */
export const HealthAttentionSet = message({
  name: 'Health Attention Set',
  opcode: 0x8005,
  response: 'Health Attention Status',
  source,
  fields: { attention: u8() },
});

/** As Health Attention Set, without an answer. */
export const HealthAttentionSetUnacknowledged = message({
  name: 'Health Attention Set Unacknowledged',
  opcode: 0x8006,
  source,
  fields: { attention: u8() },
});

/** Tells the seconds that are left of the attention. */
export const HealthAttentionStatus = message({
  name: 'Health Attention Status',
  opcode: 0x8007,
  source,
  fields: { attention: u8() },
});

/** All messages of the Health models. */
export const HEALTH_MESSAGES: readonly MessageType<unknown>[] = [
  HealthCurrentStatus,
  HealthFaultStatus,
  HealthFaultGet,
  HealthFaultClear,
  HealthFaultClearUnacknowledged,
  HealthFaultTest,
  HealthFaultTestUnacknowledged,
  HealthPeriodGet,
  HealthPeriodSet,
  HealthPeriodSetUnacknowledged,
  HealthPeriodStatus,
  HealthAttentionGet,
  HealthAttentionSet,
  HealthAttentionSetUnacknowledged,
  HealthAttentionStatus,
] as readonly MessageType<unknown>[];
