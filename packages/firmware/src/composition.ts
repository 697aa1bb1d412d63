import { fail, MeshError, ok, type Result } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import { type Json, members, uintOf } from './json.ts';
import { printable } from './printable.ts';

/** Composition Data Page 0 with the member names of `ble_mesh_metadata.json` [spec: firmware-metadata section 5]. */
export interface CompositionData {
  readonly cid: number;
  readonly pid: number;
  readonly vid: number;
  readonly crpl: number;
  readonly features: number;
  readonly elements: readonly CompositionElement[];
}

/** One element of {@link CompositionData}. */
export interface CompositionElement {
  readonly location: number;
  readonly sig_models: readonly number[];
  /** Each company × 65 536 + model: 0x0059000E is model 0x000E of company 0x0059. */
  readonly vendor_models: readonly number[];
}

/**
 * In which order the two halves of a vendor model are written: `wire` (company first) is what a node sends and hashes,
 * `packager` (model first) is a known error of the SDK's build script [spec: firmware-metadata section 2].
 */
export type VendorModelOrder = 'wire' | 'packager';

/** Reads the JSON form; fails with `bad-composition` naming the member. */
export function parseComposition(json: Json): Result<CompositionData, MeshError> {
  try {
    const page = objectOf(json, 'composition_data');
    return ok({
      cid: uint(page, 'cid', 0xffff),
      pid: uint(page, 'pid', 0xffff),
      vid: uint(page, 'vid', 0xffff),
      crpl: uint(page, 'crpl', 0xffff),
      features: uint(page, 'features', 0xffff),
      elements: list(page, 'elements').map(parseElement),
    });
  } catch (thrown) {
    if (thrown instanceof MeshError) return fail(thrown);
    throw thrown;
  }
}

/** Composition Data Page 0 without the page number octet, little-endian. The data must be in range. */
export function encodeCompositionPage0(composition: CompositionData, order: VendorModelOrder = 'wire'): Uint8Array {
  const octets: number[] = [];
  const u16 = (value: number) => octets.push(value & 0xff, (value >>> 8) & 0xff);
  for (const value of [composition.cid, composition.pid, composition.vid, composition.crpl, composition.features]) {
    u16(value);
  }
  for (const element of composition.elements) {
    u16(element.location);
    octets.push(element.sig_models.length, element.vendor_models.length);
    for (const model of element.sig_models) u16(model);
    for (const model of element.vendor_models) {
      const [company, id] = [model >>> 16, model & 0xffff];
      for (const value of order === 'wire' ? [company, id] : [id, company]) u16(value);
    }
  }
  return Uint8Array.from(octets);
}

/**
 * The first four octets, read little-endian, of the AES-CMAC of `page0` [spec: firmware-metadata section 2].
 * `key`: 16 octets, all zero in the SDK.
 */
export function compositionHash(
  page0: Uint8Array,
  crypto: CryptoProvider,
  key: Uint8Array = new Uint8Array(16),
): number {
  const mac = crypto.aes(key).cmac(page0);
  return new DataView(mac.buffer, mac.byteOffset, 4).getUint32(0, true);
}

function parseElement(json: Json, index: number): CompositionElement {
  const element = objectOf(json, `elements[${index}]`);
  return {
    location: uint(element, 'location', 0xffff),
    sig_models: models(element, 'sig_models', 0xffff),
    vendor_models: models(element, 'vendor_models', 0xffff_ffff),
  };
}

function models(element: Record<string, Json>, name: string, max: number): number[] {
  const values = list(element, name).map((json) => checked(json, name, max));
  if (values.length > 0xff) throw bad(`${name} lists ${values.length} models, more than 255`);
  return values;
}

function objectOf(json: Json, name: string): Record<string, Json> {
  const object = members(json);
  if (object === undefined) throw bad(`${name} is not an object`);
  return object;
}

function list(object: Record<string, Json>, name: string): Json[] {
  const value = object[name];
  if (!Array.isArray(value)) throw bad(`${name} is not a list`);
  return value;
}

function uint(object: Record<string, Json>, name: string, max: number): number {
  return checked(object[name], name, max);
}

function checked(json: Json | undefined, name: string, max: number): number {
  const value = uintOf(json);
  if (value === undefined || value > max) {
    throw bad(`${name} is ${printable(JSON.stringify(json) ?? 'missing')}, not an integer from 0 to ${max}`);
  }
  return value;
}

function bad(what: string): MeshError {
  return new MeshError('bad-composition', `composition data: ${what}`, {
    hint: 'Members: cid, pid, vid, crpl, features, elements [{location, sig_models, vendor_models}].',
  });
}
