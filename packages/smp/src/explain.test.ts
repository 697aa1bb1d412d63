import { fromHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { describePackets } from './describe.ts';
import { explainPacket } from './explain.ts';
import { ImageUpload } from './messages/image.ts';

const bodyOf = (length: number): string =>
  Buffer.from(`{"image": {"data": "${'A'.repeat(length)}`)
    .toString('hex')
    .slice(0, 2 * length);

/** The packets of the script in the question [spec: smp-seed-errata section 1]. */
const script = {
  chunk0: `000000012d010000${bodyOf(301)}`,
  chunk1: `000000012f010001${bodyOf(303)}`,
  list: '0000000000000000',
  confirm: '00000006020000007b7d',
  reset: '0001000000000000',
};

describe('the packets of the failing script, as a device reads them', () => {
  it('an upload chunk: a length that does not fit, a group that does not exist', () => {
    const { header, faults, answer, text } = explainPacket(fromHex(script.chunk0));
    expect(header).toEqual({ op: 0, version: 0, flags: 0, length: 1, group: 0x2d01, sequence: 0, command: 0 });
    expect(faults.map(({ kind }) => kind)).toEqual(['length-does-not-fit', 'group-unknown', 'json', 'other-layout']);
    expect(answer).toBe(8);
    expect(text.split('\n')).toEqual([
      'The device reads: version 1, read request, flags 0, length 1, group 11521 (0x2d01, user-defined group 11521), sequence 0, command 0: read of command 0 of the user-defined group 11521.',
      '- the length does not fit: 1, but 301 octets follow; the last 300 are no packet.',
      '- group unknown: 11521 (0x2d01); octets 4 and 5 are the group, big-endian.',
      '- the payload looks like JSON: SMP wants a CBOR map, with byte strings instead of base64.',
      '- octets 4 and 5 are the length of what follows (301) in little-endian: the header was written in another layout. It is: op and version, flags, length (2, big-endian), group (2, big-endian), sequence, command.',
      'It answers rc 8: not supported.',
    ]);
  });
  it('the next chunk: its sequence number is taken for a command', () => {
    expect(explainPacket(fromHex(script.chunk1))).toMatchObject({
      header: { group: 0x2f01, sequence: 0, command: 1 },
      answer: 8,
    });
  });
  it('list and reset: echo without a payload', () => {
    const list = explainPacket(fromHex(script.list));
    expect(list.reading).toMatch(/version 1, read request, .*: echo$/);
    expect(list).toMatchObject({ faults: [{ kind: 'payload-missing' }], answer: 3 });
    const reset = explainPacket(fromHex(script.reset));
    expect(reset).toMatchObject({ header: { flags: 1 }, answer: 3 });
    expect(reset.faults.map(({ kind }) => kind)).toEqual(['payload-missing', 'flags-set']);
  });
  it('confirm: fewer octets than the length says', () => {
    expect(explainPacket(fromHex(script.confirm))).toMatchObject({ header: { length: 6, group: 0x0200 }, answer: 9 });
    expect(explainPacket(fromHex(script.confirm)).text).toContain('the length does not fit: 6, but 2 octets follow');
  });
});

describe('other packets', () => {
  it.each([
    ['an octet', '00', ['too-short'], 'none'],
    ['version 3', '1000000100013000a0', ['version-unknown'], 13],
    ['a response', '0900000100013000a0', ['op-unknown'], 8],
    ['op 5', '0d00000100013000a0', ['op-unknown'], 8],
    ['confirm as command 6', '0a00000100013006a0', ['op-wrong'], 8],
    ['upload as a read', '0800000100013001a0', ['op-wrong'], 8],
    ['a command that is not there', '0a00000100013009a0', ['command-unknown'], 8],
    ['a hash as text', '0a00000800013000a16468617368616100', ['parameter-wrong'], 3],
    ['a map cut short', '0a00000100013001a1', ['payload-no-map'], 3],
    ['a length in little-endian', '0a00010000000000a0', ['length-does-not-fit', 'other-layout'], 9],
  ])('%s', (_, hex, faults, answer) => {
    const explained = explainPacket(fromHex(hex));
    expect(explained.faults.map(({ kind }) => kind)).toEqual(faults);
    expect(explained.answer).toBe(answer);
  });
  it('a right one, and two in one message', () => {
    const upload = ImageUpload.encodeRequest({ off: 600, data: new Uint8Array(600) }, { version: 1, sequence: 71 });
    expect(explainPacket(upload)).toMatchObject({ faults: [] });
    expect(explainPacket(upload).text).toContain('Nothing is wrong with it.');
    expect(explainPacket(fromHex('0800000100014500a00800000100014600a0')).faults).toEqual([]);
  });
});

describe('a line of a trace', () => {
  it.each([
    ['0800000100014500a0', 'image list, request 69 (v2): nothing'],
    ['0300000700012901bf636f666600ff', 'image upload, answer 41 (v1): off 0'],
    ['080000090000c900a161646568656c6c6f', 'echo, request 201 (v2): d "hello"'],
    [
      '0b00001300010d00bf63657272bf6567726f75700162726308ffff',
      'image test or confirm, answer 13 (v2): refused: no slot holds an image of this hash (image error 8); err {group 1, rc 8}',
    ],
    ['0b000000004d0100', 'write of command 0 of the user-defined group 77, answer 1 (v2): no payload'],
    ['0b00000100010100ff', 'image test or confirm, answer 1 (v2): no CBOR map: a break where nothing ends'],
    ['0a0000', 'no SMP packet at octet 0: 3 octets, a header has 8'],
  ])('%s', (hex, line) => {
    expect(describePackets(fromHex(hex))).toEqual([line]);
  });
  it('shows what is long by its size and steers no terminal', () => {
    const chunk = ImageUpload.encodeRequest(
      { len: 1000, off: 0, sha: new Uint8Array(32).fill(0xab), data: new Uint8Array(600) },
      { version: 1, sequence: 1 },
    );
    expect(describePackets(chunk)).toEqual([
      'image upload, request 1 (v2): len 1000, off 0, sha abababab… (32 octets), data (600 octets)',
    ]);
    const output = fromHex('0b00000b00090100bf616f64610d0a1b6372657420ff');
    output[3] = output.length - 8;
    expect(describePackets(output)).toEqual(['shell, answer 1 (v2): o "a␍␊\ufffd", ret -1']);
  });
});
