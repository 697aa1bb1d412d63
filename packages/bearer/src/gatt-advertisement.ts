import { concat } from '@meshferry/core';
import type { AdStructure } from './contract.ts';

const AD_FLAGS = 0x01;
const AD_UUID16_COMPLETE = 0x03;
/** AD type of service data: 16-bit UUID, little-endian, then the data. */
export const AD_SERVICE_DATA = 0x16;
/** LE General Discoverable, no BR/EDR. */
const FLAGS = 0x06;

/** The data of a service in an advertisement. */
export interface ServiceData {
  /** 16-bit UUID. */
  readonly service: number;
  readonly data: Uint8Array;
}

/**
 * The AD structure of service data. An `Advertising` bearer that is given one puts Flags and the list of the service ahead
 * of it, as {@link encodeServiceAdvertisement} does.
 */
export function encodeServiceData({ service, data }: ServiceData): AdStructure {
  return { type: AD_SERVICE_DATA, data: concat(Uint8Array.of(service, service >> 8), data) };
}

/** The reverse of {@link encodeServiceData}; undefined for another AD structure or one without a UUID. */
export function decodeServiceData({ type, data }: AdStructure): ServiceData | undefined {
  if (type !== AD_SERVICE_DATA || data.length < 2) return undefined;
  return { service: data[0]! | (data[1]! << 8), data: data.subarray(2) };
}

/** Whole advertising data: Flags, list of the service, its service data; 11 octets more than `data`. */
export function encodeServiceAdvertisement(serviceData: ServiceData): Uint8Array {
  const { service } = serviceData;
  return encodeAdStructures([
    { type: AD_FLAGS, data: Uint8Array.of(FLAGS) },
    { type: AD_UUID16_COMPLETE, data: Uint8Array.of(service, service >> 8) },
    encodeServiceData(serviceData),
  ]);
}

/** Advertising data: for each structure its length plus one, its type, its data [Bluetooth Core, Vol 3, Part C, 11]. */
export function encodeAdStructures(structures: readonly AdStructure[]): Uint8Array {
  return concat(...structures.map(({ type, data }) => concat(Uint8Array.of(data.length + 1, type), data)));
}

/** The structures of advertising data, in order: a zero length ends them, and so does one that reaches over the end. */
export function decodeAdStructures(octets: Uint8Array): AdStructure[] {
  const structures: AdStructure[] = [];
  for (let at = 0; at < octets.length; ) {
    const length = octets[at]!;
    const end = at + 1 + length;
    if (length === 0 || end > octets.length) break;
    structures.push({ type: octets[at + 1]!, data: octets.subarray(at + 2, end) });
    at = end;
  }
  return structures;
}
