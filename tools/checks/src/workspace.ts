import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A package of the repository that others can install. */
export interface Package {
  /** Folder name: `core`. */
  folder: string;
  /** Path from the root, with slashes: `packages/core`. */
  path: string;
  manifest: Manifest;
}

/** What the checks read of a package.json. */
export interface Manifest {
  name: string;
  description: string;
  license: string;
  bin?: Record<string, string>;
  dependencies?: Record<string, string>;
  private?: boolean;
}

/** The packages under packages/ and apps/. */
export function packagesOf(root: string): Package[] {
  const found: Package[] = [];
  for (const group of ['packages', 'apps']) {
    if (!existsSync(join(root, group))) continue;
    for (const folder of readdirSync(join(root, group)).sort()) {
      const file = join(root, group, folder, 'package.json');
      if (!existsSync(file)) continue;
      found.push({ folder, path: `${group}/${folder}`, manifest: JSON.parse(readFileSync(file, 'utf8')) });
    }
  }
  return found;
}

/** Test code: free of the rules that keep published sources pure. */
export const testFile = /\.(test|bench)\.tsx?$|\/testing\//;

/** All TypeScript files of a package's `src`, as paths from the root with slashes, sorted. */
export function sourcesOf(root: string, { path }: Package): string[] {
  const folder = join(root, path, 'src');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => `${path}/src/${file.replaceAll('\\', '/')}`)
    .sort();
}
