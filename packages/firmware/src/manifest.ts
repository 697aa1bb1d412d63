import { fail, MeshError, ok, type Result } from '@meshferry/core';
import { type Json, members, parseJson, uintOf } from './json.ts';
import { printable } from './printable.ts';

/** Where an image belongs: image number (0 application core, 1 network core) and slot of that image (0 or 1). */
export interface ImageTarget {
  readonly image: number;
  readonly slot: number;
}

/** One file of `manifest.json` [spec: firmware-packages section 2]. */
export interface ManifestFile {
  /** Name of the ZIP entry. */
  readonly file: string;
  /** Octets, undefined when the manifest does not say. */
  readonly size: number | undefined;
  /** `application`, `bin`, `mcuboot` or what else stands there; empty when nothing does. */
  readonly type: string;
  readonly target: ImageTarget;
  /** The text of `version_MCUBOOT` (or `version_MCUBOOT+XIP`). */
  readonly version: string | undefined;
  readonly loadAddress: number | undefined;
}

/** A `manifest.json` that names at least one file, each for another target. */
export interface Manifest {
  /** As found; an unquoted hexadecimal load address has become a number. */
  readonly json: Json;
  readonly files: readonly ManifestFile[];
  /** Two builds per image, one for each slot: only the one for the inactive slot is sent. */
  readonly directXip: boolean;
  /** What is odd but tolerated. */
  readonly warnings: readonly string[];
}

const KNOWN_TYPES = ['application', 'bin', 'mcuboot', ''];
const NEWEST_FORMAT = 1;
/** Members of the manifest of the nRF5 SDK's packages. */
const LEGACY = ['application', 'bootloader', 'softdevice', 'softdevice_bootloader'];

/**
 * Reads `manifest.json`; fails with `manifest-not-json`, `bad-manifest`, `empty-files`, `duplicate-target`, `not-supported` or
 * `suit-not-supported`.
 */
export function parseManifest(bytes: Uint8Array): Result<Manifest, MeshError> {
  const json = parseJson(bytes, quoteLoadAddresses);
  if (json === undefined) return fail(bad('manifest-not-json', 'manifest.json is not JSON'));
  const manifest = members(json);
  const list = manifest?.files;
  const legacy = members(manifest?.manifest);
  if (list === undefined && legacy !== undefined && LEGACY.some((name) => name in legacy)) {
    const message = 'the ZIP is a package of the nRF5 SDK (Secure DFU), which is recognised but not supported';
    return fail(
      new MeshError('not-supported', message, { hint: 'Update packages for MCUboot are read (dfu_application.zip).' }),
    );
  }
  if (manifest === undefined || !Array.isArray(list))
    return fail(bad('bad-manifest', 'manifest.json has no list "files"'));
  if (list.length === 0) return fail(bad('empty-files', 'manifest.json lists no file'));
  const warnings: string[] = [];
  const format = uintOf(manifest['format-version'] ?? 0);
  if (format === undefined || format > NEWEST_FORMAT) {
    warnings.push(
      `manifest format-version ${printable(JSON.stringify(manifest['format-version']))} is not known, read as ${NEWEST_FORMAT}`,
    );
  }
  const files: ManifestFile[] = [];
  for (const item of list) {
    const file = parseFile(item, files);
    if (!file.ok) return file;
    if (!KNOWN_TYPES.includes(file.value.type)) {
      warnings.push(
        `type "${printable(file.value.type)}" of ${printable(file.value.file)} is not known, taken for an application`,
      );
    }
    const { image, slot } = file.value.target;
    const other = files.find(({ target }) => target.image === image && target.slot === slot);
    if (other !== undefined) {
      const message = `${printable(other.file)} and ${printable(file.value.file)} are both for image ${image} slot ${slot}`;
      return fail(bad('duplicate-target', message));
    }
    files.push(file.value);
  }
  const directXip = list.some((item) => {
    const file = members(item);
    return file?.slot !== undefined || file?.['version_MCUBOOT+XIP'] !== undefined;
  });
  return ok({ json, files, directXip, warnings });
}

/** Some SDKs write `"load_address": 0x10200`, which is not JSON. */
function quoteLoadAddresses(text: string): string {
  return text.replace(/("load_address"\s*:\s*)0x([0-9a-fA-F]{1,12})/g, (_, key: string, hex: string) => {
    return key + Number.parseInt(hex, 16);
  });
}

/** `before`: the files that stand before this one. Bootloaders get their slots in this order: s0, then s1. */
function parseFile(json: Json, before: readonly ManifestFile[]): Result<ManifestFile, MeshError> {
  const item = members(json);
  const file = item?.file;
  if (item === undefined || typeof file !== 'string' || file === '') {
    return fail(bad('bad-manifest', 'manifest.json lists a file without the member "file"'));
  }
  const type = typeof item.type === 'string' ? item.type : '';
  if (type === 'suit-envelope' || type === 'cache') {
    return fail(bad('suit-not-supported', `${printable(file)} is a SUIT ${type === 'cache' ? 'cache' : 'envelope'}`));
  }
  const image = numberOf(item, file, item.image === undefined ? 'image_index' : 'image', 0xff);
  if (!image.ok) return image;
  const slot = numberOf(item, file, 'slot', 0x1ff);
  if (!slot.ok) return slot;
  const size = numberOf(item, file, 'size', Number.MAX_SAFE_INTEGER);
  if (!size.ok) return size;
  const version = item.version_MCUBOOT ?? item['version_MCUBOOT+XIP'];
  const bootloaders = before.filter((other) => other.type === 'mcuboot' && other.target.image === (image.value ?? 0));
  const defaultSlot = type === 'mcuboot' ? bootloaders.length % 2 : 1;
  return ok({
    file,
    size: size.value,
    type,
    target: { image: image.value ?? 0, slot: slot.value === undefined ? defaultSlot : slot.value % 2 },
    version: typeof version === 'string' ? version : undefined,
    loadAddress: uintOf(item.load_address),
  });
}

function numberOf(
  item: Record<string, Json>,
  file: string,
  name: string,
  max: number,
): Result<number | undefined, MeshError> {
  if (item[name] === undefined) return ok(undefined);
  const value = uintOf(item[name]);
  if (value !== undefined && value <= max) return ok(value);
  return fail(
    bad('bad-manifest', `"${name}" of ${printable(file)} is ${printable(JSON.stringify(item[name]))}, not a number`),
  );
}

function bad(code: string, message: string): MeshError {
  return new MeshError(code, message, { hint: 'Build the update package again (dfu_application.zip).' });
}
