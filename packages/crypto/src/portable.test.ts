import { describe } from 'vitest';
import { portableCrypto } from './portable.ts';
import { describeMalformedInputs } from './testing/malformed.ts';

describe('portableCrypto on malformed inputs', () => describeMalformedInputs(portableCrypto));
