const TABLE = Uint16Array.from({ length: 256 }, (_, octet) => {
  let crc = octet << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) !== 0 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/**
 * CRC-16/XMODEM of `octets` from `from` to before `to`: polynomial 0x1021, begins with 0, nothing reflected or inverted; the CRC of
 * octets and their CRC behind them (big-endian) is 0 [spec: smp section 7].
 */
export function crc16(octets: Uint8Array, from = 0, to: number = octets.length): number {
  let crc = 0;
  for (let i = from; i < to; i++) crc = ((crc << 8) & 0xff00) ^ (TABLE[(crc >>> 8) ^ (octets[i] as number)] as number);
  return crc;
}
