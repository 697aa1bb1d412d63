import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { importViolations } from './imports.ts';
import { impureUses, purityViolations } from './purity.ts';

describe('a small repository with core < crypto < network', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'meshferry-floors-'));
    addPackage('core', []);
    addPackage('crypto', ['core']);
    addPackage('network', ['crypto']);
    write('packages/core/src/bytes.ts', 'export const zero = 0;\n');
    write('packages/core/src/index.ts', "export { zero } from './bytes.ts';\n");
    write('packages/crypto/src/index.ts', "import { zero } from '@meshferry/core';\nexport const key = zero;\n");
    write('packages/network/src/index.ts', "import { key } from '@meshferry/crypto';\nexport const pdu = key;\n");
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('is clean without a planted violation', async () => {
    expect(await importViolations(root)).toEqual([]);
    expect(purityViolations(root)).toEqual([]);
  });

  it('reports an upward import, also one of types only', async () => {
    link('core', 'network');
    write('packages/core/src/up.ts', "import type { pdu } from '@meshferry/network';\nexport type P = typeof pdu;\n");
    expect(await importViolations(root)).toContain(
      'packages/core/src/up.ts: imports packages/network/src/index.ts (core may only import lower floors)',
    );
  });

  it('reports a deep import into the files of another package', async () => {
    write(
      'packages/crypto/src/deep.ts',
      "import { zero } from '../../core/src/bytes.ts';\nexport const deep = zero;\n",
    );
    const found = await importViolations(root);
    const edge = 'packages/crypto/src/deep.ts: imports packages/core/src/bytes.ts';
    expect(found).toContain(`${edge} (packages meet through index.ts only)`);
    expect(found).toContain(`${edge} (other packages are imported by name)`);
  });

  it('lets tests, and only tests, share the testing folder of a lower package', async () => {
    write('packages/core/src/testing/vectors.ts', 'export const vectors = [];\n');
    write('packages/crypto/src/a.test.ts', "export { vectors } from '../../core/src/testing/vectors.ts';\n");
    write('packages/crypto/src/b.ts', "export { vectors } from '../../core/src/testing/vectors.ts';\n");
    write('packages/crypto/src/testing/t.ts', 'export const t = 0;\n');
    write('packages/core/src/c.test.ts', "export { t } from '../../crypto/src/testing/t.ts';\n");
    expect(await importViolations(root)).toEqual([
      'packages/core/src/c.test.ts: imports packages/crypto/src/testing/t.ts (tests of core may only import its floor and lower ones)',
      'packages/crypto/src/b.ts: imports packages/core/src/testing/vectors.ts (packages meet through index.ts only)',
    ]);
  });

  it('reports a path inside a package name, which its exports do not offer', async () => {
    write('packages/crypto/src/deep.ts', "export { zero } from '@meshferry/core/src/bytes.ts';\n");
    expect(await importViolations(root)).toEqual([expect.stringContaining('cannot be resolved')]);
  });

  it('reports a relative import of another package, even of its index', async () => {
    write('packages/crypto/src/near.ts', "export { zero } from '../../core/src/index.ts';\n");
    expect(await importViolations(root)).toContain(
      'packages/crypto/src/near.ts: imports packages/core/src/index.ts (other packages are imported by name)',
    );
  });

  it('reports a Node built-in below the edge, with or without its prefix, but not in a test', async () => {
    write('packages/core/src/file.ts', "export { readFileSync } from 'node:fs';\n");
    write('packages/core/src/path.ts', "export { join } from 'path';\n");
    write('packages/core/src/file.test.ts', "import { readFileSync } from 'node:fs';\nreadFileSync('x');\n");
    const found = await importViolations(root);
    expect(found).toEqual([
      expect.stringMatching(/^packages\/core\/src\/file\.ts: imports .*fs \(no Node built-in below the edge\)$/),
      expect.stringMatching(/^packages\/core\/src\/path\.ts: imports path \(no Node built-in below the edge\)$/),
    ]);
  });

  it('reports a package that is not declared, of this repository or of others', async () => {
    link('network', 'core');
    write('packages/network/src/bytes.ts', "export { zero } from '@meshferry/core';\n");
    write('node_modules/pad/package.json', '{"name":"pad","exports":"./pad.js"}');
    write('node_modules/pad/pad.js', 'export const pad = 0;\n');
    write('packages/network/src/pad.ts', "export { pad } from 'pad';\n");
    const found = await importViolations(root);
    expect(found).toEqual([
      'packages/network/src/bytes.ts: imports packages/core/src/index.ts (not declared in its package.json)',
      'packages/network/src/pad.ts: imports node_modules/pad/pad.js (not declared in its package.json)',
    ]);
  });

  it('reports a circle of files', async () => {
    write('packages/core/src/bytes.ts', "import { one } from './one.ts';\nexport const zero = one - 1;\n");
    write('packages/core/src/one.ts', "import { zero } from './bytes.ts';\nexport const one = zero + 1;\n");
    expect(await importViolations(root)).toEqual([expect.stringContaining('(no cycles)')]);
  });

  it('accepts a circle that types alone close', async () => {
    write('packages/core/src/bytes.ts', "import type { One } from './one.ts';\nexport const zero: One = 0;\n");
    write(
      'packages/core/src/one.ts',
      "import { zero } from './bytes.ts';\nexport type One = number;\nexport const one = zero;\n",
    );
    expect(await importViolations(root)).toEqual([]);
  });

  it('reports a package without a floor', async () => {
    addPackage('attic', []);
    expect(await importViolations(root)).toEqual([expect.stringContaining('packages/attic: has no floor')]);
  });

  it('reports the clock and chance of the system below the edge, but not at the edge or in a test', () => {
    addPackage('store-sqlite', []);
    const text = 'export const t = () => Date.now();\n';
    write('packages/core/src/time.ts', text);
    write('packages/core/src/time.test.ts', text);
    write('packages/store-sqlite/src/time.ts', text);
    expect(purityViolations(root)).toEqual([
      'packages/core/src/time.ts:1: uses Date.now, which does not belong below the edge',
    ]);
  });

  function addPackage(name: string, dependencies: string[]): void {
    const manifest = {
      name: `@meshferry/${name}`,
      type: 'module',
      exports: { '.': { '@meshferry/source': './src/index.ts' } },
      dependencies: Object.fromEntries(dependencies.map((dependency) => [`@meshferry/${dependency}`, 'workspace:*'])),
    };
    write(`packages/${name}/package.json`, JSON.stringify(manifest));
    for (const dependency of dependencies) link(name, dependency);
  }

  function link(from: string, to: string): void {
    const path = join(root, 'packages', from, 'node_modules/@meshferry', to);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(join(root, 'packages', to), path, 'junction');
  }

  function write(file: string, text: string): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
});

describe('impure uses', () => {
  it.each([
    ['Date.now()', 'Date.now'],
    ['new Date()', 'new Date()'],
    ['performance.now()', 'performance'],
    ['setTimeout(() => {}, 1)', 'setTimeout'],
    ['globalThis.setTimeout(() => {}, 1)', 'globalThis.setTimeout'],
    ['const later = setInterval', 'setInterval'],
    ['const o = { setImmediate }', 'setImmediate'],
    ['Math.random()', 'Math.random'],
    ['crypto.getRandomValues(new Uint8Array(1))', 'crypto.getRandomValues'],
    ['console.log(1)', 'console'],
    ['process.exit()', 'process'],
    ['Buffer.from([])', 'Buffer'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text under test
    ['const s = `${Date.now()}`', 'Date.now'],
  ])('%s is found', (text, use) => {
    expect(impureUses('x.ts', text)).toEqual([`x.ts:1: uses ${use}, which does not belong below the edge`]);
  });

  it.each([
    ['comments', '// setTimeout(1)\n/* Math.random() */ export {}'],
    ['strings', "const s = 'Date.now()'"],
    ['members of other objects', 'clock.setTimeout(1); pdu.process(); stack.console = 1'],
    ['members declared by name', 'interface A { process(): void; performance: number }\nclass B { process() {} }'],
    ['names the file declares itself', 'function process(pdu: number) { return pdu }\nprocess(1)'],
    ['the portable globals', 'Math.max(1, 2); crypto.subtle; new Date(0); new TextEncoder()'],
  ])('%s are not', (_name, text) => {
    expect(impureUses('x.ts', text)).toEqual([]);
  });
});

it('byte streams are below the bearers that use them, and at the edge as they are', async () => {
  const { importable, isPure } = await import('./floors.ts');
  expect(['node', 'smp', 'byte-streams', 'bearer-hci', 'smp-serial', 'cli'].map(isPure)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  for (const user of ['bearer-hci', 'bearer-dongle', 'smp-serial']) expect(importable(user)).toContain('byte-streams');
  expect(importable('byte-streams')).not.toContain('bearer-hci');
  expect(importable('node')).not.toContain('byte-streams');
});

it('every package of this repository has a floor', async () => {
  const { packagesOf } = await import('./workspace.ts');
  const { floorOf } = await import('./floors.ts');
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  expect(packagesOf(root).filter(({ folder }) => floorOf(folder) < 0)).toEqual([]);
});
