import { expect, it } from 'vitest';
import { packageComment, readme } from './readme.ts';

const source = `/**
 * Bytes and clocks. See {@link Clock}.
 *
 * \`\`\`ts
 * import { Clock } from '@meshferry/core';
 * \`\`\`
 *
 * @packageDocumentation
 */
/** Another comment. */
export * from './clock.ts';
`;

const pkg = {
  folder: 'core',
  path: 'packages/core',
  manifest: { name: '@meshferry/core', description: 'Bytes and clocks', license: 'Apache-2.0' },
};

it('takes the text and example of the package comment, without its tags', () => {
  expect(packageComment(source)).toBe(
    "Bytes and clocks. See `Clock`.\n\n```ts\nimport { Clock } from '@meshferry/core';\n```",
  );
});

it('finds no package comment where there is none', () => {
  expect(packageComment('/** Something else. */\nexport {};\n')).toBeUndefined();
  expect(packageComment('/** @packageDocumentation */\nexport {};\n')).toBeUndefined();
});

it('does not say twice what the comment opens with', () => {
  const text = readme(pkg, packageComment(source) ?? '');
  expect(text.match(/Bytes and clocks/g)).toHaveLength(1);
  expect(text).toContain('# @meshferry/core\n\nBytes and clocks. See');
  expect(text).toContain('npm install @meshferry/core\n');
});

it('opens with the description where the comment says something else, and installs commands globally', () => {
  const text = readme({ ...pkg, manifest: { ...pkg.manifest, bin: { core: './bin/core.js' } } }, 'Details.');
  expect(text).toContain('# @meshferry/core\n\nBytes and clocks\n\nDetails.');
  expect(text).toContain('npm install --global @meshferry/core\n');
});
