import { opcodeAt, opcodeSize } from '@meshferry/access';
import { formatAddress, toHex } from '@meshferry/core';
import type { ProxyIdentity } from '@meshferry/network';
import type { ObservedControl, ObservedMessage } from '@meshferry/node';
import { controlByOpcode, MESSAGES, PROXY_CONFIGURATION_NAMES, PROXY_IDENTITY_NAMES } from './catalogue.ts';
import type { ObservedConfiguration } from './proxy-observer.ts';

/** A message as its declaration reads it. */
export interface NamedMessage {
  /** `0x830a`; null when the message begins with none. */
  readonly opcode: string | null;
  /** Null for an opcode that no declaration has. */
  readonly name: string | null;
  /** Octets in hex, numbers of 64 bits as 16 hex digits; null when it cannot be read. */
  readonly fields: Readonly<Record<string, FieldValue>> | null;
  /** Why its fields cannot be read: the one that is wrong, and the reason. */
  readonly malformed: string | undefined;
}

export type FieldValue = string | number | boolean | readonly FieldValue[] | { readonly [name: string]: FieldValue };

export function nameMessage({ payload }: ObservedMessage): NamedMessage {
  const number = opcodeAt(payload);
  if (number < 0) return { opcode: null, name: null, fields: null, malformed: undefined };
  const opcode = `0x${number.toString(16).padStart(2 * opcodeSize(number), '0')}`;
  const type = MESSAGES.byOpcode(number);
  if (type === undefined) return { opcode, name: null, fields: null, malformed: undefined };
  const decoded = type.decode(payload);
  if (decoded.ok) return { opcode, name: type.name, fields: plainFields(decoded.value), malformed: undefined };
  const { field, reason } = decoded.error;
  return { opcode, name: type.name, fields: null, malformed: `${field}: ${reason}` };
}

export function nameControl({ opcode, parameters }: ObservedControl): NamedMessage {
  const number = `0x${opcode.toString(16).padStart(2, '0')}`;
  const type = controlByOpcode(opcode);
  if (type === undefined) return { opcode: number, name: null, fields: null, malformed: undefined };
  const decoded = type.decode(parameters);
  if (decoded.ok) return { opcode: number, name: type.name, fields: plainFields(decoded.value), malformed: undefined };
  const { field, reason } = decoded.error;
  return { opcode: number, name: type.name, fields: null, malformed: `${field}: ${reason}` };
}

export function nameConfiguration({ payload, configuration, error }: ObservedConfiguration): NamedMessage {
  const opcode = payload?.[0];
  if (opcode === undefined) return { opcode: null, name: null, fields: null, malformed: error };
  const named = {
    opcode: `0x${opcode.toString(16).padStart(2, '0')}`,
    name: PROXY_CONFIGURATION_NAMES[opcode] ?? null,
  };
  if (configuration === undefined) return { ...named, fields: null, malformed: error };
  const { type: _, ...members } = configuration;
  const fields = plainFields(members);
  if ('addresses' in configuration) fields.addresses = configuration.addresses.map(formatAddress);
  return { ...named, fields, malformed: undefined };
}

/** Service data of a Proxy Server; `opcode` is the Identification Type. */
export function nameIdentity({ type, ...members }: ProxyIdentity): NamedMessage {
  const number = Object.keys(PROXY_IDENTITY_NAMES).indexOf(type);
  const opcode = `0x${number.toString(16).padStart(2, '0')}`;
  return { opcode, name: PROXY_IDENTITY_NAMES[type], fields: plainFields(members), malformed: undefined };
}

function plainFields(value: unknown): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {};
  for (const [name, member] of Object.entries(value as object)) {
    if (member !== undefined) fields[name] = plain(member);
  }
  return fields;
}

function plain(value: unknown): FieldValue {
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value === 'bigint') return value.toString(16).padStart(16, '0');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) return plainFields(value);
  return value as string | number | boolean;
}
