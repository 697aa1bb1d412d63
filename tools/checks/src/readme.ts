import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Package, packagesOf } from './workspace.ts';

/** Writes the README of every package from its package comment. Gives the problems that kept it from doing so. */
export function writeReadmes(root: string): string[] {
  return eachReadme(root, (file, text) => {
    writeFileSync(join(root, file), text);
    return [];
  });
}

/** READMEs that are missing or differ from what the package comment says now. */
export function readmeViolations(root: string): string[] {
  return eachReadme(root, (file, text) => {
    const path = join(root, file);
    if (existsSync(path) && readFileSync(path, 'utf8') === text) return [];
    return [`${file}: differs from the package comment, run "pnpm readme"`];
  });
}

function eachReadme(root: string, act: (file: string, text: string) => string[]): string[] {
  return packagesOf(root).flatMap((pkg) => {
    const index = `${pkg.path}/src/index.ts`;
    const comment = existsSync(join(root, index)) ? packageComment(readFileSync(join(root, index), 'utf8')) : undefined;
    if (comment === undefined) return [`${index}: has no package comment (/** … @packageDocumentation */)`];
    return act(`${pkg.path}/README.md`, readme(pkg, comment));
  });
}

/** The text of the comment that carries `@packageDocumentation`, tags removed and links made plain; undefined without one. */
export function packageComment(source: string): string | undefined {
  for (const [, body = ''] of source.matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
    if (!body.includes('@packageDocumentation')) continue;
    const text = body
      .split('\n')
      .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
      .join('\n')
      .replace(/@packageDocumentation[\s\S]*/, '')
      .replace(/\{@link\s+([^}|\s]+)[^}]*\}/g, '`$1`')
      .trim();
    return text === '' ? undefined : text;
  }
  return undefined;
}

/** What npm and a reader of the folder see. */
export function readme({ manifest }: Package, comment: string): string {
  const { name, description, license, bin } = manifest;
  const install = bin === undefined ? `npm install ${name}` : `npm install --global ${name}`;
  const opening = plain(comment).startsWith(plain(description)) ? [] : [description];
  return `${[
    `# ${name}`,
    ...opening,
    comment,
    '## Install',
    `\`\`\`sh\n${install}\n\`\`\``,
    `ES modules, Node 20.19 or later. Part of [Meshferry](https://github.com/meshferry/meshferry), firmware updates over
Bluetooth Mesh. Every exported symbol is documented in its types.`,
    '## Licence',
    license,
    '<!-- Written by "pnpm readme" from the package comment in src/index.ts: edit that. -->',
  ].join('\n\n')}\n`;
}

function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/\.$/, '').toLowerCase();
}
