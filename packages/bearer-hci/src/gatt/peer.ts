import { printAddress } from '../initialise.ts';

/** An address to connect to. */
export interface Peer {
  /** 0 public, 1 random. */
  readonly addressType: number;
  /** 6 octets, least significant first. */
  readonly address: Uint8Array;
}

/** The opaque handle of an advertiser: `C4:64:E3:4D:00:01/random`. */
export function peerHandle({ addressType, address }: Peer): string {
  return `${printAddress(address)}/${addressType === 0 ? 'public' : 'random'}`;
}

/** The reverse; undefined for anything else. */
export function parsePeerHandle(handle: string): Peer | undefined {
  const [, printed, type] = /^((?:[0-9A-F]{2}:){5}[0-9A-F]{2})\/(public|random)$/.exec(handle) ?? [];
  if (printed === undefined) return undefined;
  const address = Uint8Array.from(printed.split(':').reverse(), (octet) => Number.parseInt(octet, 16));
  return { addressType: type === 'public' ? 0 : 1, address };
}

/** An address alone, as printed, of text in upper or lower case; undefined for anything else. */
export function parseAddress(text: string): string | undefined {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) ? text.toUpperCase() : undefined;
}
