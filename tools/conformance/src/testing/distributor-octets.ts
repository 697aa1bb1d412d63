import { le16, le32, u8 } from './settings.ts';

/** The fields of a Firmware Distribution Start. */
export interface DistributionFields {
  readonly app?: number;
  readonly ttl?: number;
  readonly base?: number;
  readonly mode?: 1 | 2;
  /** 0 verify only, 1 verify and apply. */
  readonly policy?: 0 | 1;
  readonly image?: number;
  /** Address or Label UUID as it is sent in Start. */
  readonly multicast?: string;
  /** Multicast Address as it is sent in Status; default as in Start. */
  readonly shown?: string;
}

/** Firmware Distribution Start: AppKey 0, TTL 3, base 5, push, verify and apply, image 0, by unicast. */
export function distributionStart(fields: DistributionFields = {}): string {
  const { app = 0, ttl = 3, base = 5, mode = 1, policy = 1, image = 0, multicast = '0000' } = fields;
  return `8319${le16(app)}${u8(ttl)}${le16(base)}${u8(mode | (policy << 2))}${le16(image)}${multicast}`;
}

/** Firmware Distribution Status: in Idle two octets, all fields otherwise. */
export function distributionStatus(status: number, phase: number, fields: DistributionFields = {}): string {
  const { app = 0, ttl = 3, base = 5, mode = 1, policy = 1, image = 0, multicast = '0000', shown = multicast } = fields;
  const head = `831d${u8(status)}${u8(phase)}`;
  if (phase === 0) return head;
  return `${head}${shown}${le16(app)}${u8(ttl)}${le16(base)}${u8(mode | (policy << 2))}${le16(image)}`;
}

/** Receivers Status. */
export function receiversStatus(status: number, count: number): string {
  return `8313${u8(status)}${le16(count)}`;
}

/** Receivers Add with image index 0 for each. */
export function receiversAdd(...addresses: readonly number[]): string {
  return `8311${addresses.map((address) => `${le16(address)}00`).join('')}`;
}

/** One entry of Receivers List: a word of 32 bits and the image index. */
export function receiverEntry(
  address: number,
  { phase = 10, status = 0, transfer = 0, percent = 0, index = 0 } = {},
): string {
  const word = address + phase * 2 ** 15 + status * 2 ** 19 + transfer * 2 ** 22 + Math.floor(percent / 2) * 2 ** 26;
  return le32(word) + u8(index);
}

export function receiversList(count: number, first: number, ...entries: readonly string[]): string {
  return `8315${le16(count)}${le16(first)}${entries.join('')}`;
}

/** Firmware Status; an index of 0xFFFF is none. */
export function firmwareStatus(status: number, count: number, index = 0xffff, firmwareId = ''): string {
  return `8327${u8(status)}${le16(count)}${le16(index)}${firmwareId}`;
}

export const DISTRIBUTION_GET = '8318';
export const SUSPEND = '831a';
export const DISTRIBUTION_CANCEL = '831b';
export const DISTRIBUTION_APPLY = '831c';
export const RECEIVERS_DELETE_ALL = '8312';
export const RECEIVERS_GET = '831400000a00';
export const CAPABILITIES_GET = '8316';
