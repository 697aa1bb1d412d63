import { fromHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExpectedTransfer, takeBlockStatus, takeReport, takeTransferStatus } from './answers.ts';
import { blockShape, sizeOfChunk } from './arithmetic.ts';
import { numbersOfBits } from './bits.ts';
import { areConfusable } from './confusion.ts';
import { BlobBlockStatus, BlobTransferStatus } from './messages.ts';
import { Receiver, type Stage } from './receiver.ts';

/** Of 262 144 octets in blocks of 4096. */
const BLOB: ExpectedTransfer = { blobId: 0x0123456789abcdefn, size: 262_144, log: 12, mode: 'push' };
/** Block 5 of 262 144 octets: 11 chunks of 377. */
const block = blockShape(262_144, 12, 5, 377);

describe('a Partial Block Report', () => {
  it('replaces what the receiver wanted, and shows what it holds', () => {
    const receiver = at('block');
    takeBlockStatus(receiver, status('67c005007901000102'), block, BLOB);
    expect(receiver).toMatchObject({ stage: 'check', chunksHeld: 0 });
    expect(takeReport(receiver, [1, 3, 4], block)).toBe('answered');
    expect(numbersOfBits(receiver.missing)).toEqual([1, 3, 4]);
    expect(receiver.chunksHeld).toBe(2);
    expect(takeReport(receiver, [], block)).toBe('answered');
    expect(receiver).toMatchObject({ stage: 'held', stuckIn: undefined });
  });

  it.each(['block', 'held', 'start', 'confirm'] as const)(
    'of a receiver in stage %s is of a former block: ignored',
    (stage) => {
      const receiver = at(stage);
      expect(takeReport(receiver, [], block)).toBe('ignored');
      expect(receiver.stage).toBe(stage);
    },
  );

  it('with a chunk beyond the block is ignored as a whole', () => {
    const receiver = at('block');
    takeBlockStatus(receiver, status('67c005007901000102'), block, BLOB);
    expect(takeReport(receiver, [3, 11], block)).toBe('ignored');
    expect(numbersOfBits(receiver.missing)).toEqual([0, 1, 2]);
  });
});

describe('Block Status', () => {
  it('with all, some, encoded or no chunks missing', () => {
    expect(take('block', '670005007901').missingCount).toBe(11);
    expect(numbersOfBits(take('check', '6780050079010904').missing)).toEqual([0, 3, 10]);
    expect(numbersOfBits(take('check', '67c0050079010105').missing)).toEqual([1, 5]);
    for (const none of ['674005007901', '67c005007901']) {
      expect(take('check', none)).toMatchObject({ stage: 'held', missingCount: 0, verdict: 'answered' });
    }
  });

  it('with bits past the end: they mean nothing', () => {
    expect(take('check', '6780050079010110')).toMatchObject({ missingCount: 1 });
    expect(take('check', '6780050079010010')).toMatchObject({ stage: 'held' });
  });

  it.each([
    ['of another block', '670004007901'],
    ['with another chunk size', '670005000800'],
    ['with chunk size 0', '670005000000'],
    ['with a chunk beyond the block', '67c0050079010b'],
  ])('%s is ignored', (_, hex) => {
    expect(take('block', hex)).toMatchObject({ verdict: 'ignored', stage: 'block', lost: false });
  });

  it('from a server that fell asleep: it is started again', () => {
    expect(take('check', '670affffffff')).toMatchObject({ verdict: 'ask-again', stage: 'start', lost: false });
  });

  it('from a server that knows of no block any more, after a power cut: it is started again', () => {
    expect(take('check', '67c0ffffffff')).toMatchObject({ verdict: 'ask-again', stage: 'start', lost: false });
  });

  it('that is asked where a server stands: nowhere, when it wants nothing more of its block', () => {
    expect(take('locate', '67c004002900')).toMatchObject({ verdict: 'ask-again', stage: 'block', stuckIn: undefined });
  });

  it('with Wrong Phase: the server is asked where it stands, once', () => {
    const receiver = at('block');
    expect(takeBlockStatus(receiver, status('670404002900'), block, BLOB)).toBe('ask-again');
    expect(receiver.stage).toBe('locate');
    expect(takeBlockStatus(receiver, status('670004002900'), block, BLOB)).toBe('answered');
    expect(receiver).toMatchObject({ stage: 'held', stuckIn: { number: 4, chunkSize: 41 }, lost: false });
    receiver.stage = 'block';
    takeBlockStatus(receiver, status('670404002900'), block, BLOB);
    expect(receiver).toMatchObject({ lost: true, status: 4 });
  });

  it('with Wrong Phase once more, while it is asked where it stands: another copy of the same answer', () => {
    expect(take('locate', '670404002900')).toMatchObject({ verdict: 'ignored', stage: 'locate', lost: false });
    expect(take('locate', '6704ffffffff')).toMatchObject({ verdict: 'answered', lost: true, status: 4 });
  });

  it.each([1, 2, 3, 5, 6, 7, 8, 9, 11, 15])('with status %i: the receiver is lost', (code) => {
    expect(take('block', `67${code.toString(16).padStart(2, '0')}ffffffff`)).toMatchObject({
      lost: true,
      status: code,
    });
  });

  it('never throws nor counts a chunk that does not exist', () => {
    const stages = fc.constantFrom<Stage>(
      'information',
      'start',
      'locate',
      'block',
      'check',
      'held',
      'confirm',
      'cancel',
    );
    fc.assert(
      fc.property(stages, fc.uint8Array({ maxLength: 20 }), fc.boolean(), (stage, parameters, atStart) => {
        const decoded = BlobBlockStatus.decode(Uint8Array.of(0x67, ...parameters));
        if (!decoded.ok) return;
        const receiver = at(stage);
        takeBlockStatus(receiver, decoded.value, atStart ? undefined : block, BLOB);
        expect(receiver.missingCount).toBeLessThanOrEqual(11);
        expect(numbersOfBits(receiver.missing).every((number) => number < 11)).toBe(true);
      }),
    );
  });
});

describe('Transfer Status', () => {
  const started = '83034002efcdab8967452301000004000c7c01f8ffffffffffffff';

  it('after Transfer Start: the missing blocks', () => {
    const receiver = at('start');
    expect(takeTransferStatus(receiver, transfer(started), BLOB)).toBe('answered');
    expect(receiver).toMatchObject({ stage: 'held', blocks: 64, blocksDone: 3 });
  });

  it('in the middle of a block: which one must be asked first', () => {
    const receiver = at('start');
    expect(takeTransferStatus(receiver, transfer(started.replace('4002', '4003')), BLOB)).toBe('ask-again');
    expect(receiver.stage).toBe('locate');
  });

  it.each([
    ['refused', '83030400', 4],
    ['another BLOB', started.replace('efcdab', 'eeeeee'), 6],
  ])('%s: lost', (_, hex, code) => {
    const receiver = at('start');
    takeTransferStatus(receiver, transfer(hex), BLOB);
    expect(receiver).toMatchObject({ lost: true, status: code });
  });

  it('late answers do not count: an idle one, one that waits, one that sleeps', () => {
    for (const hex of ['83030000', '83030001efcdab8967452301', started.replace('4002', '4005')]) {
      expect(takeTransferStatus(at('start'), transfer(hex), BLOB)).toBe('ignored');
    }
  });

  it('at the end: complete, not yet, or blocks missing after all', () => {
    const whole = started.replace('f8ffffffffffffff', '0000000000000000');
    const complete = at('confirm');
    expect(takeTransferStatus(complete, transfer(whole.replace('4002', '4004')), BLOB)).toBe('answered');
    expect(complete.stage).toBe('complete');
    expect(takeTransferStatus(at('confirm'), transfer(whole), BLOB)).toBe('ignored');
    const lacking = at('confirm');
    expect(takeTransferStatus(lacking, transfer(started), BLOB)).toBe('answered');
    expect(lacking).toMatchObject({ stage: 'held', blocksDone: 3 });
    const gone = at('confirm');
    takeTransferStatus(gone, transfer('83030000'), BLOB);
    expect(gone).toMatchObject({ lost: true, status: 4 });
  });
});

describe('chunks that a server in another block would take', () => {
  it('are those with a number and length that exist there too', () => {
    const shape = fc
      .record({ number: fc.nat(3), chunkSize: fc.integer({ min: 8, max: 70 }) })
      .map(({ number, chunkSize }) => blockShape(1000, 8, number, chunkSize));
    fc.assert(
      fc.property(shape, shape, (stuck, sent) => {
        const same = stuck.number === sent.number && stuck.chunkSize === sent.chunkSize;
        let taken = false;
        for (let i = 0; i < Math.min(stuck.chunkCount, sent.chunkCount); i++) {
          taken ||= sizeOfChunk(stuck, i) === sizeOfChunk(sent, i);
        }
        expect(areConfusable(stuck, sent)).toBe(taken && !same);
      }),
    );
  });
});

function at(stage: Stage): Receiver {
  const receiver = new Receiver({ address: 0x0100 });
  receiver.stage = stage;
  receiver.blocks = 64;
  receiver.blocksMissing = new Uint8Array(8).fill(0xff);
  return receiver;
}

function take(stage: Stage, hex: string) {
  const receiver = at(stage);
  const verdict = takeBlockStatus(receiver, status(hex), block, BLOB);
  return Object.assign(receiver, { verdict });
}

function status(hex: string): BlobBlockStatus {
  const decoded = BlobBlockStatus.decode(fromHex(hex));
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.error));
  return decoded.value;
}

function transfer(hex: string): BlobTransferStatus {
  const decoded = BlobTransferStatus.decode(fromHex(hex));
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.error));
  return decoded.value;
}
