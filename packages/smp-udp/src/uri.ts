import { type HostPort, readHostPort } from '@meshferry/byte-streams';
import { MeshError } from '@meshferry/core';

/** Where an SMP server is. */
export interface SmpUdpUri extends HostPort {
  /** Octets that the path carries in an IP packet. */
  readonly mtu: number;
}

/** How the URIs can look. */
export const URIS: readonly string[] = ['udp:192.0.2.1', 'udp:board.local:1337', 'udp:[2001:db8::1]:1337'];

/** The port of SMP [spec: smp section 8]. */
export const SMP_PORT = 1337;
/** Of Ethernet. */
export const DEFAULT_MTU = 1500;
/** What every IPv4 path carries. */
const LEAST_MTU = 68;

/** Reads `udp:HOST[:PORT]` (an IPv6 address in brackets) with `?mtu=OCTETS`; port 1337 and 1500 octets without. Throws `bad-smp-uri`. */
export function parseSmpUdpUri(uri: string): SmpUdpUri {
  const [, where = '', query] = /^udp:([^?]+)(?:\?(.*))?$/s.exec(uri) ?? [];
  if (where === '') throw bad(uri, 'it names no host');
  const place = readHostPort(where, SMP_PORT);
  if (!place.ok) throw bad(uri, place.error);
  return { ...place.value, mtu: query === undefined ? DEFAULT_MTU : readMtu(uri, query) };
}

function readMtu(uri: string, query: string): number {
  const [, mtu] = /^mtu=(\d{2,5})$/.exec(query) ?? [];
  if (mtu === undefined || Number(mtu) < LEAST_MTU || Number(mtu) > 65535) {
    throw bad(uri, `"${query}" is not mtu=OCTETS of ${LEAST_MTU} to 65535`);
  }
  return Number(mtu);
}

function bad(uri: string, reason: string): MeshError {
  return new MeshError('bad-smp-uri', `cannot read "${uri}": ${reason}`, {
    hint: `Give one like ${URIS.join(', ')}.`,
  });
}
