import type { Case } from './case.ts';
import { dfu } from './dfu/index.ts';
import { mbt } from './mbt/index.ts';

/**
 * All test cases: the one list that the table and the tests are made from. Another profile (a folder like `mbt`, with its
 * `ids.json` and its cases) joins here.
 */
export const profiles: Readonly<Record<string, readonly Case[]>> = { mbt, dfu };
