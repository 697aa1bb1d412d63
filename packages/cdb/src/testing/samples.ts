import { readFileSync } from 'node:fs';
import type { NetworkDocument } from '../model.ts';
import { readNetworkDocument } from '../read.ts';
import { documentError } from '../report.ts';

/** The sample documents that are in order. */
export const SAMPLES = [
  'network-full.json',
  'network-partial-guest.json',
  'network-key-refresh.json',
  'bluez-style-1.0.0.json',
  'nrfmesh-1.0.0-house.json',
  'nrfmesh-1.0.0-local-node.json',
] as const;

/** A file of the vectors, parsed; another copy each time. */
export function sampleJson(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8'));
}

/** A sample as a document, frozen throughout: no operation may change it. */
export function sample(name: (typeof SAMPLES)[number] = 'network-full.json'): NetworkDocument {
  return opened(sampleJson(name));
}

/** What a reader makes of a source that is in order; frozen throughout. */
export function opened(source: unknown): NetworkDocument {
  const read = readNetworkDocument(source);
  if (!read.ok) throw documentError(read.error);
  return frozen(read.value.document);
}

/** 16 octets of one value. */
export function octets(value: number): Uint8Array {
  return new Uint8Array(16).fill(value);
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}
