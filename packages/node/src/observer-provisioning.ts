import { decodePbAdvPdu, type GenericProvisioningPdu } from '@meshferry/provisioning';

/**
 * A PB-ADV PDU, told by its type; its content belongs to the two ends of the link [Mesh Protocol 1.1, 5.2.1, 5.3.1].
 */
export interface ObservedProvisioning {
  readonly kind: 'provisioning';
  /** 32 bits; undefined when the PDU cannot be read. */
  readonly linkId: number | undefined;
  readonly transaction: number | undefined;
  readonly pdu: ProvisioningPduType | undefined;
  /** Type of the Provisioning PDU that a Transaction Start begins. */
  readonly provisioningType: number | undefined;
  readonly error: string | undefined;
}

/** The Generic Provisioning PDUs. */
export type ProvisioningPduType =
  | GenericProvisioningPdu['kind']
  /** No PDU: the advertising of a device that can be provisioned over GATT. */
  | 'service-data';

/** What an AD structure of type PB-ADV holds. */
export function observeProvisioning(octets: Uint8Array): ObservedProvisioning {
  const decoded = decodePbAdvPdu(octets);
  if (!decoded.ok) return without(undefined, `malformed: PB-ADV ${decoded.error.field} ${decoded.error.reason}`);
  const { linkId, transaction, generic } = decoded.value;
  return {
    kind: 'provisioning',
    linkId,
    transaction,
    pdu: generic.kind,
    provisioningType: generic.kind === 'transaction-start' ? generic.data[0] : undefined,
    error: undefined,
  };
}

/** The advertising of a device that can be provisioned over GATT. */
export const PROVISIONING_SERVICE_DATA: ObservedProvisioning = without('service-data', undefined);

function without(pdu: ObservedProvisioning['pdu'], error: string | undefined): ObservedProvisioning {
  return { kind: 'provisioning', linkId: undefined, transaction: undefined, pdu, provisioningType: undefined, error };
}
