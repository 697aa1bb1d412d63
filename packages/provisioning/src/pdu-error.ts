/** Why received octets are no Provisioning PDU: `type` for the device's Invalid PDU, `format` for its Invalid Format. */
export interface ProvisioningPduError {
  readonly kind: 'type' | 'format';
  readonly field: string;
  /** Octets from the start of the PDU, its type octet included. */
  readonly offset: number;
  readonly reason: string;
}

/** A field that the specification does not allow so. */
export function badFormat(
  field: string,
  offset: number,
  reason: string,
): { readonly ok: false; readonly error: ProvisioningPduError } {
  return { ok: false, error: { kind: 'format', field, offset, reason } };
}
