import { existsSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../../../../../shared/firmware/', import.meta.url);

interface GroundTruth {
  real: ({ path: string; kind: string } & Record<string, unknown>)[];
  synthetic: {
    path: string;
    sha256: string;
    entries: string[];
    images?: unknown[];
    expect: {
      accept: boolean;
      reason?: string;
      directXip?: boolean;
      targets?: { file: string; image: number; slot: number }[];
    };
  }[];
}

/** What the real and synthetic firmware files hold; null (said once) where the shared folder is missing. */
export const groundTruth: GroundTruth | null = readGroundTruth();

export function firmwareFile(path: string): Uint8Array;
export function firmwareFile(path: string, encoding: 'latin1'): string;
export function firmwareFile(path: string, encoding?: 'latin1'): Uint8Array | string {
  const octets = readFileSync(new URL(path, FOLDER));
  return encoding === undefined ? new Uint8Array(octets) : octets.toString(encoding);
}

function readGroundTruth(): GroundTruth | null {
  const manifest = new URL('manifest.json', FOLDER);
  if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, 'utf8')) as GroundTruth;
  console.log('skipped: ../shared/firmware is not there, real packages are not read');
  return null;
}
