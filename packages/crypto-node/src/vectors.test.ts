import { describe, it } from 'vitest';
import { checkCase, checkNegative, vectors } from '../../crypto/src/testing/vectors.ts';
import { nodeCrypto } from './node-crypto.ts';

describe('nodeCrypto against vectors/crypto.json', () => {
  it.each(vectors.cases)('computes $fn: $id', (test) => checkCase(nodeCrypto, test));
  it.each(vectors.negative)('refuses $id: $why', (test) => checkNegative(nodeCrypto, test));
});
