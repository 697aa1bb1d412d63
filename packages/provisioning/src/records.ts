import { type ProvisioningPdu, RECORD_RESPONSE_HEAD_OCTETS } from './pdu.ts';

/** Record IDs [Mesh Protocol 1.1, 5.5]; others are reserved. */
export const PROVISIONING_RECORDS = {
  /** URI in UTF-8 under which certificates can be fetched. */
  certificateBaseUri: 0x0000,
  /** X.509 in DER. */
  deviceCertificate: 0x0001,
  /** The first of up to fifteen, one ID each. */
  intermediateCertificate1: 0x0002,
  intermediateCertificate15: 0x0010,
  /** UTF-8. */
  completeLocalName: 0x0011,
  appearance: 0x0012,
} as const;

/** Status of a Record Response [5.4.1.12]. */
export const RECORD_SUCCESS = 0x00;
export const RECORD_NOT_PRESENT = 0x01;
export const RECORD_OFFSET_OUT_OF_BOUNDS = 0x02;

/** A request for records, or one part of one. */
export type RecordQuestion = Extract<ProvisioningPdu, { readonly type: 'records-get' | 'record-request' }>;

/** The device's answer, in a PDU that the bearer can carry [5.4.2.6]. `records` by Record ID. */
export function answerRecordQuestion(
  question: RecordQuestion,
  records: ReadonlyMap<number, Uint8Array>,
  maxPdu: number,
): ProvisioningPdu {
  if (question.type === 'records-get') {
    return { type: 'records-list', extensions: 0, recordIds: [...records.keys()].sort((a, b) => a - b) };
  }
  const { recordId, fragmentOffset, fragmentMaximumSize } = question;
  const record = records.get(recordId);
  const head = { type: 'record-response', recordId, fragmentOffset, data: new Uint8Array(0) } as const;
  if (record === undefined) return { ...head, status: RECORD_NOT_PRESENT, totalLength: 0 };
  const totalLength = record.length;
  if (fragmentOffset >= totalLength) return { ...head, status: RECORD_OFFSET_OUT_OF_BOUNDS, totalLength };
  const size = Math.min(fragmentMaximumSize, maxPdu - RECORD_RESPONSE_HEAD_OCTETS);
  const data = record.subarray(fragmentOffset, fragmentOffset + size);
  return { ...head, status: RECORD_SUCCESS, totalLength, data };
}
