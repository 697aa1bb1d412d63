import { concat } from '@meshferry/core';
import type { AdStructure } from './contract.ts';
import { encodeAdStructures } from './gatt-advertisement.ts';

// Classic pcap, little-endian, link type 201 (BLUETOOTH_HCI_H4_WITH_PHDR): each advertisement as the LE Advertising Report
// that a controller gives of it [Bluetooth Core, Vol 4, Part E, 7.7.65.2]. Wireshark decodes the mesh in it.

const MAGIC = 0xa1b2_c3d4;
const LINK_TYPE = 201;
const FILE_HEADER = 24;
const PACKET_HEADER = 16;
const SNAPLEN = 0xffff;
/** To the host. */
const RECEIVED = Uint8Array.of(0, 0, 0, 1);
const H4_EVENT = 0x04;
const LE_META = 0x3e;
const ADVERTISING_REPORT = 0x02;
const ADV_NONCONN_IND = 0x03;
const RANDOM_ADDRESS = 0x01;
/** Before the advertising data: direction 4, H4 1, event 2, subevent, reports, event type, address type, address 6, length. */
const REPORT_HEAD = 18;

/** One AD structure on the air. */
export interface PcapRecord extends AdStructure {
  /** When it was on air or heard, microseconds since the start of the capture. */
  readonly t: number;
  /** Who sent it: chooses the advertiser address. 0 to 0xFFFF. */
  readonly device: number;
  /** dBm; 127 unknown. */
  readonly rssi: number;
}

/** The first octets of a pcap file. */
export function pcapHeader(): Uint8Array {
  const view = new DataView(new ArrayBuffer(FILE_HEADER));
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, SNAPLEN, true);
  view.setUint32(20, LINK_TYPE, true);
  return new Uint8Array(view.buffer);
}

/** One packet of a pcap file. */
export function pcapPacket({ t, device, rssi, type, data }: PcapRecord): Uint8Array {
  const advertising = encodeAdStructures([{ type, data }]);
  const address = Uint8Array.of(device, device >> 8, 0x00, 0xee, 0xff, 0xc0); // static random, low octet first
  const report = concat(
    Uint8Array.of(ADVERTISING_REPORT, 1, ADV_NONCONN_IND, RANDOM_ADDRESS),
    address,
    Uint8Array.of(advertising.length),
    advertising,
    Uint8Array.of(rssi),
  );
  const packet = concat(RECEIVED, Uint8Array.of(H4_EVENT, LE_META, report.length), report);
  const view = new DataView(new ArrayBuffer(PACKET_HEADER));
  view.setUint32(0, Math.floor(t / 1e6), true);
  view.setUint32(4, Math.floor(t % 1e6), true);
  view.setUint32(8, packet.length, true);
  view.setUint32(12, packet.length, true);
  return concat(new Uint8Array(view.buffer), packet);
}

/**
 * The advertisements of a pcap file as {@link pcapHeader} and {@link pcapPacket} write it; other packets are left out.
 * Undefined: it is no such file. A packet that is cut off at the end is left out.
 */
export function readPcap(octets: Uint8Array): PcapAdvertisement[] | undefined {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  if (octets.length < FILE_HEADER || view.getUint32(0, true) !== MAGIC) return undefined;
  if (view.getUint32(20, true) !== LINK_TYPE) return undefined;
  const found: PcapAdvertisement[] = [];
  for (let at = FILE_HEADER; at + PACKET_HEADER <= octets.length; ) {
    const t = view.getUint32(at, true) * 1e6 + view.getUint32(at + 4, true);
    const end = at + PACKET_HEADER + view.getUint32(at + 8, true);
    if (end > octets.length) break;
    const advertisement = readReport(t, octets.subarray(at + PACKET_HEADER, end));
    if (advertisement !== undefined) found.push(advertisement);
    at = end;
  }
  return found;
}

/** What an advertiser sent, of a pcap file. */
export interface PcapAdvertisement {
  /** Microseconds. */
  readonly t: number;
  readonly device: number;
  /** dBm; 127 unknown. */
  readonly rssi: number;
  /** AD structures. */
  readonly advertisingData: Uint8Array;
}

function readReport(t: number, packet: Uint8Array): PcapAdvertisement | undefined {
  if (packet.length < REPORT_HEAD + 1) return undefined;
  if (packet[4] !== H4_EVENT || packet[5] !== LE_META || packet[7] !== ADVERTISING_REPORT || packet[8] !== 1) {
    return undefined;
  }
  const end = REPORT_HEAD + packet[REPORT_HEAD - 1]!;
  if (end + 1 > packet.length) return undefined;
  return {
    t,
    device: packet[11]! | (packet[12]! << 8),
    rssi: (packet[end]! << 24) >> 24,
    advertisingData: packet.slice(REPORT_HEAD, end),
  };
}
