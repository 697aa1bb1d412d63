import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BlobStatus } from './constants.ts';
import { ClientScene, type ClientState } from './testing/vector-client.ts';

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly kind: 'ok' | 'malformed' | 'context';
  readonly direction: string;
}

const vectors = (JSON.parse(readFileSync(new URL('./vectors/blob.json', import.meta.url), 'utf8')) as Vector[]).filter(
  ({ direction }) => direction === 'server to client',
);

/** What the client does next: sends messages that begin so; nothing, and asks again; or gives the server up. */
type Reaction = readonly [
  state: ClientState,
  does:
    | { readonly sends: readonly string[] }
    | { readonly asksAgain: string }
    | { readonly loses: number }
    | 'complete',
];

const small = { size: 80, log: 6, chunkSize: 8 } as const;
const at = (where: ClientState['at'], more: Partial<ClientState> = {}): ClientState => ({
  ...small,
  at: where,
  ...more,
});
/** 56-octet blocks' worth of a transfer whose block 5 of 4096 octets has 11 chunks. */
const elevenChunks = (where: ClientState['at']): ClientState => ({ at: where, size: 6 * 4096, missing: '20' });
const lastOf = (count: number, chunkSize: number, log: number): ClientState => ({
  at: 'check',
  // The last block of three, so long that it has `count` chunks.
  size: 2 * 2 ** log + (count - 1) * chunkSize + 1,
  log,
  chunkSize,
  missing: '04',
});
const pulling = (where: ClientState['at']): ClientState => ({ at: where, size: 4096, mode: 'pull' });
const START = '830140110000000000001150000000067c01'.slice(0, 30);

const REACTIONS: Readonly<Record<string, Reaction>> = {
  'BLOB Transfer Status, idle server': [at('start'), { asksAgain: '8301' }],
  'BLOB Transfer Status, Start refused by an idle server': [at('start'), { loses: BlobStatus.wrongPhase }],
  'BLOB Transfer Status, RFU bits set': [at('start'), { asksAgain: '8301' }],
  'BLOB Transfer Status, waiting for start': [at('start'), { asksAgain: START }],
  'BLOB Transfer Status, wrong BLOB ID while waiting for start': [at('start'), { loses: BlobStatus.wrongBlobId }],
  'BLOB Transfer Status, started: both blocks missing': [at('start'), { sends: ['83040000'] }],
  // Waiting for Next Chunk: which block it is in the middle of has to be asked.
  'BLOB Transfer Status, 64 blocks, blocks 0..2 received': [
    { at: 'start', size: 0x40000, blobId: 0x0123456789abcdefn },
    { sends: ['8305'] },
  ],
  // Asleep: only another Transfer Start wakes it.
  'BLOB Transfer Status, 13 blocks, only block 12 missing': [
    { at: 'start', size: 50_000, blobId: 0x0123456789abcdefn, mode: 'pull' },
    { asksAgain: '8301' },
  ],
  'BLOB Transfer Status, complete': [at('confirm'), 'complete'],
  'BLOB Transfer Status, suspended, all of 20 blocks missing': [
    { at: 'start', size: 81_000, mode: 'pull' },
    { asksAgain: '8301' },
  ],
  'BLOB Block Status, all chunks missing': [
    { at: 'block', size: 1000 },
    { sends: ['660000', '660100', '660200', '8305'] },
  ],
  'BLOB Block Status, none missing': [{ at: 'check', size: 5000 }, { sends: ['83040100'] }],
  'BLOB Block Status, 11 chunks, 0 3 and 10 missing': [
    elevenChunks('check'),
    { sends: ['660000', '660300', '660a00', '8305'] },
  ],
  'BLOB Block Status, 40 chunks, 39 missing (still unsegmented)': [lastOf(40, 53, 12), { sends: ['662700', '8305'] }],
  'BLOB Block Status, 41 chunks, 40 missing (two segments)': [lastOf(41, 50, 12), { sends: ['662800', '8305'] }],
  'BLOB Block Status, encoded, 0 1 2 3': [pulling('block'), { sends: ['660000', '660100', '660200', '660300'] }],
  // No block with chunks of 8 has so many: this one has 2048, so that two of the numbers lie beyond it.
  'BLOB Block Status, encoded, 127 128 2047 2048 2991': [
    { at: 'block', size: 16_384, log: 14, chunkSize: 8, mode: 'pull' },
    { asksAgain: '83040000' },
  ],
  'BLOB Block Status, encoded, empty list': [
    { at: 'block', size: 4 * 4096, missing: '08', mode: 'pull' },
    { sends: ['8300'] },
  ],
  'BLOB Block Status, Wrong Phase from an idle server': [at('block'), { sends: ['8305'] }],
  'BLOB Block Status, Information Unavailable (suspended)': [at('check'), { sends: [START] }],
  'BLOB Block Status, chunk size 0': [at('block'), { sends: ['8305'] }],
  'BLOB Block Status, bit set above the chunk count': [elevenChunks('check'), { sends: ['8300'] }],
  'BLOB Block Status, encoded number beyond the block': [pulling('block'), { asksAgain: '83040000' }],
  // Its only chunk was sent. (Before all chunks were sent it could be the report of the block before.)
  'BLOB Partial Block Report, nothing missing': [{ at: 'report', size: 300, mode: 'pull' }, { sends: ['8300'] }],
  'BLOB Partial Block Report, 0 1 2 3': [pulling('report'), { sends: ['660000', '660100', '660200', '660300'] }],
  'BLOB Partial Block Report, borders of the encoding': [pulling('report'), { sends: [] }],
  'BLOB Information Status, Zephyr defaults': [
    at('information'),
    { sends: ['83014011000000000000115000000' + '00c7c01'] },
  ],
  // Blocks of 64 in one chunk of 8: that cannot be, and its largest BLOB is one octet.
  'BLOB Information Status, smallest legal values': [at('information'), { loses: BlobStatus.blobTooLarge }],
  'BLOB Information Status, largest values': [at('information'), { sends: ['830140110000000000001150000000'] }],
  'BLOB Information Status, pull only': [at('information'), { sends: ['8301801100000000000011500000000d7c01'] }],
  'BLOB Information Status, RFU mode bits': [at('information'), { sends: ['8301401100000000000011500000000c7c01'] }],
  'BLOB Information Status, no mode': [at('information'), { loses: BlobStatus.unsupportedTransferMode }],
};

/** Where a client waits for messages with the opcode of a malformed one, and what it asks again. */
const WAITS: Readonly<Record<string, readonly [ClientState, string]>> = {
  '8303': [at('start'), '8301'],
  '8307': [at('information'), '8306'],
  '67': [pulling('block'), '8304'],
};

describe('the vectors of BLOB Transfer, told to a client', () => {
  const malformed = vectors.filter(({ kind }) => kind === 'malformed');

  it('are all run', () => {
    expect([vectors.length, malformed.length]).toEqual([51, 19]);
    const meaningful = vectors.filter(({ kind }) => kind !== 'malformed');
    expect(meaningful.map(({ name }) => name).sort()).toEqual(Object.keys(REACTIONS).sort());
  });

  it.each(Object.entries(REACTIONS))('%s', (name, [state, does]) => {
    const { hex } = vectors.find((vector) => vector.name === name) as Vector;
    const scene = new ClientScene(state);
    const sent = scene.say(hex);
    if (does === 'complete') {
      expect(scene.ended).toBe('complete');
    } else if ('sends' in does) {
      expect(scene.receiver.lost).toBe(false);
      expect(sent.map((message, i) => message.slice(0, does.sends[i]?.length ?? 4))).toEqual(does.sends);
    } else if ('asksAgain' in does) {
      expect(sent).toEqual([]);
      expect(scene.askedAgain()?.startsWith(does.asksAgain)).toBe(true);
    } else {
      expect(sent).toEqual([]);
      expect(scene.receiver).toMatchObject({ lost: true, status: does.loses, timedOut: false });
      expect(scene.ended).toBe('failed');
    }
  });

  it.each(malformed)('$name: ignored, the client waits on', ({ hex }) => {
    const isReport = hex.startsWith('68');
    const [state, again] = isReport
      ? [pulling('report'), '8305']
      : (WAITS[hex.startsWith('67') ? '67' : hex.slice(0, 4)] as [ClientState, string]);
    const scene = new ClientScene(state);
    expect(scene.say(hex)).toEqual([]);
    expect(scene.receiver.lost).toBe(false);
    expect(scene.askedAgain()?.startsWith(again)).toBe(true);
  });
});
