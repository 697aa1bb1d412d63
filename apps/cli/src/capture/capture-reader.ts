import { gunzipSync } from 'node:zlib';
import {
  AD_MESH_BEACON,
  AD_MESH_MESSAGE,
  AD_PB_ADV,
  AD_SERVICE_DATA,
  type AdStructure,
  decodeAdStructures,
  readPcap,
} from '@meshferry/bearer';
import { fromHex } from '@meshferry/core';
import { badInput } from '../shell/exit.ts';
import { readInputFile } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';
import type { GattDirection } from './decoder.ts';

/** One advertising event of a capture. */
export interface CaptureLine extends AdStructure {
  /** Line of the file, or packet, from 1. */
  readonly line: number;
  /** Microseconds. */
  readonly t: number;
  /** Number of the transmitting device, if the capture says. */
  readonly d: number | undefined;
  /** No advertising event but an attribute value (`data`) on the link of device `d` to a Proxy Server. */
  readonly gatt?: GattDirection;
}

/** Octets of a capture once unpacked: longer than any run, shorter than what a hostile archive unfolds to. */
const UNPACKED_MAX = 1024 * 1024 * 1024;
const NONE: AdStructure = { type: 0, data: new Uint8Array(0) };
const MESH_TYPES: readonly number[] = [AD_PB_ADV, AD_MESH_MESSAGE, AD_MESH_BEACON, AD_SERVICE_DATA];

/** The events of a capture file (.jsonl, .jsonl.gz, .pcap), in the order of the file. What cannot be read: exit code 2. */
export function readCapture(io: Io, path: string): Generator<CaptureLine> {
  return captureLines(readInputFile(io, path, 'capture'), path);
}

/** The events in the octets of a capture file; `path` is for messages. */
export function* captureLines(file: Uint8Array, path: string): Generator<CaptureLine> {
  const octets = unpacked(file, path);
  const packets = readPcap(octets);
  if (packets !== undefined) {
    for (const [i, { t, device, advertisingData }] of packets.entries()) {
      yield { line: i + 1, t, d: device, ...meshStructure(advertisingData) };
    }
    return;
  }
  let line = 0;
  for (const text of linesOf(octets)) {
    line++;
    if (text !== '') yield readLine(text, line, path);
  }
}

function unpacked(octets: Uint8Array, path: string): Uint8Array {
  if (octets[0] !== 0x1f || octets[1] !== 0x8b) return octets;
  try {
    return gunzipSync(octets, { maxOutputLength: UNPACKED_MAX });
  } catch (thrown) {
    throw unreadable(path, `it cannot be unpacked (${(thrown as Error).message})`);
  }
}

/** Line by line: the text of all of it may be too long for one string. */
function* linesOf(octets: Uint8Array): Generator<string> {
  const decoder = new TextDecoder();
  for (let from = 0; from < octets.length; ) {
    const end = octets.indexOf(0x0a, from);
    const to = end < 0 ? octets.length : end;
    yield decoder.decode(octets.subarray(from, to)).trim();
    from = to + 1;
  }
}

function readLine(text: string, line: number, path: string): CaptureLine {
  const json = parse(text, line, path);
  const { t, d, ad, p, adv, gatt } = json;
  if (typeof t !== 'number') throw unreadable(path, `line ${line} has no time "t"`);
  const event = { line, t, d: typeof d === 'number' ? d : undefined };
  if (typeof ad === 'number' && typeof p === 'string') return { ...event, type: ad, data: hex(p, line, path) };
  if ((gatt === 'in' || gatt === 'out') && typeof p === 'string') {
    return { ...event, type: 0, data: hex(p, line, path), gatt };
  }
  if (typeof adv === 'string') return { ...event, ...meshStructure(hex(adv, line, path)) };
  throw unreadable(path, `line ${line} has neither "ad" and "p" nor "adv"`);
}

function parse(text: string, line: number, path: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>;
  } catch {
    throw unreadable(path, `line ${line} is not JSON`);
  }
  throw unreadable(path, `line ${line} is not a JSON object`);
}

function hex(text: string, line: number, path: string): Uint8Array {
  try {
    return fromHex(text);
  } catch {
    throw unreadable(path, `line ${line} has octets that are not hex`);
  }
}

/** The structure of an advertisement that matters to a mesh; the first one when none does. */
function meshStructure(advertisingData: Uint8Array): AdStructure {
  const structures = decodeAdStructures(advertisingData);
  return structures.find(({ type }) => MESH_TYPES.includes(type)) ?? structures[0] ?? NONE;
}

function unreadable(path: string, why: string): Error {
  return badInput(
    'bad-capture',
    `capture ${path}: ${why}`,
    'Give a .jsonl, .jsonl.gz or .pcap as "meshferry capture" writes it.',
  );
}
