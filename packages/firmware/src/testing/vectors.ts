import { readFileSync } from 'node:fs';
import type { Result } from '@meshferry/core';

interface MetadataVector {
  name: string;
  hex: string;
  kind: 'ok' | 'context' | 'malformed';
  fields: Record<string, unknown>;
}

/** TLVs and header fields as the ground truth names them. */
export interface TlvVector {
  type: string;
  name: string;
  offset: number;
  len: number;
  value: string;
}

interface ImageVector {
  name: string;
  image: string;
  header: Record<string, unknown> & { version: string };
  tlvAreaOffset: number;
  imageEnd: number;
  trailingOctets: number;
  protectedTlvs: TlvVector[];
  tlvs: TlvVector[];
  hashAlgorithm: string;
  hash: string;
  hashedLength: number;
  publicKey?: string;
  signature?: string;
  securityCounter?: number;
  dependencies?: { image: number; minVersion: string }[];
}

interface McubootVectors {
  publicKeys: Record<string, string>;
  images: ImageVector[];
  encryptedImages: { name: string; image: string; version: string; hash: string; tlvs: TlvVector[] }[];
  invalidImages: { name: string; image: string; reason: string }[];
  trailers: {
    name: string;
    writeSize: number;
    maxAlign: number;
    slotSize: number;
    tail: string;
    magic: string;
    imageOkOffset: number;
    copyDoneOffset: number;
    swapInfoOffset: number;
    swapSizeOffset: number;
    imageOk: number;
    trailerSizeFor128Sectors: number;
  }[];
  versionCompare: { a: string; b: string; withBuildNumber: number; withoutBuildNumber: number }[];
}

/** Images that the image tool made, and what is in them. */
interface ImgtoolVectors {
  about: string;
  images: {
    name: string;
    options: string;
    key: string | null;
    kind: string | null;
    state: string;
    image: string;
    hashAlgorithm?: string;
    flags?: string[];
    loadAddr?: number;
    securityCounter?: number;
    dependencies?: string[];
    protectedTlvs?: string[];
    encryption?: string;
    trailer?: string;
  }[];
}

export const imgtoolVectors: ImgtoolVectors = vector('imgtool');
export const metadataVectors: MetadataVector[] = vector('firmware-metadata');
export const mcubootVectors: McubootVectors = vector('mcuboot');

/** The value of a result that must be one. */
export function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw result.error;
  return result.value;
}

function vector<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as T;
}
