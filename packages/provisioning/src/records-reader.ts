import { concat, fail, MeshError, ok, type Result } from '@meshferry/core';
import { type ProvisioningPdu, RECORD_RESPONSE_HEAD_OCTETS } from './pdu.ts';
import { RECORD_NOT_PRESENT, RECORD_SUCCESS } from './records.ts';

/**
 * The provisioning records of a device, before it is invited [Mesh Protocol 1.1, 5.4.2.6]. One question at a time (throws
 * `busy`); `done` is called once, and not any more once provisioning has ended.
 */
export interface RecordsReader {
  /** The IDs of the records that the device has. */
  list(done: (outcome: Result<readonly number[], MeshError>) => void): void;
  /** A whole record, read in as many parts as it takes; `record-not-present`, `bad-record` when the parts do not fit. */
  read(recordId: number, done: (outcome: Result<Uint8Array, MeshError>) => void): void;
}

/** The first octets of PDUs that Zephyr's PB-ADV counts one segment too many for: 20 and whole further segments. */
const FIRST_SEGMENT_OCTETS = 20;
const SEGMENT_OCTETS = 23;

type Question =
  | { readonly kind: 'list'; readonly done: (outcome: Result<readonly number[], MeshError>) => void }
  | {
      readonly kind: 'read';
      readonly recordId: number;
      readonly done: (outcome: Result<Uint8Array, MeshError>) => void;
      readonly parts: Uint8Array[];
      /** Octets so far. */
      offset: number;
      /** Total Length; must stay what it was. */
      total: number | undefined;
      /** Octets asked for last. */
      asked: number;
    };

/** The Provisioner's side of reading records. */
export class RecordsQuestions implements RecordsReader {
  readonly #send: (pdu: ProvisioningPdu) => void;
  readonly #largest: number;
  #open: Question | undefined;

  /** `maxPdu`: octets of the longest Provisioning PDU that the link carries. */
  constructor(maxPdu: number, send: (pdu: ProvisioningPdu) => void) {
    this.#send = send;
    this.#largest = Math.min(maxPdu - RECORD_RESPONSE_HEAD_OCTETS, 0xffff);
  }

  list(done: (outcome: Result<readonly number[], MeshError>) => void): void {
    this.#ask({ kind: 'list', done });
    this.#send({ type: 'records-get' });
  }

  read(recordId: number, done: (outcome: Result<Uint8Array, MeshError>) => void): void {
    const question: Question = { kind: 'read', recordId, done, parts: [], offset: 0, total: undefined, asked: 0 };
    this.#ask(question);
    this.#request(question);
  }

  /** Takes a PDU of the device; false when it answers no question. */
  received(pdu: ProvisioningPdu): boolean {
    const question = this.#open;
    if (question?.kind === 'list' && pdu.type === 'records-list') {
      this.#open = undefined;
      question.done(ok(pdu.recordIds));
      return true;
    }
    if (question?.kind === 'read' && pdu.type === 'record-response') {
      this.#part(question, pdu);
      return true;
    }
    return false;
  }

  #ask(question: Question): void {
    if (this.#open !== undefined) {
      throw new MeshError('busy', 'a provisioning record is being read already', { hint: 'Wait until it has come.' });
    }
    this.#open = question;
  }

  #part(
    question: Extract<Question, { kind: 'read' }>,
    response: Extract<ProvisioningPdu, { type: 'record-response' }>,
  ): void {
    const outcome = take(question, response);
    if (outcome === undefined) {
      this.#request(question);
      return;
    }
    this.#open = undefined;
    question.done(outcome);
  }

  #request(question: Extract<Question, { kind: 'read' }>): void {
    const remaining = question.total === undefined ? this.#largest : question.total - question.offset;
    question.asked = fragmentSize(Math.min(remaining, this.#largest));
    const { recordId, offset: fragmentOffset, asked: fragmentMaximumSize } = question;
    this.#send({ type: 'record-request', recordId, fragmentOffset, fragmentMaximumSize });
  }
}

/** Adds a part; the record or error when that was the last one. */
function take(
  question: Extract<Question, { kind: 'read' }>,
  response: Extract<ProvisioningPdu, { type: 'record-response' }>,
): Result<Uint8Array, MeshError> | undefined {
  const { recordId, offset, asked } = question;
  const { status, totalLength, data } = response;
  if (response.recordId !== recordId || response.fragmentOffset !== offset) {
    return badRecord(recordId, `an answer about record ${response.recordId} at ${response.fragmentOffset}`);
  }
  if (status === RECORD_NOT_PRESENT) return notPresent(recordId);
  if (status !== RECORD_SUCCESS) return badRecord(recordId, `status ${status} at offset ${offset}`);
  question.total ??= totalLength;
  if (totalLength !== question.total) return badRecord(recordId, `its length changed to ${totalLength}`);
  if (data.length === 0 || data.length > asked || offset + data.length > totalLength) {
    return badRecord(recordId, `${data.length} octets at ${offset} of ${totalLength}, asked for ${asked}`);
  }
  question.parts.push(data);
  question.offset += data.length;
  return question.offset === totalLength ? ok(concat(...question.parts)) : undefined;
}

/** One octet less where Zephyr's PB-ADV would count the segments wrong. */
function fragmentSize(size: number): number {
  const pdu = size + RECORD_RESPONSE_HEAD_OCTETS;
  const isMiscounted = pdu > FIRST_SEGMENT_OCTETS && (pdu - FIRST_SEGMENT_OCTETS) % SEGMENT_OCTETS === 0;
  return isMiscounted ? size - 1 : size;
}

function notPresent(recordId: number): Result<never, MeshError> {
  return fail(
    new MeshError('record-not-present', `the device has no provisioning record 0x${hex(recordId)}`, {
      hint: 'Ask for the list of its records first.',
    }),
  );
}

function badRecord(recordId: number, what: string): Result<never, MeshError> {
  return fail(
    new MeshError('bad-record', `reading provisioning record 0x${hex(recordId)} failed: ${what}`, {
      hint: 'Try again; if it stays so, the device does not follow the specification.',
    }),
  );
}

function hex(recordId: number): string {
  return recordId.toString(16).padStart(4, '0');
}
