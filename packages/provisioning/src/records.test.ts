import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeProvisioningPdu, encodeProvisioningPdu, type ProvisioningPdu } from './pdu.ts';
import { answerRecordQuestion, type RecordQuestion } from './records.ts';
import { RecordsQuestions } from './records-reader.ts';
import { Ends } from './testing/ends.ts';
import { vectors } from './testing/session-vectors.ts';

describe('the sample retrieval', () => {
  const steps = vectors.recordRetrieval.steps.flatMap(({ provisioningPdu }) => provisioningPdu ?? []);
  const part = fromHex(steps[3]!).slice(8);

  it('is answered octet by octet', () => {
    const certificate = new Uint8Array(0x2b8);
    certificate.set(part);
    const records = new Map([
      [2, Uint8Array.of(1)],
      [1, certificate],
    ]);
    expect(steps).toHaveLength(4);
    for (const at of [0, 2]) {
      const question = decodeProvisioningPdu(fromHex(steps[at]!));
      const answer = answerRecordQuestion((question.ok && question.value) as RecordQuestion, records, 1469);
      expect(toHex(encodeProvisioningPdu(answer))).toBe(steps[at + 1]);
    }
  });

  it('is understood', () => {
    const list = decodeProvisioningPdu(fromHex(steps[1]!));
    expect(list).toEqual({ ok: true, value: { type: 'records-list', extensions: 0, recordIds: [1, 2] } });
    const response = decodeProvisioningPdu(fromHex(steps[3]!));
    expect(response).toMatchObject({ ok: true, value: { status: 0, recordId: 1, totalLength: 0x2b8, data: part } });
  });
});

describe('reading records', () => {
  it('gives every record back, whatever the bearer carries', () => {
    const contents = fc.uint8Array({ minLength: 1, maxLength: 1000 });
    fc.assert(
      fc.property(
        contents,
        fc.integer({ min: 10, max: 1469 }),
        fc.integer({ min: 10, max: 1469 }),
        (record, ours, its) => {
          const sizes: number[] = [];
          const records = new Map([[1, record]]);
          let read: unknown;
          const questions: RecordsQuestions = new RecordsQuestions(ours, (question) => {
            const answer = answerRecordQuestion(question as RecordQuestion, records, its);
            sizes.push(encodeProvisioningPdu(answer).length);
            queue.push(answer);
          });
          const queue: ProvisioningPdu[] = [];
          questions.read(1, (outcome) => {
            read = outcome;
          });
          for (let answer = queue.shift(); answer !== undefined; answer = queue.shift()) questions.received(answer);
          expect(read).toEqual({ ok: true, value: record });
          expect(Math.max(...sizes)).toBeLessThanOrEqual(Math.min(ours, its));
        },
      ),
      { numRuns: 1000 }, // up to 500 parts each
    );
  });

  it('asks for no part that Zephyr would count the segments of wrong', () => {
    const sent: ProvisioningPdu[] = [];
    const questions = new RecordsQuestions(66, (pdu) => sent.push(pdu));
    questions.read(1, () => {});
    expect(sent[0]).toMatchObject({ fragmentMaximumSize: 57 });
  });

  const head = { type: 'record-response' as const, status: 0, recordId: 1, fragmentOffset: 0, totalLength: 9 };
  const data = Uint8Array.of(1, 2, 3);
  it.each<readonly [what: string, answers: readonly ProvisioningPdu[], code: string]>([
    ['there is none', [{ ...head, status: 1, totalLength: 0, data: data.slice(3) }], 'record-not-present'],
    ['the status is reserved', [{ ...head, status: 7, data }], 'bad-record'],
    ['the offset is said to be out of bounds', [{ ...head, status: 2, data }], 'bad-record'],
    ['another record comes', [{ ...head, recordId: 2, data }], 'bad-record'],
    ['another part comes', [{ ...head, fragmentOffset: 3, data }], 'bad-record'],
    ['nothing comes', [{ ...head, data: data.slice(3) }], 'bad-record'],
    ['more comes than there is', [{ ...head, totalLength: 2, data }], 'bad-record'],
    ['more comes than was asked for', [{ ...head, totalLength: 900, data: new Uint8Array(200) }], 'bad-record'],
    [
      'the length changes',
      [
        { ...head, data },
        { ...head, fragmentOffset: 3, totalLength: 10, data },
      ],
      'bad-record',
    ],
  ])('fails when %s', (_, answers, code) => {
    const questions = new RecordsQuestions(100, () => {});
    let outcome: { ok: boolean; error?: { code: string } } | undefined;
    questions.read(1, (result) => {
      outcome = result;
    });
    for (const answer of answers) expect(questions.received(answer)).toBe(true);
    expect(outcome?.error?.code).toBe(code);
    // It is over: what comes now answers nothing.
    expect(questions.received({ ...head, data })).toBe(false);
  });

  it('happens before the Invite, one question at a time', () => {
    const records = new Map([[0x11, fromHex('4c616d70')]]);
    const read: unknown[] = [];
    const ends = new Ends(
      {
        beforeInvite: (reader, proceed) => {
          reader.list((listed) => {
            read.push(listed);
            reader.read(0x11, (name) => {
              read.push(name);
              reader.read(0x12, (missing) => {
                read.push(missing.ok ? 'there' : missing.error.code);
                proceed();
              });
            });
          });
          expect(() => reader.list(() => {})).toThrow(expect.objectContaining({ code: 'busy' }));
        },
      },
      { records },
    ).settle();
    expect(read).toEqual([{ ok: true, value: [0x11] }, { ok: true, value: fromHex('4c616d70') }, 'record-not-present']);
    expect(ends.code).toBe('provisioned');
    expect(ends.provisionerStates[0]).toBe('records');
    expect(ends.provisionerLink.sent.map((pdu) => pdu.slice(0, 2)).join(' ')).toBe('0c 0a 0a 00 02 03 05 06 07');
  });

  it('ends when the device sends something else, or has no records', () => {
    const asking = { beforeInvite: (reader: { list(done: () => void): void }) => reader.list(() => {}) };
    const ends = new Ends(asking, { records: new Map() });
    ends.deviceLink.tamper = () => Uint8Array.of(8);
    expect(ends.settle().code).toBe('unexpected-pdu');
    expect(new Ends(asking).settle().ended?.error).toBe('invalid-pdu');
  });
});
