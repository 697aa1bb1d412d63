import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pcapHeader, pcapPacket } from '@meshferry/bearer';
import { toHex, utf8 } from '@meshferry/core';
import { badInput } from '../shell/exit.ts';
import { type CaptureKeys, keysFileOf } from './capture-keys.ts';
import type { GattDirection } from './decoder.ts';
import { wiresharkTables } from './wireshark-tables.ts';

/** One advertising event to be written. */
export interface AdvertisingEvent {
  /** Microseconds. */
  readonly t: number;
  /** Number of the transmitting device. */
  readonly device: number;
  readonly type: number;
  readonly data: Uint8Array;
}

/** An attribute value on a link to a proxy. */
export interface ValueEvent {
  /** Microseconds. */
  readonly t: number;
  /** Number of the link. */
  readonly device: number;
  readonly gatt: GattDirection;
  readonly data: Uint8Array;
}

export type CaptureEvent = AdvertisingEvent | ValueEvent;

type Format = 'pcap' | 'jsonl' | 'jsonl.gz';

const FORMATS: readonly Format[] = ['pcap', 'jsonl', 'jsonl.gz'];
const CHANNELS: readonly number[] = [37, 38, 39];
const ADV_NONCONN_IND = 2;
const RSSI_UNKNOWN = 127;
/** Octets that are collected before they are written. */
const BUFFER = 64 * 1024;
/** Keys are for their owner alone. */
const OWNER_ONLY = 0o600;

/** A capture file being written, with its keys beside it. Octets are on the disk at the latest with {@link close}. */
export class CaptureWriter {
  readonly path: string;
  /** What was written beside it. */
  readonly keyFiles: readonly string[];
  readonly #format: Format;
  readonly #file: number;
  #waiting: Uint8Array[] = [];
  #octets = 0;
  #events = 0;

  /** Opens the file and writes the keys; ends the command with exit code 2 when that cannot be. */
  constructor(path: string, keys: CaptureKeys) {
    this.path = path;
    this.#format = formatOf(path);
    try {
      mkdirSync(dirname(path), { recursive: true });
      this.#file = openSync(path, 'w');
      this.keyFiles = writeKeys(path, this.#format, keys);
    } catch (thrown) {
      throw badInput('cannot-write', `cannot write ${path}: ${(thrown as Error).message}`, 'Check --out and the disk.');
    }
    if (this.#format === 'pcap') this.#write(pcapHeader());
  }

  /** Events written. */
  get events(): number {
    return this.#events;
  }

  /** A .pcap of advertising channels has no place for values on links: they are left out. */
  add(event: CaptureEvent): void {
    if ('gatt' in event) {
      if (this.#format === 'pcap') return;
      this.#events++;
      this.#write(valueLine(event));
      return;
    }
    this.#events++;
    this.#write(this.#format === 'pcap' ? pcapPacket({ ...event, rssi: RSSI_UNKNOWN }) : jsonLine(event));
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #write(octets: Uint8Array): void {
    this.#waiting.push(octets);
    this.#octets += octets.length;
    if (this.#octets >= BUFFER) this.#flush();
  }

  /** A gzip file may consist of several members. */
  #flush(): void {
    if (this.#octets === 0) return;
    const octets = Buffer.concat(this.#waiting);
    writeSync(this.#file, this.#format === 'jsonl.gz' ? gzipSync(octets) : octets);
    this.#waiting = [];
    this.#octets = 0;
  }
}

function formatOf(path: string): Format {
  const format = FORMATS.find((ending) => path.endsWith(`.${ending}`));
  if (format !== undefined) return format;
  throw badInput('unknown-format', `what shall ${path} be?`, 'End its name in .pcap, .jsonl or .jsonl.gz.');
}

function valueLine({ t, device, gatt, data }: ValueEvent): Uint8Array {
  return utf8(`${JSON.stringify({ t, d: device, gatt, p: toHex(data) })}\n`);
}

function jsonLine({ t, device, type, data }: AdvertisingEvent): Uint8Array {
  return utf8(`${JSON.stringify({ t, d: device, ch: CHANNELS, pdu: ADV_NONCONN_IND, ad: type, p: toHex(data) })}\n`);
}

/** `NAME.keys.json` for `decode`; for Wireshark also its tables, in the folder `NAME.wireshark`. */
function writeKeys(path: string, format: Format, keys: CaptureKeys): string[] {
  const file = keysFileOf(path);
  writeFileSync(file, `${JSON.stringify(keys, null, 1)}\n`, { mode: OWNER_ONLY });
  if (format !== 'pcap') return [file];
  const folder = path.replace(/\.pcap$/, '.wireshark');
  mkdirSync(folder, { recursive: true });
  for (const [name, table] of Object.entries(wiresharkTables(keys))) {
    writeFileSync(join(folder, name), table, { mode: OWNER_ONLY });
  }
  return [file, folder];
}
