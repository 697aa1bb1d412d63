import { fail, MeshError, ok, type Result } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { ImageFile } from './image-check.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { type MeshMetadata, parseMeshMetadata } from './mesh-metadata.ts';
import { printable } from './printable.ts';
import type { ZipEntry } from './zip-directory.ts';
import { openZip, type ZipArchive } from './zip-reader.ts';

/** The parts of a `dfu_application.zip`; the images are not looked into yet. */
export interface UpdateZip {
  readonly entries: readonly ZipEntry[];
  readonly manifest: Manifest;
  readonly mesh: MeshMetadata | null;
  /** In the order of the manifest. */
  readonly files: readonly ImageFile[];
  readonly warnings: readonly string[];
}

const METADATA_FILE = 'ble_mesh_metadata.json';

/** Unpacks what the manifest names and the mesh metadata, in memory; other entries are left alone. */
export function readUpdateZip(bytes: Uint8Array, crypto: CryptoProvider): Result<UpdateZip, MeshError> {
  const zip = openZip(bytes);
  if (!zip.ok) return zip;
  const json = readNamed(zip.value, 'manifest.json');
  if (json === undefined) {
    return fail(missing('no-manifest', 'the ZIP holds no manifest.json at its top level: it is no update package'));
  }
  if (!json.ok) return json;
  const manifest = parseManifest(json.value);
  if (!manifest.ok) return manifest;
  const files: ImageFile[] = [];
  for (const { file, size, target } of manifest.value.files) {
    const octets = readNamed(zip.value, file);
    if (octets === undefined) {
      return fail(missing('file-missing', `manifest.json names "${printable(file)}", which is not in the ZIP`));
    }
    if (!octets.ok) return octets;
    if (size !== undefined && octets.value.length !== size) {
      const found = octets.value.length;
      return fail(missing('size-mismatch', `"${printable(file)}" has ${found} octets, manifest.json says ${size}`));
    }
    files.push({ file, bytes: octets.value, target });
  }
  const mesh = readMetadata(zip.value, crypto);
  if (!mesh.ok) return mesh;
  const { value, warnings } = mesh.value;
  return ok({
    entries: zip.value.entries,
    manifest: manifest.value,
    mesh: value,
    files,
    warnings: [...manifest.value.warnings, ...warnings],
  });
}

/** The one metadata file at the top level; several under other names are not chosen from. */
function readMetadata(
  zip: ZipArchive,
  crypto: CryptoProvider,
): Result<{ value: MeshMetadata | null; warnings: string[] }, MeshError> {
  const names = zip.entries.map(({ name }) => name).filter((name) => /^ble_mesh_metadata[^/]*\.json$/.test(name));
  const name = names.includes(METADATA_FILE) ? METADATA_FILE : names.length === 1 ? names[0] : undefined;
  const several = `there are several mesh metadata files (${printable(names.join(', '))}), ${name ?? 'none of them'} is used`;
  const warnings = names.length > 1 ? [several] : [];
  const json = name === undefined ? undefined : readNamed(zip, name);
  if (json === undefined) return ok({ value: null, warnings });
  if (!json.ok) return json;
  const value = parseMeshMetadata(json.value, crypto);
  return value.ok ? ok({ value: value.value, warnings }) : value;
}

function readNamed(zip: ZipArchive, name: string): Result<Uint8Array, MeshError> | undefined {
  const entry = zip.entries.find((candidate) => candidate.name === name);
  return entry && zip.read(entry);
}

function missing(code: string, message: string): MeshError {
  return new MeshError(code, message, { hint: 'Build the update package again (dfu_application.zip).' });
}
