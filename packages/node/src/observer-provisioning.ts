/**
 * A PB-ADV PDU, told by its type; its content belongs to the two ends of the link [Mesh Protocol 1.1, 5.2.1, 5.3.1].
 */
export interface ObservedProvisioning {
  readonly kind: 'provisioning';
  /** 32 bits; undefined when the PDU is too short. */
  readonly linkId: number | undefined;
  readonly transaction: number | undefined;
  readonly pdu: ProvisioningPduType | undefined;
  /** Type of the Provisioning PDU that a Transaction Start begins. */
  readonly provisioningType: number | undefined;
  readonly error: string | undefined;
}

/** Generic Provisioning PDUs by the two low bits of their first octet, Bearer Control by its opcode. */
export type ProvisioningPduType =
  | 'transaction-start'
  | 'transaction-acknowledgment'
  | 'transaction-continuation'
  | 'link-open'
  | 'link-ack'
  | 'link-close'
  /** No PDU: the advertising of a device that can be provisioned over GATT. */
  | 'service-data';

const BY_FORMAT = ['transaction-start', 'transaction-acknowledgment', 'transaction-continuation'] as const;
const BEARER_CONTROL = ['link-open', 'link-ack', 'link-close'] as const;
/** Link ID (4), Transaction Number (1), Generic Provisioning Control (1). */
const HEAD_OCTETS = 6;
/** SegN, Total Length (2), FCS (1): then the Provisioning PDU. */
const START_OCTETS = 4;

/** What an AD structure of type PB-ADV holds. */
export function observeProvisioning(octets: Uint8Array): ObservedProvisioning {
  if (octets.length < HEAD_OCTETS) return unreadable('malformed: PB-ADV PDU shorter than 6 octets');
  const control = octets[5]!;
  const format = control & 0x03;
  const pdu = format === 3 ? BEARER_CONTROL[control >> 2] : BY_FORMAT[format];
  if (pdu === undefined) return unreadable(`malformed: Bearer Control opcode ${control >> 2}`);
  return {
    kind: 'provisioning',
    linkId: new DataView(octets.buffer, octets.byteOffset).getUint32(0),
    transaction: octets[4]!,
    pdu,
    provisioningType: pdu === 'transaction-start' ? octets[5 + START_OCTETS] : undefined,
    error: undefined,
  };
}

/** The advertising of a device that can be provisioned over GATT. */
export const PROVISIONING_SERVICE_DATA: ObservedProvisioning = without('service-data', undefined);

function unreadable(error: string): ObservedProvisioning {
  return without(undefined, error);
}

function without(pdu: ObservedProvisioning['pdu'], error: string | undefined): ObservedProvisioning {
  return { kind: 'provisioning', linkId: undefined, transaction: undefined, pdu, provisioningType: undefined, error };
}
