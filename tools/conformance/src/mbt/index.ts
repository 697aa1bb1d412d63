import { type Case, numbered, unknown, unwritten } from '../case.ts';
import { clientControl } from './client-control.ts';
import { clientFriend } from './client-friend.ts';
import { clientInformation } from './client-information.ts';
import { clientPush } from './client-push.ts';
import { clientScenarios } from './client-scenarios.ts';
import { serverBlocks } from './server-block.ts';
import { serverMatrix } from './server-matrix.ts';
import { serverPower } from './server-power.ts';
import { serverPull } from './server-pull.ts';
import { serverStart } from './server-start.ts';
import { testerSteps } from './tester-steps.ts';

/** BLOB Transfer: the Server and the Client of @meshferry/blob. */
export const mbt: readonly Case[] = [
  ...serverMatrix,
  ...serverStart,
  ...serverBlocks,
  ...serverPull,
  ...serverPower,
  ...testerSteps,
  ...clientInformation,
  ...clientScenarios,
  ...clientPush,
  ...clientControl,
  ...clientFriend,
  ...unwritten(
    ['TESTER/859'],
    'loss reported within 67 s of the prompt of the tester, which shows it at a moment that is not public; by the tester settings nobody is lost before the client timeout of 70.3 s (CL/PULL/01 has both times)',
  ),
  ...unknown(numbered('MBT/SR/BT/BV-', 1, 9), 'BLOB Transfer Server'),
  ...unknown(numbered('MBT/SR/BT/BV-', 11, 38), 'BLOB Transfer Server'),
  ...unknown(numbered('MBT/SR/BT/BI-', 1, 2), 'BLOB Transfer Server, invalid behaviour of the client'),
  ...unknown(numbered('MBT/CL/BT/BV-', 1, 8), 'BLOB Transfer Client'),
];
