import { type Case, numbered, unknown, unwritten } from '../case.ts';
import { clientControl } from './client-control.ts';
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
  ...unwritten(['TESTER/856', 'TESTER/859', 'blob_cli_broadcast_trans', 'blob_cli_friend'], 'BLOB Transfer'),
  ...unknown(numbered('MBT/SR/BT/BV-', 1, 9), 'BLOB Transfer Server'),
  ...unknown(numbered('MBT/SR/BT/BV-', 11, 38), 'BLOB Transfer Server'),
  ...unknown(numbered('MBT/SR/BT/BI-', 1, 2), 'BLOB Transfer Server, invalid behaviour of the client'),
  ...unknown(numbered('MBT/CL/BT/BV-', 1, 8), 'BLOB Transfer Client'),
];
