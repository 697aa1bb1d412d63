import { fromHex } from '@meshferry/core';
import { FirmwareDistributionUploadGet, FirmwareDistributionUploadOobStart } from '../distribution-image-messages.ts';
import type { OobFirmware } from '../distribution-oob.ts';
import { metadataOf } from './device.ts';
import { Bench, type BenchState } from './distribution-bench.ts';
import { IMAGE, NEW_ID } from './mesh.ts';
import { OobArchive } from './oob-archive.ts';

export const URI = 'https://fw.example.com/lamp';
export const CURRENT: Uint8Array = fromHex('59000100');
export const METADATA: Uint8Array = metadataOf(IMAGE, NEW_ID);
export const FIRMWARE: OobFirmware = { firmwareId: NEW_ID, metadata: METADATA, image: IMAGE };
export const REQUEST = { uploadUri: URI, currentFirmwareId: CURRENT };

/** What Upload Status holds in Idle, its status aside, and when a transfer out of band has begun. */
export const IDLE = { phase: 0, uploadProgress: undefined, uploadType: undefined, firmwareId: undefined };
export const ACTIVE = { status: 0, phase: 1, uploadProgress: 0, uploadType: 'oob', firmwareId: CURRENT };

/** A Distributor with an archive behind it. */
export function oobBench(state: BenchState = {}): { bench: Bench; archive: OobArchive } {
  let archive: OobArchive | undefined;
  const bench = new Bench({
    ...state,
    oob: (clock) => {
      archive = new OobArchive(clock, FIRMWARE);
      return archive;
    },
  });
  return { bench, archive: archive as unknown as OobArchive };
}

/** Upload OOB Start, and what is answered within a second. */
export function oobStart(bench: Bench, request: Partial<typeof REQUEST> = {}): Record<string, unknown>[] {
  return bench.ask(FirmwareDistributionUploadOobStart, { ...REQUEST, ...request });
}

/** The answer to Upload Get. */
export function uploadGet(bench: Bench): Record<string, unknown> | undefined {
  return bench.ask(FirmwareDistributionUploadGet, {})[0];
}
