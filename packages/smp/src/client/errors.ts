import { MeshError } from '@meshferry/core';
import type { SmpMalformed } from '../message.ts';
import { describeRefusal, type SmpRefusal } from '../refusal.ts';

/** A device's refusal of a request, code `smp-refused`; the hint is the remedy. */
export class SmpRefusedError extends MeshError {
  readonly refusal: SmpRefusal;

  /** `command` and `group` of the request. */
  constructor(command: string, group: number, refusal: SmpRefusal) {
    super('smp-refused', `${command} refused: ${describeRefusal(refusal, group)}`, { hint: refusal.remedy });
    this.name = 'SmpRefusedError';
    this.refusal = refusal;
  }

  override toJSON(): ReturnType<MeshError['toJSON']> & { refusal: Omit<SmpRefusal, 'fields' | 'remedy'> } {
    const { fields: _, remedy: __, ...refusal } = this.refusal;
    return { ...super.toJSON(), refusal };
  }
}

/** Whether the device refused with this code: of the SMP layer (`smp`), or of a group. */
export function isRefusal(error: unknown, from: 'smp' | number, code: number): error is SmpRefusedError {
  if (!(error instanceof SmpRefusedError)) return false;
  const { layer, group } = error.refusal;
  return error.refusal.code === code && (from === 'smp' ? layer === 'smp' : layer === 'group' && group === from);
}

/** Errors after which only a new connection helps; what was going on may then go on. */
const RECONNECT = new Set(['link-lost', 'bearer-closed', 'smp-no-reassembly', 'smp-silent']);

/** Whether a new connection is what helps: the link is gone, or the device holds half of a packet that spoils the next ones. */
export function wantsReconnect(error: unknown): boolean {
  return error instanceof MeshError && RECONNECT.has(error.code);
}

export function noAnswer(command: string, ms: number): MeshError {
  return new MeshError('smp-timeout', `no answer to "${command}" within ${ms / 1000} s`, {
    hint: 'Is the device in reach, awake and free? Over Bluetooth it may want pairing first: it says nothing then.',
  });
}

export function malformedAnswer({ command, field, reason }: SmpMalformed): MeshError {
  return new MeshError('smp-malformed-answer', `the answer to "${command}" cannot be read: ${field}: ${reason}`, {
    hint: 'The firmware of the device speaks another dialect; report it with a trace of the packets.',
  });
}

export function cancelled(what: string): MeshError {
  return new MeshError('cancelled', `"${what}" was cancelled`);
}

export function clientClosed(): MeshError {
  return new MeshError('smp-closed', 'the SMP client was closed', { hint: 'Connect again.' });
}

export function tooManyRequests(most: number): MeshError {
  return new MeshError('smp-too-many-requests', `more than ${most} requests wait for their answers`, {
    hint: 'Wait for some of them.',
  });
}

/** The transport took a packet and never said that there is room for the next. */
export function stuckTransport(ms: number): MeshError {
  return new MeshError('link-lost', `a packet could not be sent within ${ms / 1000} s`, {
    hint: 'The link is stuck: connect again.',
  });
}

/** A packet in pieces was not answered. */
export function noReassembly(octets: number, writeOctets: number): MeshError {
  return new MeshError(
    'smp-no-reassembly',
    `a packet of ${octets} octets in pieces of ${writeOctets} was not answered: the device does not put pieces together`,
    { hint: 'Connect again and send one packet with each write.' },
  );
}
