import { existsSync, readFileSync } from 'node:fs';
import { fromHex, type MeshError, type Result } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { Answered, Distributor, FirmwareDistributionClient } from './distribution-client.ts';
import { DistributionPhase } from './distribution-codes.ts';
import { FIRMWARE_DISTRIBUTION_MESSAGES } from './distribution-message-list.ts';
import { DISTRIBUTOR, DistributorScene, type DistributorState, RequesterScene } from './testing/vector-distributor.ts';

interface Vector {
  readonly name: string;
  readonly opcode: string;
  readonly hex: string;
  readonly kind: 'ok' | 'malformed' | 'context';
  readonly direction: string;
}

const vectors = (
  JSON.parse(readFileSync(new URL('./vectors/firmware-distribution.json', import.meta.url), 'utf8')) as Vector[]
).map((vector) => ({ ...vector, name: vector.name.replace('Firmware Distribution ', '') }));
const toServer = vectors.filter(({ direction }) => direction === 'client to server');
const toClient = vectors.filter(({ direction }) => direction === 'server to client');

const ID = '59000200000000000000';
const OTHER = '59000100000000000000';
const UPLOAD = '83220001' + '00';

/** In what state a Distributor is told the vector, what it answers, and what to a question after it. */
type ServerReaction = readonly [
  state: DistributorState,
  answers: readonly string[],
  then?: readonly [question: string, answer: string],
];

const ready: DistributorState = { receivers: [0x101, 0x102], images: [ID, OTHER, '590003', '590004'] };
const STARTED = '831d000100000000ff7600050000';

const SERVER: Readonly<Record<string, ServerReaction>> = {
  'Receivers Add, one receiver': [{}, ['8313000100']],
  'Receivers Add, two receivers (8 octets with opcode: unsegmented)': [{}, ['8313000200']],
  'Receivers Add, three receivers (11 octets with opcode: the most in one unsegmented message)': [{}, ['8313000300']],
  'Receivers Add, same address twice': [{}, ['8313000100'], ['8314000009' + '00', '8315010000000500050001']],
  'Receivers Add, group address': [{ receivers: [0x101] }, ['8313000100']],
  'Receivers Delete All': [ready, ['8313000000'], ['831400000100', '831500000000']],
  'Capabilities Get': [{}, ['83170800010000000800000008000000080000']],
  Get: [{ ...ready, phase: DistributionPhase.transferSuccess }, ['831d00020000000005020001' + '0000']],
  Suspend: [ready, ['831d0200']],
  Cancel: [{ ...ready, phase: DistributionPhase.completed }, ['831d0000'], ['8318', '831d0000']],
  Apply: [ready, ['831d0200']],
  'Upload Get': [{}, ['83220000']],
  'Upload Cancel': [{}, ['83220000']],
  'Firmware Delete All': [ready, ['8327000000ffff'], ['83240000', '832704000000' + '00']],
  'Receivers Get, from 0, ten': [ready, ['8315020000000101050000' + '0201050000']],
  'Receivers Get, from 65535, all': [ready, ['83150200ffff']],
  'Start, push, verify and apply, unicast': [ready, [STARTED], ['8318', STARTED]],
  'Start, push, verify only, group 0xC000': [ready, ['831d000100c0020007dcfe010300']],
  'Start, pull, verify and apply, fixed group 0xFF00 range': [ready, ['831d000100ff0000030800060000']],
  'Start, label UUID': [ready, ['831d000129b50000040a00050100']],
  'Start, RFU bits set': [ready, [STARTED]],
  'Start, mode 0': [ready, [], ['8318', '831d0000']],
  'Upload Start, SDK sample image': [{}, [UPLOAD + ID], ['831e', UPLOAD + ID]],
  'Upload Start, no metadata': [{}, [`${UPLOAD}1100001100`]],
  'Upload Start, tester values': [{}, [`${UPLOAD}11000011`]],
  'Upload Start, smallest': [{}, [`${UPLOAD}5900`]],
  // Out-of-band retrieval is not offered here.
  'Upload OOB Start': [{}, ['83220900'], ['831e', '83220000']],
  'Upload OOB Start, no URI': [{}, ['83220a00']],
  'Upload OOB Start, ftp': [{}, ['83220900']],
  'Firmware Get': [ready, [`83270004000000${ID}`]],
  'Firmware Get, empty': [ready, []],
  'Firmware Get By Index, 0': [ready, [`83270004000000${ID}`]],
  'Firmware Get By Index, 1': [ready, [`83270004000100${OTHER}`]],
  'Firmware Get By Index, 65535': [ready, ['8327040400ffff']],
  'Firmware Delete': [ready, [`8327000300ffff${ID}`], [`8323${ID}`, `8327040300ffff${ID}`]],
};

const reference = new URL('../../../../shared/vectors/firmware-distribution.json', import.meta.url);

it.skipIf(!existsSync(reference))('the vectors are those of the reference', () => {
  const copy = readFileSync(new URL('./vectors/firmware-distribution.json', import.meta.url), 'utf8');
  expect(copy).toBe(readFileSync(reference, 'utf8'));
});

describe('the vectors of Firmware Distribution, told to a Distributor', () => {
  const malformed = toServer.filter(({ kind }) => kind === 'malformed');

  it('are all run', () => {
    expect([vectors.length, toServer.length, malformed.length]).toEqual([113, 55, 20]);
    const meaningful = toServer.filter(({ kind }) => kind !== 'malformed');
    expect(meaningful.map(({ name }) => name).sort()).toEqual(Object.keys(SERVER).sort());
  });

  it.each(Object.entries(SERVER))('%s', (name, [state, answers, then]) => {
    const { hex } = toServer.find((vector) => vector.name === name) as Vector;
    const scene = new DistributorScene(state);
    expect(scene.say(hex)).toEqual(answers);
    if (then !== undefined) expect(scene.say(then[0])).toEqual([then[1]]);
  });

  it.each(malformed)('$name: silence in every phase, nothing changes', ({ hex }) => {
    for (let phase = 0; phase < 8; phase++) {
      const scene = new DistributorScene({ ...ready, phase });
      const asked = () => [...scene.stored, ...scene.say('8318'), ...scene.say('831e'), ...scene.say('831400000900')];
      const before = asked();
      expect([phase, scene.say(hex)]).toEqual([phase, []]);
      expect(asked()).toEqual(before);
    }
  });
});

type Ask = (client: FirmwareDistributionClient, to: Distributor, done: Answered<unknown>) => unknown;

const receiver = { address: 5, imageIndex: 0 };
const deleting: Ask = (client, to, done) => client.firmwareDelete(to, fromHex(ID), done);
const uploading: Ask = (client, to, done) => client.uploadGet(to, done);

/** The request that the answers with an opcode belong to; for some answers another one by their name. */
const ASKS: Readonly<Record<string, Ask>> = {
  '8313': (client, to, done) => client.receiversAdd(to, [receiver], done),
  '8315': (client, to, done) => client.receiversGet(to, 0, 10, done),
  '8316': (client, to, done) => client.capabilitiesGet(to, done),
  '8317': (client, to, done) => client.capabilitiesGet(to, done),
  '831d': (client, to, done) => client.get(to, done),
  '8322': uploading,
  '8327': (client, to, done) => client.firmwareGet(to, fromHex(ID), done),
};
const OTHER_ASKS: Readonly<Record<string, Ask>> = {
  'Receivers List, one entry, transfer active': from(0xaa01),
  'Receivers List, one entry, apply failed': from(0xaa01),
  'Receivers List, three of 22 from index 1; progress 33 is sent as 32': from(1),
  'Receivers List, first index past the end': from(3),
  'Receivers Status, empty': (client, to, done) => client.receiversDeleteAll(to, done),
  'Firmware Status, Get By Index: no such index': (client, to, done) => client.firmwareGetByIndex(to, 7, done),
  'Firmware Status, deleted, one left': deleting,
  'Firmware Status, all deleted': (client, to, done) => client.firmwareDeleteAll(to, done),
  'Firmware Status, delete refused, distribution runs': deleting,
};

function from(first: number): Ask {
  return (client, to, done) => client.receiversGet(to, first, 10, done);
}

describe('the vectors of Firmware Distribution, told to an Initiator', () => {
  const malformed = toClient.filter(({ kind }) => kind === 'malformed');
  const meaningful = toClient.filter(({ kind }) => kind !== 'malformed');

  it('are all run', () => {
    expect([toClient.length, malformed.length, meaningful.length]).toEqual([58, 9, 49]);
    for (const name of Object.keys(OTHER_ASKS)) expect(toClient.map((vector) => vector.name)).toContain(name);
  });

  it.each(meaningful)('$name: is what the request ends with', ({ name, hex }) => {
    const { scene, outcomes } = asking(name, hex);
    scene.say(hex);
    expect(outcomes).toEqual([{ ok: true, value: decodedValue(hex) }]);
  });

  it.each(malformed)('$name: ignored, the request goes on', ({ name, hex }) => {
    const { scene, outcomes } = asking(name, hex);
    scene.say(hex);
    expect(outcomes).toEqual([]);
    scene.clock.advance(5000);
    expect(scene.sent).toEqual([scene.sent[0], scene.sent[0]]);
    scene.clock.advance(60_000);
    expect(outcomes).toMatchObject([{ ok: false, error: { code: 'distributor-silent' } }]);
  });
});

/** An Initiator that waits for such an answer. */
function asking(name: string, hex: string) {
  const scene = new RequesterScene();
  const outcomes: Result<unknown, MeshError>[] = [];
  const ask = OTHER_ASKS[name] ?? (ASKS[hex.slice(0, 4)] as Ask);
  ask(scene.client, { address: DISTRIBUTOR, appIndex: 0 }, (outcome) => outcomes.push(outcome));
  return { scene, outcomes };
}

/** What a Status says, by the codec that the vectors of encoding and decoding check. Of ESP-IDF, one has another opcode. */
function decodedValue(hex: string): unknown {
  const opcode = hex.startsWith('8316') ? '8317' : hex.slice(0, 4);
  const type = FIRMWARE_DISTRIBUTION_MESSAGES.find((each) => each.opcode === Number.parseInt(opcode, 16));
  const decoded = type?.decode(fromHex(opcode + hex.slice(4)));
  if (decoded?.ok !== true) throw new Error(`${hex} does not decode`);
  return decoded.value;
}
