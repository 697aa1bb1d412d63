import { concat, utf8 } from '@meshferry/core';
import type { AdStructure } from './contract.ts';
import type { GattOffer, GattUuid } from './gatt.ts';
import { gattUuidOctets, gattUuidOf } from './gatt-uuid.ts';

const AD_FLAGS = 0x01;
const AD_UUID16_COMPLETE = 0x03;
const AD_UUID128_COMPLETE = 0x07;
const AD_NAME_SHORTENED = 0x08;
const AD_NAME_COMPLETE = 0x09;
const AD_SERVICE_DATA_128 = 0x21;
/** Lists of services, complete or not, and the octets of each UUID in them. */
const UUID_LISTS: ReadonlyMap<number, number> = new Map([
  [0x02, 2],
  [AD_UUID16_COMPLETE, 2],
  [0x06, 16],
  [AD_UUID128_COMPLETE, 16],
]);
/** Octets of a name that go into a scan response. */
const MOST_NAME = 29;
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

/** What goes on air for an offer: each at most 31 octets. */
export interface OfferData {
  readonly advertisement: Uint8Array;
  /** Empty where there is nothing to say. */
  readonly scanResponse: Uint8Array;
}

/** An offer as it goes on air. */
export function encodeOffer({ service, data, name }: GattOffer): OfferData {
  return {
    advertisement:
      typeof service === 'number'
        ? encodeServiceAdvertisement({ service, data })
        : encodeAdStructures([
            { type: AD_FLAGS, data: Uint8Array.of(FLAGS) },
            { type: AD_UUID128_COMPLETE, data: gattUuidOctets(service) },
          ]),
    scanResponse: name === undefined ? new Uint8Array() : encodeAdStructures([nameStructure(name)]),
  };
}

function nameStructure(name: string): AdStructure {
  const whole = utf8(name);
  if (whole.length <= MOST_NAME) return { type: AD_NAME_COMPLETE, data: whole };
  // Not in the middle of a character: its further octets are 10xxxxxx.
  let end = MOST_NAME;
  while (end > 0 && (whole[end]! & 0xc0) === 0x80) end--;
  return { type: AD_NAME_SHORTENED, data: whole.subarray(0, end) };
}

/** What advertising data or a scan response say of a device. */
export interface ShownDevice {
  /** As received. */
  readonly name: string | undefined;
  readonly services: readonly GattUuid[];
}

/** Name and services out of AD structures: of lists of services and of service data, of 16 and of 128 bits. */
export function decodeDevice(structures: readonly AdStructure[]): ShownDevice {
  let name: string | undefined;
  const services: GattUuid[] = [];
  for (const { type, data } of structures) {
    const size = UUID_LISTS.get(type);
    if (size !== undefined)
      for (let at = 0; at + size <= data.length; at += size) services.push(gattUuidOf(data.subarray(at, at + size)));
    else if (type === AD_SERVICE_DATA && data.length >= 2) services.push(gattUuidOf(data.subarray(0, 2)));
    else if (type === AD_SERVICE_DATA_128 && data.length >= 16) services.push(gattUuidOf(data.subarray(0, 16)));
    else if (type === AD_NAME_COMPLETE || (type === AD_NAME_SHORTENED && name === undefined))
      name = new TextDecoder().decode(data);
  }
  return { name, services };
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
