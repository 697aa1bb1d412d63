import { crc32, deflateRawSync } from 'node:zlib';

/** An entry to craft, with whatever lies about it. */
export interface CraftedEntry {
  name: string;
  data: Uint8Array;
  deflate?: boolean;
  /** Already packed octets instead of those of `data`. */
  packed?: Uint8Array;
  size?: number;
  crc?: number;
  flags?: number;
  madeBy?: number;
  attributes?: number;
  extra?: Uint8Array;
  method?: number;
}

/** A ZIP as an adversary or another tool would write it. */
export function craftZip(entries: readonly CraftedEntry[], end: { count?: number; comment?: string } = {}): Uint8Array {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const { data, deflate = false, flags = 0, extra = new Uint8Array(0) } = entry;
    const packed = entry.packed ?? (deflate ? deflateRawSync(data) : data);
    const name = Buffer.from(entry.name);
    const common = Buffer.alloc(24);
    common.writeUInt16LE(flags, 0);
    common.writeUInt16LE(entry.method ?? (deflate ? 8 : 0), 2);
    common.writeUInt32LE(entry.crc ?? crc32(data), 8);
    common.writeUInt32LE(packed.length, 12);
    common.writeUInt32LE(entry.size ?? data.length, 16);
    common.writeUInt16LE(name.length, 20);
    const local = Buffer.concat([Buffer.from('504b03041400', 'hex'), common, name, packed]);
    common.writeUInt16LE(extra.length, 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((entry.attributes ?? 0) << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    const head = Buffer.from([0x50, 0x4b, 1, 2, 20, entry.madeBy ?? 3, 20, 0]);
    directory.push(Buffer.concat([head, common, tail, name, extra]));
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const comment = Buffer.from(end.comment ?? '');
  const record = Buffer.alloc(22);
  record.write('504b0506', 'hex');
  record.writeUInt16LE(end.count ?? entries.length, 8);
  record.writeUInt16LE(end.count ?? entries.length, 10);
  record.writeUInt32LE(central.length, 12);
  record.writeUInt32LE(offset, 16);
  record.writeUInt16LE(comment.length, 20);
  return new Uint8Array(Buffer.concat([...locals, central, record, comment]));
}

/** A raw deflate stream of `megabytes` MiB of zeros, about a thousandth of that long. */
export function deflatedZeros(megabytes: number): Uint8Array {
  const zlibSyncFlush = 2;
  const block = deflateRawSync(Buffer.alloc(1024 * 1024), { level: 9, finishFlush: zlibSyncFlush });
  const final = deflateRawSync(Buffer.alloc(0));
  return new Uint8Array(Buffer.concat([...new Array<Buffer>(megabytes).fill(block), final]));
}
