import { existsSync, readFileSync } from 'node:fs';
import { fromHex, type MeshError, type Result } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { TargetScene } from './testing/vector-target.ts';
import { TARGET, UpdaterScene } from './testing/vector-updater.ts';
import { UpdatePhase, UpdateStatus } from './update-codes.ts';

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly kind: 'ok' | 'malformed' | 'context';
  readonly direction: string;
}

const vectors = (
  JSON.parse(readFileSync(new URL('./vectors/firmware-update.json', import.meta.url), 'utf8')) as Vector[]
).map((vector) => ({ ...vector, name: vector.name.replace('Firmware Update ', '') }));
const toServer = vectors.filter(({ direction }) => direction === 'client to server');
const toClient = vectors.filter(({ direction }) => direction === 'server to client');

const { idle, transferActive, transferError, verifyingUpdate, verificationSucceeded, verificationFailed } = UpdatePhase;
const { applyingUpdate } = UpdatePhase;
const PHASES = [
  idle,
  transferError,
  transferActive,
  verifyingUpdate,
  verificationSucceeded,
  verificationFailed,
  applyingUpdate,
];

const IMAGES = ['59000101000000000000', '590002', '590003', '590004', '590005', '590006', '590007'].map((id) => ({
  firmwareId: fromHex(id),
}));
const ONE = IMAGES.slice(0, 1);

/** In which phase a Target is told the vector, what it answers, and the phase that it is in then. */
type ServerReaction = readonly [phase: number, answer: string, then: number, images?: typeof IMAGES];

const SERVER: Readonly<Record<string, ServerReaction>> = {
  'Information Get, all from 0': [idle, '830901000a5900010100000000000000', idle, ONE],
  'Information Get, one from 3': [idle, '830907030359000400', idle],
  'Information Get, limit 0': [idle, '83090100', idle, ONE],
  'Firmware Metadata Check, SDK sample metadata': [transferActive, '830b0000', transferActive],
  'Firmware Metadata Check, no metadata': [idle, '830b0402', idle, ONE],
  'Firmware Metadata Check, 255 octets': [idle, '830b0000', idle],
  Get: [verificationSucceeded, '83108003000500110000000000001100', verificationSucceeded],
  Cancel: [transferActive, '831000', idle],
  Apply: [verificationSucceeded, '8310c003000500110000000000001100', applyingUpdate],
  'Start, tester values': [idle, '83104003000500110000000000001100', transferActive],
  'Start, default TTL, SDK sample metadata': [idle, '831040ff007600efcdab896745230101', transferActive],
  'Start, no metadata': [idle, '83104000000000110000000000001100', transferActive],
};

const reference = new URL('../../../../shared/vectors/firmware-update.json', import.meta.url);

it.skipIf(!existsSync(reference))('the vectors are those of the reference', () => {
  const copy = readFileSync(new URL('./vectors/firmware-update.json', import.meta.url), 'utf8');
  expect(copy).toBe(readFileSync(reference, 'utf8'));
});

describe('the vectors of Firmware Update, told to a Target', () => {
  const malformed = toServer.filter(({ kind }) => kind === 'malformed');

  it('are all run', () => {
    expect([toServer.length, malformed.length]).toEqual([20, 8]);
    const meaningful = toServer.filter(({ kind }) => kind !== 'malformed');
    expect(meaningful.map(({ name }) => name).sort()).toEqual(Object.keys(SERVER).sort());
  });

  it.each(Object.entries(SERVER))('%s', (name, [phase, answer, then, images = IMAGES]) => {
    const { hex } = toServer.find((vector) => vector.name === name) as Vector;
    const scene = new TargetScene(phase, images);
    expect(scene.update.phase).toBe(phase);
    expect(scene.say(hex)).toEqual([answer]);
    expect(scene.update.phase).toBe(then);
  });

  it.each(malformed)('$name: silence in every phase, nothing changes', ({ hex }) => {
    for (const phase of PHASES) {
      const scene = new TargetScene(phase, IMAGES);
      expect(scene.update.phase).toBe(phase);
      const before = [...scene.stored, ...scene.say('830c')];
      expect([phase, scene.say(hex)]).toEqual([phase, []]);
      expect([...scene.stored, ...scene.say('830c')]).toEqual(before);
    }
  });
});

const VERIFYING = '83106003000500110000000000001100';
const SUCCEEDED = '83108003000500110000000000001100';

/** Answers that bring the client there, then: what it sends next, or asks again, or with what it gives the Target up. */
type UpdateReaction = readonly [
  answers: readonly string[],
  does: { readonly sends: string } | { readonly asksAgain: string } | { readonly loses: number },
  blobId?: bigint,
];

const STATUS: Readonly<Record<string, UpdateReaction>> = {
  // Of another BLOB ID: the Target works for somebody else.
  'Status, busy, verification succeeded': [[], { loses: UpdateStatus.blobTransferBusy }],
  'Status, idle': [[VERIFYING], { loses: UpdateStatus.wrongPhase }],
  'Status, Apply refused in idle': [[VERIFYING, SUCCEEDED], { sends: '830800ff' }],
  'Status, unknown image index, idle': [[], { loses: UpdateStatus.wrongFirmwareIndex }],
  'Status, metadata refused, idle': [[], { loses: UpdateStatus.metadataCheckFailed }],
  'Status, transfer error': [[], { loses: UpdateStatus.wrongPhase }],
  'Status, transfer active': [[], { sends: '8306' }],
  'Status, verifying': [[VERIFYING], { asksAgain: '830c' }],
  'Status, verification succeeded': [[VERIFYING], { sends: '830f' }],
  'Status, verification failed': [[VERIFYING], { loses: UpdateStatus.wrongPhase }],
  'Status, applying': [[VERIFYING, SUCCEEDED], { asksAgain: '830f' }],
  'Status, default TTL, will be unprovisioned': [[], { sends: '8306' }, 0x0123456789abcdefn],
  'Status, RFU bits set': [[], { sends: '8306' }],
};

/** What the client has found out, or what it asks next, when a Target says this to a request of its. */
const REQUESTS: Readonly<
  Record<string, { readonly imageIndex?: number; readonly value?: unknown; readonly next?: string }>
> = {
  'Information Status, three entries from index 3 of 7': { next: '830806ff' },
  'Information Status, no images': { value: { entries: [] } },
  // The answer to another request: it is waited on.
  'Information Status, index past the end': {},
  'Information Status, one image as in the SDK sample': {
    value: { entries: [{ firmwareId: fromHex('59000200000000000000'), updateUri: '' }] },
  },
  'Information Status, firmware id of the company only': {
    value: { entries: [{ firmwareId: fromHex('5900'), updateUri: '' }] },
  },
  'Information Status, longest firmware id (108 octets)': {
    value: { entries: [{ firmwareId: fromHex(`5900${'ab'.repeat(106)}`), updateUri: '' }] },
  },
  'Firmware Metadata Status, accepted, composition unchanged': { value: { status: 0, effect: 0 } },
  'Firmware Metadata Status, accepted, composition changes, no remote provisioning': {
    value: { status: 0, effect: 1 },
  },
  'Firmware Metadata Status, accepted, composition changes, remote provisioning': { value: { status: 0, effect: 2 } },
  'Firmware Metadata Status, accepted, becomes unprovisioned': { imageIndex: 1, value: { status: 0, effect: 3 } },
  'Firmware Metadata Status, refused': { value: { status: 5, effect: 0 } },
  'Firmware Metadata Status, no such image': { imageIndex: 9, value: { status: 4, effect: 0 } },
  'Firmware Metadata Status, additional information 4': { value: { status: 0, effect: 4 } },
};

describe('the vectors of Firmware Update, told to a client', () => {
  const malformed = toClient.filter(({ kind }) => kind === 'malformed');

  it('are all run', () => {
    expect([toClient.length, malformed.length]).toEqual([35, 9]);
    const meaningful = toClient.filter(({ kind }) => kind !== 'malformed');
    const reactions = [...Object.keys(STATUS), ...Object.keys(REQUESTS)];
    expect(meaningful.map(({ name }) => name).sort()).toEqual(reactions.sort());
  });

  it.each(Object.entries(STATUS))('%s', (name, [answers, does, blobId]) => {
    const { hex } = toClient.find((vector) => vector.name === name) as Vector;
    const scene = new UpdaterScene();
    const receiver = scene.update(answers, blobId, blobId === undefined ? 0 : 1);
    const sent = scene.say(hex);
    if ('sends' in does) {
      expect(sent).toEqual([does.sends]);
      expect(receiver.error).toBeUndefined();
    } else if ('asksAgain' in does) {
      expect(sent).toEqual([]);
      expect(scene.askedAgain()).toBe(does.asksAgain);
    } else {
      // What could be a late answer to an earlier request is asked about twice more.
      for (let i = 0; i < 2 && receiver.error === undefined && scene.askedAgain() !== undefined; i++) scene.say(hex);
      expect(receiver.error).toBeDefined();
      expect(receiver).toMatchObject({ updateStatus: does.loses, timedOut: false });
      expect(scene.askedAgain()).toBeUndefined();
    }
    if (name.includes('unprovisioned')) expect(receiver.effect).toBe(3);
    if (name.includes('RFU')) expect(receiver).toMatchObject({ phase: transferActive, effect: 0 });
    if (name.includes('failed')) expect(receiver.phase).toBe(verificationFailed);
  });

  it.each(Object.entries(REQUESTS))('%s', (name, { imageIndex = 0, value, next }) => {
    const { hex } = toClient.find((vector) => vector.name === name) as Vector;
    const { scene, outcomes } = asking(hex, imageIndex);
    // The first page of a list of seven.
    if (next !== undefined) expect(scene.say(`83090700${'0259000002590000025900'}00`)).toEqual(['830803ff']);
    const sent = scene.say(hex);
    if (next !== undefined) expect(sent).toEqual([next]);
    if (value !== undefined) expect(outcomes).toEqual([{ ok: true, value }]);
    else {
      expect(outcomes).toEqual([]);
      expect(scene.askedAgain()).toBeDefined();
    }
  });

  it.each(malformed)('$name: ignored, the client asks again', ({ hex }) => {
    if (hex.startsWith('8310')) {
      const scene = new UpdaterScene();
      const receiver = scene.update([]);
      expect(scene.say(hex)).toEqual([]);
      expect(receiver.error).toBeUndefined();
      expect(scene.askedAgain()).toBe(scene.sent[0]);
      return;
    }
    const { scene, outcomes } = asking(hex, 0);
    expect(scene.say(hex)).toEqual([]);
    expect(outcomes).toEqual([]);
    expect(scene.askedAgain()).toBe(scene.sent[0]);
  });
});

/** A client that waits for what begins like `hex`. */
function asking(hex: string, imageIndex: number) {
  const scene = new UpdaterScene();
  const outcomes: Result<unknown, MeshError>[] = [];
  const done = (outcome: Result<unknown, MeshError>) => outcomes.push(outcome);
  if (hex.startsWith('8309')) scene.updates.informationGet(TARGET, 0, done);
  else scene.updates.metadataCheck(TARGET, 0, imageIndex, new Uint8Array(0), done);
  scene.clock.advance(100);
  return { scene, outcomes };
}
