import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('../../../../../shared/firmware/', import.meta.url);

interface GroundTruth {
  readonly real: readonly ({ readonly path: string; readonly kind: string } & Record<string, unknown>)[];
  readonly synthetic: readonly {
    readonly path: string;
    readonly expect: { readonly accept: boolean; readonly reason?: string };
  }[];
}

/** What the real and synthetic firmware files hold; null (said once) where the shared folder is missing. */
export const groundTruth: GroundTruth | null = readGroundTruth();

/** The path of one of those files. */
export function sharedFirmware(path: string): string {
  return fileURLToPath(new URL(path, FOLDER));
}

function readGroundTruth(): GroundTruth | null {
  const manifest = new URL('manifest.json', FOLDER);
  if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, 'utf8')) as GroundTruth;
  console.log('skipped: ../shared/firmware is not there, real firmware is not read');
  return null;
}
