import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const FOLDER = new URL('../../../../../shared/captures/', import.meta.url);

/** Names of the recordings of other stacks; none (said once) where the shared folder is missing. */
export const captureNames: readonly string[] = namesOfCaptures();

/** The path of the recording itself. */
export function capturePath(name: string): string {
  return fileURLToPath(new URL(`${name}.jsonl.gz`, FOLDER));
}

/** One line of `NAME.expect.jsonl.gz`, which an independent decoder made. */
export interface ExpectedLine {
  readonly k: 'acc' | 'ctl' | 'snb' | 'mpb' | 'unprov';
  readonly t: number;
  readonly tend?: number;
  readonly src: number;
  readonly dst: number;
  readonly ttl: number;
  readonly seq: number;
  readonly iv: number;
  readonly cred?: string;
  readonly key: string;
  readonly mic?: number;
  readonly segs?: number;
  readonly label?: string;
  readonly op: string;
  readonly p: string;
  readonly net: number;
  readonly flags: number;
  readonly uuid: string;
  /** A number in Zephyr's captures, hex in BlueZ's. */
  readonly oob: number | string;
  readonly uri?: string;
}

export function expectedLines(name: string): ExpectedLine[] {
  const text = gunzipSync(readFileSync(new URL(`${name}.expect.jsonl.gz`, FOLDER))).toString();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ExpectedLine);
}

function namesOfCaptures(): string[] {
  if (existsSync(FOLDER)) {
    const files = readdirSync(FOLDER).filter((file) => file.endsWith('.keys.json'));
    return files.map((file) => file.replace('.keys.json', '')).sort();
  }
  console.log('skipped: ../shared/captures is not there, no traffic of other stacks is decoded');
  return [];
}
