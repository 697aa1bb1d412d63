import { fail, MeshError, ok, type Result } from '@meshferry/core';

/** Octets of the header of every SMP packet. */
export const SMP_HEADER_SIZE = 8;
/** Octets that the payload of a packet can have: its length field has 16 bits. */
export const SMP_PAYLOAD_MAX = 0xffff;

/** What a packet is, in bits 2–0 of its first octet; 4 to 7 are not used. */
export const SmpOp = { read: 0, readResponse: 1, write: 2, writeResponse: 3 } as const;

/** The protocol's versions as they stand in the header: 0 is SMP v1 with its "legacy" errors, 1 is SMP v2. */
export type SmpVersion = 0 | 1;

/** The header of a packet [spec: smp section 1]. All fields are big-endian on the wire; reserved bits are sent as 0. */
export interface SmpHeader {
  /** 0 to 7, see {@link SmpOp}. */
  readonly op: number;
  /** 0 to 3: {@link SmpVersion}, or one that is not known yet. */
  readonly version: number;
  /** Sent as 0, disregarded. */
  readonly flags: number;
  /** Octets of the payload, 0 to 65535. */
  readonly length: number;
  /** Management group, 0 to 65535. */
  readonly group: number;
  /** 0 to 255; the answer has that of its request. */
  readonly sequence: number;
  /** Command within the group, 0 to 255. */
  readonly command: number;
}

/** A packet: its header and its payload, a CBOR map. */
export interface SmpPacket {
  readonly header: SmpHeader;
  /** A view of the received octets. */
  readonly payload: Uint8Array;
}

/** Why octets are no packet. */
export interface SmpPacketError {
  /** `too-short`: no whole header; `truncated`: fewer octets follow than the length field says. */
  readonly kind: 'too-short' | 'truncated';
  /** As far as it could be read: a server answers a truncated packet with rc 9. */
  readonly header?: SmpHeader;
  /** Where the packet began in the octets. */
  readonly offset: number;
  readonly reason: string;
}

/** Writes a packet; `length` comes from the payload, flags are 0. Throws `bad-field` for a value that does not fit its field. */
export function encodePacket(
  header: {
    readonly op: number;
    readonly version: number;
    readonly group: number;
    readonly sequence: number;
    readonly command: number;
  },
  payload: Uint8Array,
): Uint8Array {
  inRange('op', header.op, 7);
  inRange('version', header.version, 3);
  inRange('group', header.group, 0xffff);
  inRange('sequence', header.sequence, 0xff);
  inRange('command', header.command, 0xff);
  inRange('length of the payload', payload.length, SMP_PAYLOAD_MAX);
  const packet = new Uint8Array(SMP_HEADER_SIZE + payload.length);
  packet[0] = (header.version << 3) | header.op;
  packet[2] = payload.length >>> 8;
  packet[3] = payload.length & 0xff;
  packet[4] = header.group >>> 8;
  packet[5] = header.group & 0xff;
  packet[6] = header.sequence;
  packet[7] = header.command;
  packet.set(payload, SMP_HEADER_SIZE);
  return packet;
}

/** Reads the header that begins at `offset`; octets after it do not matter, undefined when there are fewer than 8. */
export function decodeHeader(octets: Uint8Array, offset = 0): SmpHeader | undefined {
  if (octets.length - offset < SMP_HEADER_SIZE) return undefined;
  const at = (i: number): number => octets[offset + i] as number;
  const first = at(0);
  return {
    op: first & 7,
    version: (first >>> 3) & 3,
    flags: at(1),
    length: (at(2) << 8) | at(3),
    group: (at(4) << 8) | at(5),
    sequence: at(6),
    command: at(7),
  };
}

/** The packet that begins at `offset`; what follows it does not matter. Never throws. */
export function decodePacket(octets: Uint8Array, offset = 0): Result<SmpPacket, SmpPacketError> {
  const header = decodeHeader(octets, offset);
  const left = Math.max(0, octets.length - offset);
  if (header === undefined) {
    return fail({ kind: 'too-short', offset, reason: `${left} octets, a header has ${SMP_HEADER_SIZE}` });
  }
  const begin = offset + SMP_HEADER_SIZE;
  if (header.length > octets.length - begin) {
    const reason = `length ${header.length}, ${octets.length - begin} octets follow the header`;
    return fail({ kind: 'truncated', header, offset, reason });
  }
  return ok({ header, payload: octets.subarray(begin, begin + header.length) });
}

/**
 * All packets of one transport message: each is answered on its own, up to 7 octets at the end are ignored [spec: smp
 * section 1]. `error` is the one at which reading ended: octets without any header, or a last packet cut short.
 */
export function decodePackets(octets: Uint8Array): {
  readonly packets: readonly SmpPacket[];
  readonly error?: SmpPacketError;
} {
  const packets: SmpPacket[] = [];
  let offset = 0;
  do {
    const packet = decodePacket(octets, offset);
    if (!packet.ok) return { packets, error: packet.error };
    packets.push(packet.value);
    offset += SMP_HEADER_SIZE + packet.value.header.length;
  } while (octets.length - offset >= SMP_HEADER_SIZE);
  return { packets };
}

function inRange(field: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return;
  throw new MeshError('bad-field', `SMP packet: ${field} ${value} is not in 0 to ${max}`, {
    hint: 'The packet cannot be sent so.',
  });
}
