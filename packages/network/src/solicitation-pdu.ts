import { MESH_PROXY_SOLICITATION_UUID, type ServiceData } from '@meshferry/bearer';
import { concat, fail, ok, type Result, UNASSIGNED, type Unicast } from '@meshferry/core';
import type { PduError } from './decode-error.ts';
import { decodeNetworkPdu, encodeNetworkPdu, type NetworkSecurity } from './pdu.ts';

/** Octets of a Solicitation PDU. */
export const SOLICITATION_PDU_OCTETS = 17;
/** SSEQ has 24 bits. */
export const SSEQ_MAX = 0xff_ffff;

const IDENTIFICATION_TYPE = 0x00;
const NOTHING = new Uint8Array(0);

/** Who solicits a proxy, and the number of its PDU. */
export interface Solicitation {
  /** Primary element of the client. */
  readonly ssrc: Unicast;
  /** 24 bits, a counter of its own. */
  readonly sseq: number;
}

/** A Solicitation PDU: managed flooding keys, the solicitation nonce, IV Index 0 [Mesh Protocol 1.1, 6.9.1]. */
export function encodeSolicitationPdu({ ssrc, sseq }: Solicitation, security: NetworkSecurity): Uint8Array {
  const pdu = { ctl: true, ttl: 0, seq: sseq, src: ssrc, dst: UNASSIGNED, transportPdu: NOTHING };
  return encodeNetworkPdu(pdu, security, 0, 'solicitation');
}

/** What the PDU says, or why it is to be ignored under this material. */
export function decodeSolicitationPdu(octets: Uint8Array, security: NetworkSecurity): Result<Solicitation, PduError> {
  if (octets.length !== SOLICITATION_PDU_OCTETS) return fail({ field: 'PDU', offset: 0, reason: 'not 17 octets' });
  const decoded = decodeNetworkPdu(octets, security, 0, 'solicitation');
  if (!decoded.ok) return decoded;
  const { ctl, ttl, seq, src, dst } = decoded.value;
  if (!ctl || ttl !== 0) return fail({ field: 'CTL TTL', offset: 1, reason: 'not 1 and 0' });
  if (dst !== UNASSIGNED) return fail({ field: 'DST', offset: 7, reason: 'not the unassigned address' });
  return ok({ ssrc: src, sseq: seq });
}

/** The service data that carry a Solicitation PDU. */
export function solicitationServiceData(pdu: Uint8Array): ServiceData {
  return { service: MESH_PROXY_SOLICITATION_UUID, data: concat(Uint8Array.of(IDENTIFICATION_TYPE), pdu) };
}

/** The Solicitation PDU in service data, or undefined: other service or reserved Identification Type. */
export function solicitationPduOf({ service, data }: ServiceData): Uint8Array | undefined {
  if (service !== MESH_PROXY_SOLICITATION_UUID || data[0] !== IDENTIFICATION_TYPE) return undefined;
  return data.subarray(1);
}
