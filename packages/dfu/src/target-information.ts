import { utf8 } from '@meshferry/core';
import type { FirmwareInformation, FirmwareUpdateInformationStatus } from './firmware-update-messages.ts';
import type { TargetImage } from './target-application.ts';

/** Octets for entries in one access message: 380 less opcode, List Count and First Index. */
const ROOM = 376;

/** The part of the Firmware Information List from an index on: whole entries, as many as fit and as the limit allows. */
export function informationStatus(
  images: readonly TargetImage[],
  firstIndex: number,
  entriesLimit: number,
): FirmwareUpdateInformationStatus {
  const entries: FirmwareInformation[] = [];
  let room = ROOM;
  for (let i = firstIndex; i < images.length && entries.length < entriesLimit; i++) {
    const { firmwareId, updateUri = '' } = images[i] as TargetImage;
    room -= 2 + firmwareId.length + utf8(updateUri).length;
    if (room < 0) break;
    entries.push({ firmwareId, updateUri });
  }
  return { listCount: images.length, firstIndex, entries };
}
