import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData, type ResolutionKind } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { type Package, packagesOf } from './workspace.ts';

const run = promisify(execFile);

/** Resolutions that a package of ES modules only does not serve (attw's profile "esm-only"). */
const notServed: readonly ResolutionKind[] = ['node10', 'node16-cjs'];

/**
 * What publint and arethetypeswrong say about the tarball of every public package, and sources or tests that slipped into
 * it. Needs a build. Verdicts are kept by content, so unchanged packages cost nothing. One line each; empty when all is well.
 */
export async function packageViolations(root: string): Promise<string[]> {
  const cache = join(root, 'node_modules/.cache/meshferry-packages.json');
  const known: Record<string, string[]> = existsSync(cache) ? JSON.parse(readFileSync(cache, 'utf8')) : {};
  const kept: Record<string, string[]> = {};
  const violations: string[] = [];
  const waiting = packagesOf(root).filter(({ manifest }) => manifest.private !== true);
  const worker = async (): Promise<void> => {
    for (let pkg = waiting.shift(); pkg !== undefined; pkg = waiting.shift()) {
      const hash = contentHash(root, pkg);
      const found = known[hash] ?? (await tarballViolations(root, pkg));
      kept[hash] = found;
      violations.push(...found);
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true });
  writeFileSync(cache, JSON.stringify(kept));
  return violations.sort();
}

async function tarballViolations(root: string, { path }: Package): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'meshferry-pack-'));
  try {
    const pnpm = join(root, 'node_modules/pnpm/bin/pnpm.cjs');
    await run(process.execPath, [pnpm, 'pack', '--pack-destination', folder], { cwd: join(root, path) });
    const [file = ''] = readdirSync(folder);
    const bytes = readFileSync(join(folder, file));
    const tarball = new Uint8Array(bytes).buffer;
    const { messages, pkg } = await publint({ strict: true, pack: { tarball } });
    const lint = messages.map((message) => `${path}: publint: ${formatMessage(message, pkg, { color: false })}`);
    return [...lint, ...(await typeProblems(path, new Uint8Array(tarball)))];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function typeProblems(path: string, tarball: Uint8Array): Promise<string[]> {
  const contents = createPackageFromTarballData(tarball);
  const strays = contents
    .listFiles()
    .filter((file) => /\.(test|bench)\.|\/(testing|vectors|src)\/|\.tsbuildinfo$/.test(file))
    .map((file) => `${path}: would publish ${file}`);
  const analysis = await checkPackage(contents);
  if (analysis.types === false) return [...strays, `${path}: arethetypeswrong finds no types`];
  const problems = analysis.problems
    .filter((problem) => !('resolutionKind' in problem && notServed.includes(problem.resolutionKind)))
    .map((problem) => `${path}: arethetypeswrong: ${JSON.stringify(problem)}`);
  return [...strays, ...problems];
}

/** Of everything that can change the verdict: what is packed, and the tools by their lockfile-pinned manifests. */
function contentHash(root: string, { path }: Package): string {
  const hash = createHash('sha256').update(readFileSync(join(root, 'tools/checks/package.json')));
  for (const part of ['package.json', 'README.md', 'bin', 'dist', 'firmware']) {
    for (const file of filesUnder(join(root, path, part)))
      hash.update(file.slice(root.length)).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function filesUnder(path: string): string[] {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesUnder(join(path, name)));
}
