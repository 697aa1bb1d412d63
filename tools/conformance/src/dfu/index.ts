import type { Case } from '../case.ts';
import { clientScenarios } from './client-scenarios.ts';
import { clientSequence } from './client-sequence.ts';
import { clientSteps } from './client-steps.ts';
import { distributorList } from './distributor-list.ts';
import { distributorMatrix } from './distributor-matrix.ts';
import { distributorPower } from './distributor-power.ts';
import { distributorScenarios } from './distributor-scenarios.ts';
import { distributorStart } from './distributor-start.ts';
import { slotCases } from './slots.ts';
import { targetApply } from './target-apply.ts';
import { targetInformation } from './target-information.ts';
import { targetMatrix } from './target-matrix.ts';
import { targetPower } from './target-power.ts';
import { targetStart } from './target-start.ts';
import { uploadCases } from './upload-cases.ts';
import { uploadMatrix } from './upload-matrix.ts';

/** Firmware Update and Distribution: the Target, the updater and the Distributor of @meshferry/dfu. */
export const dfu: readonly Case[] = [
  ...targetMatrix,
  ...targetStart,
  ...targetInformation,
  ...targetApply,
  ...targetPower,
  ...clientScenarios,
  ...clientSteps,
  ...clientSequence,
  ...distributorMatrix,
  ...distributorStart,
  ...distributorList,
  ...distributorPower,
  ...distributorScenarios,
  ...slotCases,
  ...uploadMatrix,
  ...uploadCases,
];
