import { describe } from 'vitest';
import { testMessageCodecs } from '../../access/src/testing/index.ts';
import { FOUNDATION_MESSAGES } from './families.ts';

describe('every message of the foundation models', () => testMessageCodecs(FOUNDATION_MESSAGES));
