import { concat, ok, type Result } from '@meshferry/core';
import { decodeCapabilities, encodeCapabilities, type ProvisioningCapabilities } from './capabilities.ts';
import { badFormat, type ProvisioningPduError } from './pdu-error.ts';
import { decodeStart, encodeStart, type ProvisioningStart } from './start.ts';

/** The names of the PDUs by their type octet [Mesh Protocol 1.1, 5.4.1]. */
export const PROVISIONING_PDU_TYPES = [
  'invite',
  'capabilities',
  'start',
  'public-key',
  'input-complete',
  'confirmation',
  'random',
  'data',
  'complete',
  'failed',
  'record-request',
  'record-response',
  'records-get',
  'records-list',
] as const;

/** See {@link PROVISIONING_PDU_TYPES}. */
export type ProvisioningPduName = (typeof PROVISIONING_PDU_TYPES)[number];

/** A Provisioning PDU [Mesh Protocol 1.1, 5.4.1]. Numbers are big-endian on the wire. */
export type ProvisioningPdu =
  /** Attention Duration: seconds, 0 to 255. */
  | { readonly type: 'invite'; readonly attentionDuration: number }
  | { readonly type: 'capabilities'; readonly capabilities: ProvisioningCapabilities }
  | { readonly type: 'start'; readonly start: ProvisioningStart }
  /** 64 octets, X ‖ Y; not checked to be a point of the curve. */
  | { readonly type: 'public-key'; readonly publicKey: Uint8Array }
  | { readonly type: 'input-complete' }
  /** 16 octets (CMAC) or 32 (HMAC). */
  | { readonly type: 'confirmation'; readonly confirmation: Uint8Array }
  /** 16 octets (CMAC) or 32 (HMAC). */
  | { readonly type: 'random'; readonly random: Uint8Array }
  /** 33 octets: encrypted data ‖ MIC. */
  | { readonly type: 'data'; readonly sealed: Uint8Array }
  | { readonly type: 'complete' }
  /** Error Code, 8 bits. */
  | { readonly type: 'failed'; readonly error: number }
  | {
      readonly type: 'record-request';
      readonly recordId: number;
      readonly fragmentOffset: number;
      /** 1 to 0xFFFF. */
      readonly fragmentMaximumSize: number;
    }
  | {
      readonly type: 'record-response';
      /** 0 Success, 1 not present, 2 offset out of bounds; others are reserved. */
      readonly status: number;
      readonly recordId: number;
      readonly fragmentOffset: number;
      readonly totalLength: number;
      readonly data: Uint8Array;
    }
  | { readonly type: 'records-get' }
  /** Provisioning Extensions: 16 bits, none defined yet. */
  | { readonly type: 'records-list'; readonly extensions: number; readonly recordIds: readonly number[] };

/** Octets of a Record Response before its data, type octet included. */
export const RECORD_RESPONSE_HEAD_OCTETS = 8;

const PUBLIC_KEY_OCTETS = 64;
const DATA_OCTETS = 33;
const NOTHING = new Uint8Array(0);

/** The octets of a PDU, type octet first. Numbers are cut to their width. */
export function encodeProvisioningPdu(pdu: ProvisioningPdu): Uint8Array {
  return concat(Uint8Array.of(PROVISIONING_PDU_TYPES.indexOf(pdu.type)), parametersOf(pdu));
}

/** The PDU that the octets hold, or what is wrong with them; octets in the value are copies. */
export function decodeProvisioningPdu(octets: Uint8Array): Result<ProvisioningPdu, ProvisioningPduError> {
  const type = octets.length === 0 ? undefined : PROVISIONING_PDU_TYPES[octets[0]!];
  if (type === undefined) return badType(octets[0]);
  const parameters = octets.subarray(1);
  const view = new DataView(parameters.buffer, parameters.byteOffset, parameters.length);
  switch (type) {
    case 'invite':
      if (parameters.length !== 1) return badLength(type, '2');
      return ok({ type, attentionDuration: parameters[0]! });
    case 'capabilities': {
      const decoded = decodeCapabilities(parameters);
      return decoded.ok ? ok({ type, capabilities: decoded.value }) : decoded;
    }
    case 'start': {
      const decoded = decodeStart(parameters);
      return decoded.ok ? ok({ type, start: decoded.value }) : decoded;
    }
    case 'public-key':
      if (parameters.length !== PUBLIC_KEY_OCTETS) return badLength(type, '65');
      return ok({ type, publicKey: parameters.slice() });
    case 'confirmation':
      if (parameters.length !== 16 && parameters.length !== 32) return badLength(type, '17 or 33');
      return ok({ type, confirmation: parameters.slice() });
    case 'random':
      if (parameters.length !== 16 && parameters.length !== 32) return badLength(type, '17 or 33');
      return ok({ type, random: parameters.slice() });
    case 'data':
      if (parameters.length !== DATA_OCTETS) return badLength(type, '34');
      return ok({ type, sealed: parameters.slice() });
    case 'failed':
      if (parameters.length !== 1) return badLength(type, '2');
      return ok({ type, error: parameters[0]! });
    case 'record-request':
      return decodeRecordRequest(view);
    case 'record-response':
      return decodeRecordResponse(view, parameters);
    case 'records-list':
      return decodeRecordsList(view);
    case 'input-complete':
    case 'complete':
    case 'records-get':
      return parameters.length === 0 ? ok({ type }) : badLength(type, '1');
  }
}

function parametersOf(pdu: ProvisioningPdu): Uint8Array {
  switch (pdu.type) {
    case 'invite':
      return Uint8Array.of(pdu.attentionDuration);
    case 'capabilities':
      return encodeCapabilities(pdu.capabilities);
    case 'start':
      return encodeStart(pdu.start);
    case 'public-key':
      return pdu.publicKey;
    case 'confirmation':
      return pdu.confirmation;
    case 'random':
      return pdu.random;
    case 'data':
      return pdu.sealed;
    case 'failed':
      return Uint8Array.of(pdu.error);
    case 'record-request':
      return numbers(pdu.recordId, pdu.fragmentOffset, pdu.fragmentMaximumSize);
    case 'record-response': {
      const { status, recordId, fragmentOffset, totalLength, data } = pdu;
      return concat(Uint8Array.of(status), numbers(recordId, fragmentOffset, totalLength), data);
    }
    case 'records-list':
      return numbers(pdu.extensions, ...pdu.recordIds);
    case 'input-complete':
    case 'complete':
    case 'records-get':
      return NOTHING;
  }
}

function decodeRecordRequest(view: DataView): Result<ProvisioningPdu, ProvisioningPduError> {
  if (view.byteLength !== 6) return badLength('record-request', '7');
  const fragmentMaximumSize = view.getUint16(4);
  if (fragmentMaximumSize === 0) return badFormat('Fragment Maximum Size', 5, '0 is prohibited');
  return ok({
    type: 'record-request',
    recordId: view.getUint16(0),
    fragmentOffset: view.getUint16(2),
    fragmentMaximumSize,
  });
}

function decodeRecordResponse(view: DataView, parameters: Uint8Array): Result<ProvisioningPdu, ProvisioningPduError> {
  if (parameters.length < 7) return badLength('record-response', '8 or more');
  return ok({
    type: 'record-response',
    status: parameters[0]!,
    recordId: view.getUint16(1),
    fragmentOffset: view.getUint16(3),
    totalLength: view.getUint16(5),
    data: parameters.slice(7),
  });
}

function decodeRecordsList(view: DataView): Result<ProvisioningPdu, ProvisioningPduError> {
  if (view.byteLength < 2 || view.byteLength % 2 !== 0) return badLength('records-list', '3, 5, 7 …');
  const recordIds: number[] = [];
  for (let at = 2; at < view.byteLength; at += 2) recordIds.push(view.getUint16(at));
  return ok({ type: 'records-list', extensions: view.getUint16(0), recordIds });
}

/** 16 bits each. */
function numbers(...values: number[]): Uint8Array {
  const octets = new Uint8Array(2 * values.length);
  const view = new DataView(octets.buffer);
  for (let i = 0; i < values.length; i++) view.setUint16(2 * i, values[i]!);
  return octets;
}

function badLength(type: ProvisioningPduName, expected: string): ReturnType<typeof badFormat> {
  return badFormat(type, 0, `not ${expected} octets`);
}

/** The two padding bits belong to the octet that names the type: when they are set, no type is recognised. */
function badType(octet: number | undefined): Result<never, ProvisioningPduError> {
  const reason = octet === undefined ? 'missing' : `0x${octet.toString(16).padStart(2, '0')} is reserved`;
  return { ok: false, error: { kind: 'type', field: 'Type', offset: 0, reason } };
}
