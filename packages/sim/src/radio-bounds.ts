import { MeshError } from '@meshferry/core';
import type { ControllerSettings } from './advertiser.ts';
import { ADVERTISING_CHANNELS, eventAirTimeMicroseconds } from './radio-airtime.ts';

/**
 * The reference of both bounds, whatever a transfer uses: chunks of 377 octets, one copy of each PDU
 * [design/interfaces.md, `dfu run`; design/airtime.md, correction 1], blocks of 4096 octets [spec/blob.md 14.3].
 */
const CHUNK_SIZE = 377;
const BLOCK_SIZE = 4096;

/** Access payload octets (opcode and parameters) of the messages a loss-free push transfer takes [spec/blob.md 2]. */
const CHUNK_OVERHEAD = 3;
const TRANSFER_START = 18;
const TRANSFER_GET = 2;
const BLOCK_START = 6;
const BLOCK_GET = 2;
const BLOCK_STATUS = 6;
/** Without the Blocks Not Received field: 2 of opcode, 17 of parameters. */
const TRANSFER_STATUS = 19;

/** An unsegmented access message holds 11 octets beside its TransMIC of 4; a segment carries 12 of message and MIC. */
const UNSEGMENTED_MAX = 11;
const TRANS_MIC = 4;
const SEGMENT_SIZE = 12;
/** Octets of a network PDU round the payload: header and NetMIC 13, lower transport 1 or, with segment fields, 4. */
const UNSEGMENTED_FRAME = 14;
const SEGMENTED_FRAME = 17;
/** A Segment Acknowledgment: a network PDU of 24 octets. */
const ACKNOWLEDGMENT = 24;

/** Mean of the random delay that a controller adds to each advertising interval, ms: 0 to 10. */
const MEAN_ADVERTISING_DELAY = 5;
/** One event of a full segment back to back on three channels, ms, as design/interfaces.md rounds it. */
const SINGLE_EVENT = 1.13;

/** Network PDUs that carry a BLOB Chunk of `chunkSize` octets: 1 up to 8 octets, else ⌈(C + 7)/12⌉ [spec/blob.md 14.1]. */
export function chunkSegments(chunkSize: number): number {
  return messageSegments(CHUNK_OVERHEAD + chunkSize);
}

/**
 * Network PDUs of one loss-free pass of an image: 22 272 for 256 KiB [spec/blob.md 14.3]. `size` in octets, 1 or more;
 * `chunkSize` and `blockSize` default to the reference of 377 and 4096. Throws `bad-image-size`.
 */
export function imageSegments(size: number, chunkSize: number = CHUNK_SIZE, blockSize: number = BLOCK_SIZE): number {
  let segments = 0;
  for (const [chunk, times] of chunkSizes(size, chunkSize, blockSize)) segments += times * chunkSegments(chunk);
  return segments;
}

/**
 * What physics allows, in seconds: the larger of the air bound (the busiest radio, on three channels in turn) and the
 * medium bound (all radios in range of each other, each channel carries one packet at a time) of one loss-free push:
 * every chunk once, to a group when there are several targets, to one with an acknowledgment each; Block Start, Block
 * Get and their statuses for each block, Transfer Start and Transfer Get and their statuses [spec/blob.md 14.5].
 * `size` in octets, `targets` 1 or more.
 */
export function airBoundSeconds(size: number, targets: number): number {
  const blocks = Math.ceil(size / BLOCK_SIZE);
  let source = messageMicroseconds(TRANSFER_START) + messageMicroseconds(TRANSFER_GET);
  source += blocks * (messageMicroseconds(BLOCK_START) + messageMicroseconds(BLOCK_GET));
  let target = 2 * messageMicroseconds(TRANSFER_STATUS + Math.ceil(blocks / 8));
  target += blocks * 2 * messageMicroseconds(BLOCK_STATUS);
  for (const [chunk, times] of chunkSizes(size, CHUNK_SIZE, BLOCK_SIZE)) {
    source += times * messageMicroseconds(CHUNK_OVERHEAD + chunk);
    const acknowledged = targets === 1 && chunkSegments(chunk) > 1;
    if (acknowledged) target += times * eventAirTimeMicroseconds(ACKNOWLEDGMENT);
  }
  const air = Math.max(source, target);
  const medium = (source + targets * target) / ADVERTISING_CHANNELS;
  return Math.max(air, medium) / 1e6;
}

/**
 * What the source's controller allows for one loss-free pass of the image, in seconds: segments × (interval + 5 ms)/sets
 * for a controller that works by interval; segments × (1.13 ms + re-arm)/sets, never below the air bound, for
 * single events [design/interfaces.md, `dfu run`]. `size` in octets, `targets` 1 or more.
 */
export function settingsBoundSeconds(size: number, targets: number, controller: ControllerSettings): number {
  const segments = imageSegments(size);
  if (controller.kind === 'interval') {
    return (segments * (controller.intervalMs + MEAN_ADVERTISING_DELAY)) / controller.sets / 1000;
  }
  const seconds = (segments * (SINGLE_EVENT + controller.rearmMs)) / controller.sets / 1000;
  return Math.max(seconds, airBoundSeconds(size, targets));
}

/** The chunk sizes of an image and how many there are of each: full ones, last of a full block, those of the last block. */
function chunkSizes(size: number, chunkSize: number, blockSize: number): Map<number, number> {
  if (!(size > 0)) {
    throw new MeshError('bad-image-size', `image size ${size} is not a positive number of octets`, {
      hint: 'Give the size of the image in octets.',
    });
  }
  const sizes = new Map<number, number>();
  const add = (chunk: number, times: number): void => {
    if (chunk > 0 && times > 0) sizes.set(chunk, (sizes.get(chunk) ?? 0) + times);
  };
  const addBlocks = (block: number, blocks: number): void => {
    add(chunkSize, blocks * Math.floor(block / chunkSize));
    add(block % chunkSize, blocks);
  };
  addBlocks(blockSize, Math.floor(size / blockSize));
  addBlocks(size % blockSize, 1);
  return sizes;
}

function messageSegments(access: number): number {
  return access <= UNSEGMENTED_MAX ? 1 : Math.ceil((access + TRANS_MIC) / SEGMENT_SIZE);
}

/** Air time of an access message of so many octets, all its segments on three channels, µs. */
function messageMicroseconds(access: number): number {
  const octets = access + TRANS_MIC;
  if (access <= UNSEGMENTED_MAX) return eventAirTimeMicroseconds(UNSEGMENTED_FRAME + octets);
  const full = messageSegments(access) - 1;
  const last = octets - full * SEGMENT_SIZE;
  return (
    full * eventAirTimeMicroseconds(SEGMENTED_FRAME + SEGMENT_SIZE) + eventAirTimeMicroseconds(SEGMENTED_FRAME + last)
  );
}
