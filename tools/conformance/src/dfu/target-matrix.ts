import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import { ID, OTHER_ID, TRANSFER_GET, TTL } from '../testing/settings.ts';
import { METADATA, OLD_ID, OTHER_METADATA } from '../testing/target-device.ts';
import {
  DEFAULT_TTL,
  LIST_GET,
  type StartFields,
  TargetSetup,
  UPDATE_APPLY,
  UPDATE_CANCEL,
  UPDATE_GET,
  updateStart,
  updateStatus,
} from '../testing/target-setup.ts';

/** In the order of their values. */
const PHASES = [
  'Idle',
  'TransferError',
  'TransferActive',
  'VerifyingUpdate',
  'VerificationSucceeded',
  'VerificationFailed',
  'ApplyingUpdate',
];

/** What is answered, in what the server is then, and what it has asked of its application. */
interface Cell {
  /** Undefined: silence. */
  readonly answer: string | undefined;
  readonly phase: number;
  /** The parameters of the update after it; default: those of before. */
  readonly fields?: Fields;
  readonly calls?: readonly string[];
  /** The answer of the BLOB Transfer Server to Get after it; default: as before. */
  readonly blob?: string;
  /** Whether the server wrote its state; default: not. */
  readonly stored?: 'kept' | 'written' | 'erased';
}

type Fields = StartFields & { readonly effect?: number };

const waiting = (id = ID): string => `83030001${id}`;
const INACTIVE = '83030000';

/** A message that reads: the answer and no change. */
const read = (answer: (phase: number) => string | undefined): ((phase: number) => Cell) => {
  return (phase) => ({ answer: answer(phase), phase });
};

/** What a Start is, beside the one of the tester settings. */
const OTHER_STARTS: Readonly<Record<string, Fields>> = {
  StartOtherTtl: { ttl: 4 },
  StartOtherTimeoutBase: { base: 6 },
  StartOtherBlobId: { id: OTHER_ID },
  StartOtherImageIndex: { index: 1 },
  StartOtherMetadata: { metadata: OTHER_METADATA, effect: 1 },
  StartNew: { ttl: 4, base: 6, id: OTHER_ID, index: 1, metadata: OTHER_METADATA, effect: 1 },
};

/** A new update begins [4.2]; what the old one left is gone, and so is the place of its image if that is another one. */
function begun(phase: number, fields: Fields): Cell {
  const { id, index = 0, metadata = METADATA } = fields;
  const start = `start ${index} ${metadata}`;
  return {
    answer: updateStatus(0, 2, fields),
    phase: 2,
    fields,
    calls: phase === 0 || index === 0 ? [start] : [start, 'abandoned 0'],
    blob: waiting(id),
    stored: 'written',
  };
}

function otherStart(fields: Fields): (phase: number) => Cell {
  return (phase) => {
    if (phase === 0 || phase === 1 || phase === 5) return begun(phase, fields);
    return { answer: updateStatus(2, phase), phase };
  };
}

/** Rows: a message, and what it does in each phase [firmware-update.md 4.1]. */
const ROWS: Readonly<Record<string, readonly [message: string, cell: (phase: number) => Cell]>> = {
  InformationGet: [LIST_GET, read((phase) => (phase === 6 ? undefined : `83090200${`04${OLD_ID}00`}04110000ff00`))],
  MetadataCheck: [`830a00${OTHER_METADATA}`, read(() => '830b0800')],
  Get: [UPDATE_GET, read((phase) => updateStatus(0, phase))],
  StartIdentical: [
    updateStart(),
    (phase) => {
      if (phase === 0 || phase === 5) return begun(phase, {});
      // The BLOB transfer sleeps on, until a Transfer Start wakes it [4.3].
      if (phase === 1) return { answer: updateStatus(0, 2), phase: 2, stored: 'written' };
      return { answer: updateStatus(0, phase), phase };
    },
  ],
  ...Object.fromEntries(
    Object.entries(OTHER_STARTS).map(([name, fields]) => [name, [updateStart(fields), otherStart(fields)] as const]),
  ),
  Cancel: [
    UPDATE_CANCEL,
    (phase) =>
      phase === 0
        ? { answer: updateStatus(0, 0), phase }
        : { answer: updateStatus(0, 0), phase: 0, calls: ['abandoned 0'], blob: INACTIVE, stored: 'erased' },
  ],
  Apply: [
    UPDATE_APPLY,
    (phase) => {
      if (phase === 4) return { answer: updateStatus(0, 6), phase: 6, calls: ['apply 0'], stored: 'written' };
      return { answer: updateStatus(phase === 6 ? 0 : 2, phase), phase };
    },
  ],
};

/** One case for each cell: phase × message. */
export const targetMatrix: readonly Case[] = PHASES.flatMap((name, phase) =>
  Object.entries(ROWS).map(([row, [message, cell]]) =>
    specified(`FU/${name}/${row}`, `${row} in phase ${phase} of the Update Server`, () =>
      checkCell(phase, message, cell(phase)),
    ),
  ),
);

function checkCell(phaseBefore: number, message: string, cell: Cell): void {
  const setup = new TargetSetup().bring(phaseBefore);
  const { device } = setup;
  const blobBefore = setup.ask(TRANSFER_GET);
  const before = setup.stored;
  const calls = device.calls.length;
  const writes = device.writes.length;
  const { phase, fields = {}, stored = 'kept' } = cell;
  // The answer tells what is so after the message, and so goes with the TTL of that [4.7].
  const ttl = phase === 0 ? DEFAULT_TTL : (fields.ttl ?? TTL);

  setup.exchange(message, cell.answer, ttl);

  assert.deepEqual(device.calls.slice(calls), cell.calls ?? [], 'asked of the application');
  assert.deepEqual(setup.ask(TRANSFER_GET), cell.blob === undefined ? blobBefore : [cell.blob], 'BLOB Transfer Server');
  assert.equal(device.writes.length, writes, 'blocks written');
  const after = setup.stored;
  if (stored === 'kept') assert.equal(after, before, 'stored state');
  if (stored === 'erased') assert.equal(after, '', 'stored state');
  if (stored === 'written') assert.notEqual(after, before, 'stored state');
  setup.phaseIs(phase, fields);
}
