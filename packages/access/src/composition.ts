import { fail, ok, type Result } from '@meshferry/core';
import { BitReader, BitWriter } from './bit-stream.ts';
import type { ModelId } from './contract.ts';
import type { DecodeError } from './message.ts';

/** What a node is made of: Composition Data Page 0 [Mesh Protocol 1.1, 4.2.2.1]. */
export interface Composition {
  /** Company Identifier, 16 bits. */
  readonly cid: number;
  /** Product, given by the company, 16 bits. */
  readonly pid: number;
  /** Version of the product, 16 bits. */
  readonly vid: number;
  /** Smallest number of entries of the replay protection list, 16 bits. */
  readonly crpl: number;
  /** What the node supports, {@link Feature} bits; the others are to be disregarded. */
  readonly features: number;
  /** In the order of their addresses, one at least. */
  readonly elements: readonly CompositionElement[];
}

export interface CompositionElement {
  /** GATT namespace description, 16 bits; 0 unknown, 0x0100 main. */
  readonly location: number;
  /** At most 255, as the vendor models. */
  readonly sigModels: readonly ModelId[];
  readonly vendorModels: readonly ModelId[];
}

/** Bits of {@link Composition.features}. */
export const Feature = { relay: 0x01, proxy: 0x02, friend: 0x04, lowPower: 0x08 } as const;

/** A page as it was received: complete elements, and what stood after the last one. */
export interface DecodedComposition {
  readonly composition: Composition;
  /** Octets of an element that was cut off; empty from a correct peer. */
  readonly trailing: Uint8Array;
}

/**
 * Composition Data Page 0 (or 128) without the page number. Elements that would make it longer than `maxOctets` are
 * left out, as a Config Composition Data Status must (378 octets); default: no limit.
 */
export function encodeComposition(composition: Composition, maxOctets = Number.POSITIVE_INFINITY): Uint8Array {
  const writer = new BitWriter();
  for (const name of HEAD) writer.uint(composition[name], 16);
  for (const { location, sigModels, vendorModels } of composition.elements) {
    if (writer.length + 4 + 2 * sigModels.length + 4 * vendorModels.length > maxOctets) break;
    writer.uint(location, 16);
    writer.uint(sigModels.length, 8);
    writer.uint(vendorModels.length, 8);
    for (const id of sigModels) writer.uint(id, 16);
    for (const id of vendorModels) {
      writer.uint(Math.floor(id / 0x10000), 16);
      writer.uint(id % 0x10000, 16);
    }
  }
  return writer.finish();
}

/** The reverse of {@link encodeComposition}. Never throws; a page without one whole element is an error. */
export function decodeComposition(page: Uint8Array): Result<DecodedComposition, DecodeError> {
  const reader = new BitReader(page);
  const [cid, pid, vid, crpl, features] = HEAD.map(() => reader.uint(16)) as [number, number, number, number, number];
  const elements: CompositionElement[] = [];
  let end = reader.offset;
  while (reader.remaining > 0) {
    const element = readElement(reader);
    if (reader.failure !== undefined) break;
    elements.push(element);
    end = reader.offset;
  }
  if (elements.length === 0) {
    const { reason, offset } = reader.failure ?? { reason: 'no element', offset: end };
    return fail({ message: 'Composition Data Page 0', field: 'elements', offset, reason });
  }
  return ok({ composition: { cid, pid, vid, crpl, features, elements }, trailing: page.slice(end) });
}

const HEAD = ['cid', 'pid', 'vid', 'crpl', 'features'] as const;

function readElement(reader: BitReader): CompositionElement {
  const location = reader.uint(16);
  const sig = reader.uint(8);
  const vendor = reader.uint(8);
  if (2 * sig + 4 * vendor > reader.remaining) {
    reader.fail(`${sig} SIG and ${vendor} vendor models do not fit`);
    return { location, sigModels: [], vendorModels: [] };
  }
  const sigModels = Array.from({ length: sig }, () => reader.uint(16));
  const vendorModels = Array.from({ length: vendor }, () => reader.uint(16) * 0x10000 + reader.uint(16));
  return { location, sigModels, vendorModels };
}
