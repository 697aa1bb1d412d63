import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';

/** Recorded traffic of an independent implementation (Zephyr); its README says what is in the files. */
export const CAPTURES: URL = new URL('../../../../../shared/captures/', import.meta.url);
/** Outside of the project's own checkout there are no recordings. */
export const hasCaptures: boolean = existsSync(CAPTURES);

/** All recordings of BLOB Transfer, Firmware Update and Firmware Distribution. */
export const RECORDINGS = [
  'blob-information-nobody-answers',
  'blob-information-one-of-two-answers',
  'blob-pull-5-low-power-nodes-over-friend',
  'blob-push-4-servers',
  'blob-push-unsegmented-chunks',
  'blob-servers-drop-out',
  'dfd-initiator-full-run',
  'dfu-client-metadata-rejected-by-all',
  'dfu-client-no-answer-to-blob-information',
  'dfu-client-verification-fails',
  'dfu-distribution-1-target-2000-bytes',
  'dfu-distribution-4-targets',
  'dfu-distribution-metadata-rejected-by-one',
  'dfu-distribution-pull-2-targets',
] as const;

export type Recording = (typeof RECORDINGS)[number];

/** Our part that takes the place of the recorded one. `Distributor` is both: server of an Initiator, client of Targets. */
export type Part =
  | 'BlobClient'
  | 'BlobServer'
  | 'FirmwareUpdateClient'
  | 'FirmwareUpdateServer'
  | 'Distributor'
  | 'Initiator';

/** Which parts of ours each recording is replayed to. Each replay test takes its recordings from here. */
export const REPLAYS: Readonly<Record<Recording, readonly Part[]>> = {
  'blob-information-nobody-answers': ['BlobClient'],
  'blob-information-one-of-two-answers': ['BlobClient', 'BlobServer'],
  'blob-pull-5-low-power-nodes-over-friend': ['BlobClient', 'BlobServer'],
  'blob-push-4-servers': ['BlobClient', 'BlobServer'],
  'blob-push-unsegmented-chunks': ['BlobClient', 'BlobServer'],
  'blob-servers-drop-out': ['BlobClient', 'BlobServer'],
  'dfd-initiator-full-run': ['BlobServer', 'FirmwareUpdateServer', 'Distributor', 'Initiator'],
  'dfu-client-metadata-rejected-by-all': ['FirmwareUpdateClient', 'FirmwareUpdateServer'],
  'dfu-client-no-answer-to-blob-information': ['FirmwareUpdateClient', 'FirmwareUpdateServer'],
  'dfu-client-verification-fails': ['FirmwareUpdateClient', 'BlobServer', 'FirmwareUpdateServer'],
  'dfu-distribution-1-target-2000-bytes': ['Distributor', 'BlobServer', 'FirmwareUpdateServer'],
  'dfu-distribution-4-targets': ['Distributor', 'BlobServer', 'FirmwareUpdateServer'],
  'dfu-distribution-metadata-rejected-by-one': ['Distributor', 'BlobServer', 'FirmwareUpdateServer'],
  'dfu-distribution-pull-2-targets': ['Distributor', 'BlobServer', 'FirmwareUpdateServer'],
};

/** The recordings that are replayed to a part of ours. */
export function replayedTo(part: Part): Recording[] {
  return RECORDINGS.filter((name) => REPLAYS[name].includes(part));
}

/** An access message of a recording, times in ms. */
export interface RecordedMessage {
  /** First PDU. */
  readonly begun: number;
  /** Complete. */
  readonly at: number;
  readonly src: number;
  readonly dst: number;
  readonly ttl: number;
  /** Opcode and parameters. */
  readonly hex: string;
  /** Number of the device that it was first heard from. */
  readonly device?: number;
}

export interface RecordedBlob {
  readonly id: string;
  readonly mode: 'push' | 'pull';
  readonly size: number;
  readonly blockSizeLog: number;
  readonly chunkSize: number;
  readonly src: number;
  readonly sha256: string;
}

export interface RecordedKeys {
  readonly ivIndex: number;
  readonly netKeys: readonly { readonly index: number; readonly key: string }[];
  readonly appKeys: readonly { readonly index: number; readonly key: string }[];
  readonly devKeys: readonly { readonly key: string }[];
  readonly nodesSeen: readonly number[];
  readonly blobs?: readonly RecordedBlob[];
  readonly truth?: {
    readonly imageSize?: number;
    readonly imageSeed?: number;
    readonly imageBytes?: string;
    readonly fwid?: string;
    readonly currentFwidBefore?: string;
    readonly updateTimeoutBase?: number;
    readonly serverTimeoutBase?: number;
  };
}

/** An advertising event. */
export interface RecordedEvent {
  readonly t: number;
  /** Number of the device that sent it. */
  readonly d: number;
  readonly ad: number;
  readonly p: string;
}

/** The access messages, in the order in which they were complete. */
export function recordedMessages(name: string): RecordedMessage[] {
  return linesOf<Line>(`${name}.expect.jsonl.gz`)
    .filter(({ k }) => k === 'acc')
    .map(({ t, tend = t, p, ...line }) => ({ begun: t / 1000, at: tend / 1000, hex: p, device: line.d, ...line }));
}

export function recordedKeys(name: string): RecordedKeys {
  return JSON.parse(readFileSync(new URL(`${name}.keys.json`, CAPTURES), 'utf8')) as RecordedKeys;
}

export function recordedEvents(name: string): RecordedEvent[] {
  return linesOf<RecordedEvent>(`${name}.jsonl.gz`);
}

/** The image that was sent, made by the rule beside the recording; throws when its SHA-256 is another one. */
export function recordedImage(name: string): Uint8Array {
  const { blobs = [], truth = {} } = recordedKeys(name);
  const size = blobs[0]?.size ?? truth.imageSize ?? 0;
  const { imageSeed: seed } = truth;
  const image = new Uint8Array(size);
  if (seed !== undefined) for (let i = 0; i < size; i++) image[i] = patternOctet(i, seed);
  const sha256 = toHex(portableCrypto.sha256(image));
  for (const blob of blobs) if (blob.sha256 !== sha256) throw new Error(`${name}: the image is not the recorded one`);
  return image;
}

function patternOctet(i: number, seed: number): number {
  let x = (Math.imul(i, 2654435761) + Math.imul(seed, 40503)) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 2246822519) >>> 0;
  return (x ^ (x >>> 13)) & 0xff;
}

interface Line {
  readonly k: string;
  readonly t: number;
  readonly tend?: number;
  readonly d: number;
  readonly src: number;
  readonly dst: number;
  readonly ttl: number;
  readonly p: string;
}

function linesOf<T>(file: string): T[] {
  return gunzipSync(readFileSync(new URL(file, CAPTURES)))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

/** Opcode as the hex begins with it. */
export function opcodeOf(hex: string): string {
  return Number.parseInt(hex.slice(0, 2), 16) < 0x80 ? hex.slice(0, 2) : hex.slice(0, 4);
}

/** The block number in a Block Start. */
export function blockOf(blockStart: string): number {
  return numberAt(blockStart, 4);
}

/** Two octets, little-endian, at a position in hex digits. */
export function numberAt(hex: string, at: number): number {
  return Number.parseInt(hex.slice(at + 2, at + 4) + hex.slice(at, at + 2), 16);
}

const RESPONSES: Readonly<Record<string, string>> = {
  '8300': '8303',
  '8301': '8303',
  '8302': '8303',
  '8304': '67',
  '8305': '67',
  '8306': '8307',
  '8308': '8309',
  '830a': '830b',
  '830c': '8310',
  '830d': '8310',
  '830e': '8310',
  '830f': '8310',
  '8311': '8313',
  '8312': '8313',
  '8314': '8315',
  '8316': '8317',
  '8318': '831d',
  '8319': '831d',
  '831a': '831d',
  '831b': '831d',
  '831c': '831d',
  '831e': '8322',
  '831f': '8322',
  '8320': '8322',
  '8321': '8322',
  '8323': '8327',
  '8324': '8327',
  '8325': '8327',
  '8326': '8327',
};

/** The opcode that answers a message; undefined for chunks, reports and answers. */
export function responseTo(hex: string): string | undefined {
  return RESPONSES[opcodeOf(hex)];
}

/** A request with what it was answered by. */
export interface Exchange {
  readonly request: RecordedMessage;
  answer: RecordedMessage | undefined;
}

/** Whether a message of `by` is for `node`: to itself, or to a group (in these recordings all servers subscribe to it). */
export function isFor(message: RecordedMessage, by: number, node: number): boolean {
  return message.src === by && (message.dst === node || message.dst >= 0xc000);
}

/**
 * Requests of `by` to `node`, each with its answer: an answer belongs to the last request before it that asks for its
 * opcode. One that was not answered was not heard, or its answer got lost at the sender.
 */
export function exchanges(messages: readonly RecordedMessage[], by: number, node: number): Exchange[] {
  const pairs = messages
    .filter((message) => isFor(message, by, node) && responseTo(message.hex) !== undefined)
    .map((request): Exchange => ({ request, answer: undefined }))
    .sort((a, b) => a.request.begun - b.request.begun);
  for (const answer of messages) {
    if (answer.src !== node || answer.dst !== by) continue;
    const asked = pairs.findLast(
      ({ request, answer: given }) =>
        given === undefined && request.begun <= answer.begun && responseTo(request.hex) === opcodeOf(answer.hex),
    );
    if (asked !== undefined) asked.answer = answer;
  }
  return pairs;
}
