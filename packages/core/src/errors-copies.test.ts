import { expect, test, vi } from 'vitest';
import { MeshError, toMeshError } from './errors.ts';

class Special extends MeshError {}

test('an error of another copy of this package is one as well', async () => {
  vi.resetModules();
  const other = await import('./errors.ts');
  expect(other.MeshError).not.toBe(MeshError);
  const foreign: unknown = new other.MeshError('bad-bearer-uri', 'no name', { hint: 'Give one.' });
  expect(foreign instanceof MeshError).toBe(true);
  expect(toMeshError(foreign)).toBe(foreign);
  expect(foreign instanceof Special).toBe(false);
});

test('nothing else is one', () => {
  const likeOne = Object.assign(new Error('x'), { code: 'internal', hint: 'x' });
  for (const value of [likeOne, { name: 'MeshError' }, null, undefined, 'MeshError']) {
    expect(value instanceof MeshError).toBe(false);
  }
  expect(new Special('a', 'b') instanceof MeshError).toBe(true);
  expect(new Special('a', 'b') instanceof Special).toBe(true);
  expect(new MeshError('a', 'b') instanceof Special).toBe(false);
});
