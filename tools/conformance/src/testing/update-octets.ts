import { BASE, ID, le16, TTL, u8 } from './settings.ts';
import { METADATA } from './target-device.ts';

/** The fields of a Firmware Update Start. */
export interface StartFields {
  readonly ttl?: number;
  readonly base?: number;
  readonly id?: string;
  readonly index?: number;
  readonly metadata?: string;
}

/** Firmware Update Start with the tester settings, and what is different. */
export function updateStart({
  ttl = TTL,
  base = BASE,
  id = ID,
  index = 0,
  metadata = METADATA,
}: StartFields = {}): string {
  return `830d${u8(ttl)}${le16(base)}${id}${u8(index)}${metadata}`;
}

/** Firmware Update Status: in Idle one octet, all fields otherwise. */
export function updateStatus(
  status: number,
  phase: number,
  { ttl = TTL, base = BASE, id = ID, index = 0, effect = 2 }: StartFields & { readonly effect?: number } = {},
): string {
  const first = `8310${u8((phase << 5) | status)}`;
  return phase === 0 ? first : `${first}${u8(ttl)}${u8(effect)}${le16(base)}${id}${u8(index)}`;
}

export const UPDATE_GET = '830c';
export const UPDATE_CANCEL = '830e';
export const UPDATE_APPLY = '830f';
/** Firmware Update Information Get of the whole list. */
export const LIST_GET = '830800ff';
/** The TTL of answers outside an update. */
export const DEFAULT_TTL = 5;
