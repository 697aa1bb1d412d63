import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import { OTHER_ID, TRANSFER_GET } from '../testing/settings.ts';
import { NEW_ID, OTHER_METADATA } from '../testing/target-device.ts';
import {
  UPLOAD_CANCEL,
  UPLOAD_GET,
  type UploadFields,
  uploadOobStart,
  uploadStart,
  uploadStatus,
} from '../testing/upload-octets.ts';
import {
  CURRENT_ID,
  ID,
  OFFER,
  OOB_START,
  OOB_URI,
  STORED_ID,
  UploadSetup,
  type UploadState,
} from '../testing/upload-setup.ts';

/** What Upload Status tells in each state: phase, and the rest. */
const STATES: Readonly<Record<UploadState, readonly [phase: number, rest?: Parameters<typeof uploadStatus>[2]]>> = {
  Idle: [0],
  TransferActive: [1, { percent: 80 }],
  TransferError: [2, { percent: 80 }],
  TransferSuccess: [3, { percent: 100 }],
  // The upload has not begun while it is only asked whether there is something.
  OobCheck: [0],
  OobTransferActive: [1, { percent: 40, isOob: true, firmwareId: CURRENT_ID }],
};

/** Octets of 8000 that are free, and images, besides the one of 50 octets that is there from the start. */
const HELD: Readonly<Record<UploadState, readonly [images: readonly string[], free: number]>> = {
  Idle: [[], 7950],
  TransferActive: [[], 7870],
  TransferError: [[], 7870],
  TransferSuccess: [[NEW_ID], 7870],
  OobCheck: [[], 7950],
  OobTransferActive: [[], 7860],
};

/** What is answered, and what is so then; default: nothing changes. */
interface Cell {
  readonly answer?: string | undefined;
  readonly after?: Parameters<typeof uploadStatus>;
  readonly held?: readonly [images: readonly string[], free: number];
  /** BLOB Transfer Status then. */
  readonly blob?: string;
  /** What the archive is asked. */
  readonly archive?: readonly string[];
}

const WAITING = (id: string): string => `83030001${id}`;
const INACTIVE = '83030000';

/** Refused, or answered without any change. */
function told(state: UploadState, status = 0): Cell {
  const [phase, rest] = STATES[state];
  return { answer: uploadStatus(status, phase, rest) };
}

const isActive = (state: UploadState): boolean => state === 'TransferActive' || state === 'OobTransferActive';

/** A transfer in band begins; what an upload that failed has left makes way. */
function begun({ id = ID, size = 80, firmwareId = NEW_ID }: UploadFields, state: UploadState): Cell {
  const images = state === 'TransferSuccess' ? [NEW_ID] : [];
  const free = 7950 - size - (state === 'TransferSuccess' ? 80 : 0);
  return {
    answer: uploadStatus(0, 1, { firmwareId }),
    after: [0, 1, { firmwareId }],
    held: [images, free],
    blob: WAITING(id),
  };
}

/** The image is there: nothing is transferred, and an upload that failed is over. */
function there(firmwareId: string, state: UploadState): Cell {
  const whole = { percent: 100, firmwareId };
  return {
    answer: uploadStatus(0, 3, whole),
    after: [0, 3, whole],
    held: state === 'TransferSuccess' ? HELD.TransferSuccess : HELD.Idle,
    blob: INACTIVE,
  };
}

/** Upload Start [firmware-distribution.md 2.3]. */
function start(fields: UploadFields): (state: UploadState) => Cell {
  const { firmwareId = NEW_ID, size = 80 } = fields;
  const isSame = Object.keys(fields).length === 0;
  return (state) => {
    if (isActive(state)) return told(state, isSame && state === 'TransferActive' ? 0 : 8);
    if (state === 'OobCheck') return told(state, 8);
    if (firmwareId === STORED_ID || (state === 'TransferSuccess' && firmwareId === NEW_ID))
      return there(firmwareId, state);
    if (size > 4000) return told(state, 1);
    if (state === 'TransferError' && isSame) {
      return { answer: uploadStatus(0, 1, { percent: 80 }), after: [0, 1, { percent: 80 }] };
    }
    return begun(fields, state);
  };
}

const OTHER_URI = 'https://fw.example.com/other';

/** Upload OOB Start of something that the archive has [2.4]. */
function oobStart(uri: string): (state: UploadState) => Cell {
  return (state) => {
    if (state === 'OobTransferActive') return told(state, uri === OOB_URI ? 0 : 8);
    if (state === 'TransferActive') return told(state, 8);
    if (state === 'OobCheck') return { answer: undefined };
    const fetching = { percent: 0, isOob: true, firmwareId: CURRENT_ID };
    const images = state === 'TransferSuccess' ? [NEW_ID] : [];
    return {
      answer: uploadStatus(0, 1, fetching),
      after: [0, 1, fetching],
      held: [images, 7860 - (state === 'TransferSuccess' ? 80 : 0)],
      blob: INACTIVE,
      archive: [`check ${uri} ${CURRENT_ID}`, `fetch ${uri} ${CURRENT_ID} 11000012`],
    };
  };
}

/** A URI that is wrong in itself. */
function refusedUri(status: number): (state: UploadState) => Cell {
  return (state) => {
    if (state === 'OobCheck') return { answer: undefined };
    return told(state, isActive(state) ? 8 : status);
  };
}

function cancel(state: UploadState): Cell {
  const isFetching = state === 'OobCheck' || state === 'OobTransferActive';
  return {
    answer: uploadStatus(0, 0),
    after: [0, 0],
    held: state === 'TransferSuccess' ? HELD.TransferSuccess : HELD.Idle,
    blob: INACTIVE,
    ...(isFetching ? { archive: ['cancelled'] } : {}),
  };
}

/** Rows: a message, and what it does in each state. */
const ROWS: Readonly<Record<string, readonly [message: string, cell: (state: UploadState) => Cell]>> = {
  Get: [UPLOAD_GET, (state) => told(state)],
  StartSame: [uploadStart(), start({})],
  ...Object.fromEntries(
    Object.entries({
      StartOtherTtl: { ttl: 4 },
      StartOtherTimeoutBase: { base: 6 },
      StartOtherBlobId: { id: OTHER_ID },
      StartOtherSize: { size: 81 },
      StartOtherMetadata: { metadata: OTHER_METADATA },
      StartOtherFirmwareId: { firmwareId: '1100001199' },
      StartStored: { firmwareId: STORED_ID },
      StartTooLarge: { size: 4001, firmwareId: '11000044' },
    }).map(([name, fields]) => [name, [uploadStart(fields), start(fields)] as const]),
  ),
  OobStart: [uploadOobStart(OTHER_URI, CURRENT_ID), oobStart(OTHER_URI)],
  OobStartSame: [OOB_START, oobStart(OOB_URI)],
  OobStartNotSupported: [uploadOobStart('coap://fw.example.com', CURRENT_ID), refusedUri(9)],
  OobStartMalformed: [uploadOobStart('fw example com', CURRENT_ID), refusedUri(10)],
  Cancel: [UPLOAD_CANCEL, cancel],
};

/** One case for each cell: state of the upload × message. */
export const uploadMatrix: readonly Case[] = (Object.keys(STATES) as UploadState[]).flatMap((state) =>
  Object.entries(ROWS).map(([row, [message, cell]]) =>
    specified(`UP/${state}/${row}`, `${row} when the upload is in ${state}`, () =>
      checkCell(state, message, cell(state)),
    ),
  ),
);

function checkCell(state: UploadState, message: string, cell: Cell): void {
  const setup = new UploadSetup().bring(state);
  const { distributor, archive } = setup;
  const blobBefore = distributor.ask(TRANSFER_GET);
  const asked = archive.calls.length;
  archive.verdict = { offer: OFFER };

  distributor.exchange(message, cell.answer);

  const [phase, rest] = STATES[state];
  const after = cell.after ?? ([0, phase, rest] as const);
  setup.is(...after);
  const [images, free] = cell.held ?? HELD[state];
  setup.holds(images, free);
  assert.deepEqual(
    distributor.ask(TRANSFER_GET),
    cell.blob === undefined ? blobBefore : [cell.blob],
    'BLOB Transfer Server',
  );
  assert.deepEqual(archive.calls.slice(asked), cell.archive ?? [], 'asked of the archive');
  checkStored(setup, after, images, free);
}

/**
 * The power fails: the Distributor knows its upload, its images and the place that it keeps. What has begun to come stays and
 * waits in Transfer Error; what was to be fetched is fetched anew.
 */
function checkStored(
  setup: UploadSetup,
  [status, phase, { percent = 0, isOob = false, firmwareId = NEW_ID } = {}]: Parameters<typeof uploadStatus>,
  images: readonly string[],
  free: number,
): void {
  setup.distributor.reboot();
  const isInterrupted = phase === 1 && percent > 0 && !isOob;
  setup.is(status, isInterrupted ? 2 : phase, { percent: isOob ? 0 : percent, isOob, firmwareId });
  setup.holds(images, free);
}
