/** Why received octets are not a PDU: the field, where it stands (octets from the start), and what is wrong. */
export interface PduError {
  readonly field: string;
  readonly offset: number;
  readonly reason: string;
}
