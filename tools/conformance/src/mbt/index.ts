import { type Case, numbered, unknown, unwritten } from '../case.ts';
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
  ...unwritten(
    [
      'TESTER/856',
      'TESTER/859',
      'blob_cli_caps_all_rsp',
      'blob_cli_caps_partial_rsp',
      'blob_cli_caps_no_rsp',
      'blob_cli_caps_cancelled',
      'blob_cli_broadcast_basic',
      'blob_cli_broadcast_trans',
      'blob_cli_broadcast_unicast',
      'blob_cli_broadcast_unicast_seq',
      'blob_cli_trans_complete_push',
      'blob_cli_trans_complete_pull',
      'blob_cli_trans_resume_push',
      'blob_cli_trans_resume_pull',
      'blob_cli_persistent_transfer',
      'blob_cli_persistent_transfer_pull',
      'blob_cli_no_rsp_block',
      'blob_cli_no_rsp_xfer',
      'blob_cli_friend',
      'blob_srv_persistence',
      ...numbered('CL/CAPS/', 1, 2),
      ...numbered('CL/PUSH/', 1, 9),
      ...numbered('CL/PULL/', 1, 2),
      ...numbered('CL/CTRL/', 1, 2),
      'CL/NET/01',
      'CL/MTU/01',
    ],
    'BLOB Transfer',
  ),
  ...unknown(numbered('MBT/SR/BT/BV-', 1, 9), 'BLOB Transfer Server'),
  ...unknown(numbered('MBT/SR/BT/BV-', 11, 38), 'BLOB Transfer Server'),
  ...unknown(numbered('MBT/SR/BT/BI-', 1, 2), 'BLOB Transfer Server, invalid behaviour of the client'),
  ...unknown(numbered('MBT/CL/BT/BV-', 1, 8), 'BLOB Transfer Client'),
];
