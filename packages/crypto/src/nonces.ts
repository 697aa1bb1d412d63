import type { Address, Unicast } from '@meshferry/core';

// Each nonce has 13 octets, numbers big-endian [Mesh Protocol 1.1, 3.9.5]. The functions write into `into`, whole, and
// return it: keep one array per sender and hand it in where many PDUs pass. Numbers are cut to their width, not checked.

/** Network PDU: CTL and TTL (7 bits) of its header, SEQ (24 bits), SRC, and the IV Index that secures it. */
export function networkNonce(
  ctl: boolean,
  ttl: number,
  seq: number,
  src: Unicast,
  ivIndex: number,
  into: Uint8Array = new Uint8Array(13),
): Uint8Array {
  return write(into, 0x00, (ctl ? 0x80 : 0) | (ttl & 0x7f), seq, src, 0, ivIndex);
}

/**
 * Access message under an AppKey. `aszmic`: SZMIC of a segmented message, false for an unsegmented one. `seq`: of the
 * first segment (low 24 bits of SeqAuth), or of the Network PDU if unsegmented. `dst`: the 16-bit address, virtual too.
 */
export function applicationNonce(
  aszmic: boolean,
  seq: number,
  src: Unicast,
  dst: Address,
  ivIndex: number,
  into: Uint8Array = new Uint8Array(13),
): Uint8Array {
  return write(into, 0x01, aszmic ? 0x80 : 0, seq, src, dst, ivIndex);
}

/** Access message under a device key; the parameters are those of {@link applicationNonce}. */
export function deviceNonce(
  aszmic: boolean,
  seq: number,
  src: Unicast,
  dst: Address,
  ivIndex: number,
  into: Uint8Array = new Uint8Array(13),
): Uint8Array {
  return write(into, 0x02, aszmic ? 0x80 : 0, seq, src, dst, ivIndex);
}

/** Proxy configuration message: SEQ (24 bits), SRC, IV Index. */
export function proxyNonce(
  seq: number,
  src: Unicast,
  ivIndex: number,
  into: Uint8Array = new Uint8Array(13),
): Uint8Array {
  return write(into, 0x03, 0, seq, src, 0, ivIndex);
}

/** Solicitation PDU: SSEQ (24 bits) and SSRC; it knows no IV Index. */
export function proxySolicitationNonce(sseq: number, ssrc: Unicast, into: Uint8Array = new Uint8Array(13)): Uint8Array {
  return write(into, 0x04, 0, sseq, ssrc, 0, 0);
}

function write(
  into: Uint8Array,
  type: number,
  second: number,
  seq: number,
  src: number,
  dst: number,
  ivIndex: number,
): Uint8Array {
  into[0] = type;
  into[1] = second;
  into[2] = seq >>> 16;
  into[3] = seq >>> 8;
  into[4] = seq;
  into[5] = src >>> 8;
  into[6] = src;
  into[7] = dst >>> 8;
  into[8] = dst;
  into[9] = ivIndex >>> 24;
  into[10] = ivIndex >>> 16;
  into[11] = ivIndex >>> 8;
  into[12] = ivIndex;
  return into;
}
