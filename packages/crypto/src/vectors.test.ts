import { describe, expect, it } from 'vitest';
import { portableCrypto } from './portable.ts';
import { checkCase, checkNegative, vectors } from './testing/vectors.ts';

describe('portableCrypto against vectors/crypto.json', () => {
  it('finds the whole collection', () => {
    expect(vectors.cases).toHaveLength(101);
    expect(vectors.negative).toHaveLength(17);
  });
  it.each(vectors.cases)('computes $fn: $id', (test) => checkCase(portableCrypto, test));
  it.each(vectors.negative)('refuses $id: $why', (test) => checkNegative(portableCrypto, test));
});
