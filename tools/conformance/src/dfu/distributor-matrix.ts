import assert from 'node:assert/strict';
import { fromHex } from '@meshferry/core';
import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import { type Case, specified } from '../case.ts';
import {
  CAPABILITIES_GET,
  DISTRIBUTION_APPLY,
  DISTRIBUTION_CANCEL,
  DISTRIBUTION_GET,
  type DistributionFields,
  DistributorSetup,
  distributionStart,
  distributionStatus,
  FIRST_RECEIVER,
  firmwareStatus,
  OTHER_FIRMWARE_ID,
  RECEIVERS_DELETE_ALL,
  RECEIVERS_GET,
  receiverEntry,
  receiversAdd,
  receiversList,
  receiversStatus,
  SUSPEND,
} from '../testing/distributor-setup.ts';
import type { PeerTarget } from '../testing/peer-target.ts';
import { le16 } from '../testing/settings.ts';
import { NEW_ID } from '../testing/target-device.ts';

/** In the order of their values. */
const PHASES = [
  'Idle',
  'TransferActive',
  'TransferSuccess',
  'ApplyingUpdate',
  'Completed',
  'Failed',
  'CancelingUpdate',
  'TransferSuspended',
];

/** What is answered, and in what the Distributor is then. */
interface Cell {
  readonly answers: readonly string[];
  readonly phase: number;
  /** The parameters of the distribution after it; default: those of before. */
  readonly fields?: DistributionFields;
  /** Receivers after it; default 1. */
  readonly receivers?: number;
  /** Images after it; default both. */
  readonly images?: readonly string[];
  /** What goes to the target because of it: the opcode of the first message; default nothing. */
  readonly sent?: string;
  /** Whether a new distribution begins, with a new BLOB ID; `resumed`: the old one goes on. */
  readonly begins?: 'new' | 'resumed';
}

/** What goes to the target in a phase anyhow, again and again. */
const BACKGROUND: Readonly<Record<number, readonly string[]>> = {
  1: ['8304', '830d', '8306', '8300', '8301'],
  3: ['830f'],
  6: ['830e'],
};

const label = '00112233445566778899aabbccddeeff';
const labelAddress = le16(virtualAddress(portableCrypto, fromHex(label)));

/** The distribution of the matrix in each phase: only one that is verified alone reaches Transfer Success. */
const ofPhase = (phase: number): DistributionFields => ({ policy: phase === 2 ? 0 : 1 });

const OTHER_STARTS: Readonly<Record<string, (phase: number) => DistributionFields>> = {
  StartOtherAppKey: (phase) => ({ ...ofPhase(phase), app: 1 }),
  StartOtherTtl: (phase) => ({ ...ofPhase(phase), ttl: 4 }),
  StartOtherTimeoutBase: (phase) => ({ ...ofPhase(phase), base: 6 }),
  StartOtherMode: (phase) => ({ ...ofPhase(phase), mode: 2 }),
  StartOtherPolicy: (phase) => ({ policy: phase === 2 ? 1 : 0 }),
  StartOtherImage: (phase) => ({ ...ofPhase(phase), image: 1 }),
  StartOtherGroup: (phase) => ({ ...ofPhase(phase), multicast: '00c0' }),
  StartOtherLabel: (phase) => ({ ...ofPhase(phase), multicast: label, shown: labelAddress }),
};

const status = (code: number, phase: number): Cell => ({
  answers: [distributionStatus(code, phase, ofPhase(phase))],
  phase,
});

const isFinished = (phase: number): boolean => phase === 4 || phase === 5;
const mayStart = (phase: number): boolean => phase === 0 || isFinished(phase);

function begun(fields: DistributionFields): Cell {
  return { answers: [distributionStatus(0, 1, fields)], phase: 1, fields, sent: '830d', begins: 'new' };
}

/** What a target is known to be in each phase, as an entry of the list. */
const ENTRIES = [
  {},
  { phase: 2 },
  { phase: 4, percent: 100 },
  { phase: 6, percent: 100 },
  { phase: 8, percent: 100 },
  { phase: 0, status: 5 },
  { phase: 2 },
  { phase: 2 },
];

/** Rows: a message, and what it does in each phase [firmware-distribution.md 2.1]. */
const ROWS: Readonly<Record<string, readonly [message: (phase: number) => string, cell: (phase: number) => Cell]>> = {
  ReceiversAdd: [
    () => receiversAdd(FIRST_RECEIVER + 1),
    (phase) =>
      mayStart(phase)
        ? { answers: [receiversStatus(0, 2)], phase, receivers: 2 }
        : { answers: [receiversStatus(7, 1)], phase },
  ],
  ReceiversDeleteAll: [
    () => RECEIVERS_DELETE_ALL,
    (phase) =>
      mayStart(phase)
        ? { answers: [receiversStatus(0, 0)], phase: 0, receivers: 0 }
        : { answers: [receiversStatus(7, 1)], phase },
  ],
  ReceiversGet: [
    () => RECEIVERS_GET,
    (phase) => ({ answers: [receiversList(1, 0, receiverEntry(FIRST_RECEIVER, ENTRIES[phase]))], phase }),
  ],
  CapabilitiesGet: [
    () => CAPABILITIES_GET,
    (phase) => ({ answers: ['8317e8030400a00f0000401f00008c1e000000'], phase }),
  ],
  Get: [() => DISTRIBUTION_GET, (phase) => status(0, phase)],
  StartSame: [
    (phase) => distributionStart(ofPhase(phase)),
    (phase) => {
      if (phase === 0 || phase === 5) return begun(ofPhase(phase));
      if (phase === 6) return status(7, phase);
      if (phase !== 7) return status(0, phase);
      return { answers: [distributionStatus(0, 1)], phase: 1, sent: '830d', begins: 'resumed' };
    },
  ],
  ...Object.fromEntries(
    Object.entries(OTHER_STARTS).map(([name, fields]) => [
      name,
      [
        (phase: number) => distributionStart(fields(phase)),
        (phase: number) => (mayStart(phase) ? begun(fields(phase)) : status(7, phase)),
      ] as const,
    ]),
  ),
  Suspend: [
    () => SUSPEND,
    (phase) => {
      if (phase === 1) return { answers: [distributionStatus(0, 7)], phase: 7 };
      return status(phase === 7 ? 0 : 2, phase);
    },
  ],
  Cancel: [
    () => DISTRIBUTION_CANCEL,
    (phase) => {
      const idle = distributionStatus(0, 0);
      if (mayStart(phase)) return { answers: [idle], phase: 0 };
      if (phase === 6) return status(0, phase);
      const canceling = distributionStatus(0, 6, ofPhase(phase));
      return { answers: phase === 3 ? [canceling, idle] : [canceling], phase: 0, sent: '830e' };
    },
  ],
  Apply: [
    () => DISTRIBUTION_APPLY,
    (phase) => {
      if (phase !== 2) return status(phase === 3 || phase === 4 ? 0 : 2, phase);
      return { answers: [distributionStatus(0, 3, ofPhase(2))], phase: 3, sent: '830f' };
    },
  ],
  FirmwareGet: [
    () => `8323${OTHER_FIRMWARE_ID}`,
    (phase) => ({ answers: [firmwareStatus(0, 2, 1, OTHER_FIRMWARE_ID)], phase }),
  ],
  FirmwareGetByIndex: [() => '83240000', (phase) => ({ answers: [firmwareStatus(0, 2, 0, NEW_ID)], phase })],
  FirmwareDelete: [
    () => `8325${NEW_ID}`,
    (phase) =>
      phase === 0
        ? { answers: [firmwareStatus(0, 1, 0xffff, NEW_ID)], phase, images: [OTHER_FIRMWARE_ID] }
        : { answers: [firmwareStatus(7, 2)], phase },
  ],
  FirmwareDeleteAll: [
    () => '8326',
    (phase) =>
      phase === 0 ? { answers: [firmwareStatus(0, 0)], phase, images: [] } : { answers: [firmwareStatus(7, 2)], phase },
  ],
  UploadGet: [() => '831e', (phase) => ({ answers: ['83220000'], phase })],
};

/** One case for each cell: phase × message. */
export const distributorMatrix: readonly Case[] = PHASES.flatMap((name, phase) =>
  Object.entries(ROWS).map(([row, [message, cell]]) =>
    specified(`FD/${name}/${row}`, `${row} in phase ${phase} of the Distributor`, () =>
      checkCell(phase, message(phase), cell(phase)),
    ),
  ),
);

/** While the targets are still being told to start there are no blocks whose sending could pause: Suspend Failed. */
function suspendFails(): void {
  const setup = new DistributorSetup({ targets: [{ ignores: '830d' }] }).start();
  setup.exchange(SUSPEND, distributionStatus(0x0d, 1));
  setup.phaseIs(1);
}

function checkCell(phaseBefore: number, message: string, cell: Cell): void {
  if (phaseBefore === 1 && message === SUSPEND) suspendFails();
  const setup = DistributorSetup.inPhase(phaseBefore, ofPhase(phaseBefore));
  const [target] = setup.targets as [PeerTarget];
  const idBefore = target.id;
  const heard = target.heard('').length;
  const { phase, fields = ofPhase(phaseBefore), receivers = 1, images = [NEW_ID, OTHER_FIRMWARE_ID] } = cell;

  assert.deepEqual(setup.ask(message), cell.answers, `answer to ${message.slice(0, 16)}`);
  setup.phaseIs(phase, fields);

  const opcodes = target
    .heard('')
    .slice(heard)
    .map(({ hex }) => hex.slice(0, 4));
  if (cell.sent !== undefined)
    assert.equal(
      opcodes.find((opcode) => !BACKGROUND[phaseBefore]?.includes(opcode) || opcode === cell.sent),
      cell.sent,
      'sent to the target',
    );
  else checkBackground(opcodes, phaseBefore);
  if (cell.begins === 'new') assert.notEqual(target.id, idBefore, 'a new BLOB ID');
  if (cell.begins === 'resumed') assert.equal(target.id, idBefore, 'the same BLOB ID');
  assert.equal(setup.server.receivers.length, receivers, 'receivers');
  checkImages(setup, images);
  checkStored(setup, phase, fields, receivers, images);
}

/** Nothing but what goes on by itself. */
function checkBackground(opcodes: readonly string[], phase: number): void {
  const others = opcodes.filter((opcode) => BACKGROUND[phase]?.includes(opcode) !== true);
  assert.deepEqual(others, [], 'sent to the target');
}

function checkImages(setup: DistributorSetup, images: readonly string[]): void {
  for (const [index, firmwareId] of images.entries()) {
    setup.exchange(`8324${le16(index)}`, firmwareStatus(0, images.length, index, firmwareId));
  }
  setup.exchange(`8324${le16(images.length)}`, firmwareStatus(4, images.length, images.length));
}

/** The power fails: a Distributor that starts on the same store knows all of it; an active transfer is suspended [2.5]. */
function checkStored(
  setup: DistributorSetup,
  phase: number,
  fields: DistributionFields,
  receivers: number,
  images: readonly string[],
): void {
  setup.reboot();
  setup.phaseIs(phase === 1 ? 7 : phase, fields);
  assert.equal(setup.server.receivers.length, receivers, 'receivers after a power cut');
  checkImages(setup, images);
}
