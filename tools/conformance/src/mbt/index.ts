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
  ...unwritten(['TESTER/856'], 'block 2^18, chunk 11: too many chunks by the full-block rule that our client keeps to'),
  ...unwritten(
    ['TESTER/859'],
    'loss within 67 s: our client sends again at 67 s, loses at the client timeout (70.3 s)',
  ),
  ...unwritten(
    ['blob_cli_broadcast_trans'],
    'acknowledged, unacknowledged, optional steps: our client has no optional ones',
  ),
  ...unknown(numbered('MBT/SR/BT/BV-', 1, 9), 'BLOB Transfer Server'),
  ...unknown(numbered('MBT/SR/BT/BV-', 11, 38), 'BLOB Transfer Server'),
  ...unknown(numbered('MBT/SR/BT/BI-', 1, 2), 'BLOB Transfer Server, invalid behaviour of the client'),
  ...unknown(numbered('MBT/CL/BT/BV-', 1, 8), 'BLOB Transfer Client'),
];
