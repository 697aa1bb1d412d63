import { describe } from 'vitest';
import { describeMalformedInputs } from '../../crypto/src/testing/malformed.ts';
import { nodeCrypto } from './node-crypto.ts';

describe('nodeCrypto on malformed inputs', () => describeMalformedInputs(nodeCrypto));
