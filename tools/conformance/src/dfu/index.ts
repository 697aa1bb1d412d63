import { type Case, numbered, unknown } from '../case.ts';
import { clientScenarios } from './client-scenarios.ts';
import { clientSequence } from './client-sequence.ts';
import { clientSteps } from './client-steps.ts';
import { distributorList } from './distributor-list.ts';
import { distributorMatrix } from './distributor-matrix.ts';
import { distributorPower } from './distributor-power.ts';
import { distributorScenarios } from './distributor-scenarios.ts';
import { distributorStart } from './distributor-start.ts';
import { endToEnd } from './end-to-end.ts';
import { outOfBand } from './out-of-band.ts';
import { slotCases } from './slots.ts';
import { targetApply } from './target-apply.ts';
import { targetEffects } from './target-effects.ts';
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
  ...targetEffects,
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
  ...outOfBand,
  ...endToEnd,
  ...unknown(['DFU/SR-CL/GEN/BV-01'], 'all models answer with the AppKey that they are bound to'),
  ...unknown(numbered('DFU/CL/FU/BV-', 1), 'Start to Apply with one target'),
  ...unknown(numbered('DFU/CL/FU/BV-', 3), 'Firmware Update Client'),
  ...unknown(numbered('DFU/SR/FU/BV-', 1, 22), 'Firmware Update Server'),
  ...unknown(numbered('DFU/SR/FD/BV-', 1, 4), 'receivers, capabilities, upload in band'),
  ...unknown(numbered('DFU/SR/FD/BV-', 6), 'upload out of band'),
  ...unknown(numbered('DFU/SR/FD/BV-', 7), 'time-out of an upload'),
  ...unknown(numbered('DFU/SR/FD/BV-', 9, 12), 'receivers, capabilities, upload in band'),
  ...unknown(numbered('DFU/SR/FD/BV-', 13, 18), 'upload out of band'),
  ...unknown(numbered('DFU/SR/FD/BV-', 19, 20), 'upload'),
  ...unknown(numbered('DFU/SR/FD/BV-', 35, 46), 'Start, Suspend, Cancel, Apply in the phases'),
  ...unknown(numbered('DFU/SR/FD/BV-', 48), 'distribution with an Update Server on the Distributor'),
  ...unknown(numbered('DFU/SR/FD/BV-', 49, 57), 'Start, Suspend, Cancel, Apply in the phases'),
  ...unknown(numbered('DFU/SR/FD/BV-', 58), 'upload out of band'),
  ...unknown(numbered('DFU/SR/FD/BV-', 59), 'Start in Canceling'),
];
