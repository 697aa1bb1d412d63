import { toHex } from '@meshferry/core';
import { BASE, ID, le16, le32, TTL, u8 } from './settings.ts';
import { METADATA, NEW_ID } from './target-device.ts';

/** The fields of a Firmware Distribution Upload Start. */
export interface UploadFields {
  readonly ttl?: number;
  readonly base?: number;
  readonly id?: string;
  readonly size?: number;
  readonly metadata?: string;
  readonly firmwareId?: string;
}

/** Upload Start with the tester settings, and what is different. */
export function uploadStart(fields: UploadFields = {}): string {
  const { ttl = TTL, base = BASE, id = ID, size = 80, metadata = METADATA, firmwareId = NEW_ID } = fields;
  return `831f${u8(ttl)}${le16(base)}${id}${le32(size)}${u8(metadata.length / 2)}${metadata}${firmwareId}`;
}

/** Upload OOB Start. */
export function uploadOobStart(uri: string, firmwareId: string): string {
  const text = toHex(new TextEncoder().encode(uri));
  return `8320${u8(text.length / 2)}${text}${firmwareId}`;
}

/** Upload Status: in Idle two octets, all fields otherwise. */
export function uploadStatus(
  status: number,
  phase: number,
  { percent = 0, isOob = false, firmwareId = NEW_ID } = {},
): string {
  const head = `8322${u8(status)}${u8(phase)}`;
  return phase === 0 ? head : `${head}${u8(percent | (isOob ? 0x80 : 0))}${firmwareId}`;
}

export const UPLOAD_GET = '831e';
export const UPLOAD_CANCEL = '8321';
