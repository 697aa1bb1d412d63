/**
 * Frame check sequence of a PB-ADV transaction, one octet: CRC-8 of 3GPP TS 27.010 over the whole Provisioning PDU
 * [Mesh Protocol 1.1, PB-ADV].
 */
export function fcs(data: Uint8Array): number {
  let crc = 0xff;
  for (const octet of data) crc = TABLE[crc ^ octet]!;
  return 0xff - crc;
}

const TABLE = new Uint8Array(256).map((_, i) => {
  let x = i;
  for (let bit = 0; bit < 8; bit++) x = x & 1 ? (x >> 1) ^ 0xe0 : x >> 1;
  return x;
});
