import { fail, MeshError, ok, type Result } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { ImageFile } from './image-check.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { type MeshMetadata, parseMeshMetadata } from './mesh-metadata.ts';
import { printable } from './printable.ts';
import type { ZipEntry } from './zip-directory.ts';
import { openZip, type ZipArchive } from './zip-reader.ts';

/** A metadata file of a package. */
export interface MeshFile {
  readonly name: string;
  readonly mesh: MeshMetadata;
}

/** The parts of a `dfu_application.zip`; the images are not looked into yet. */
export interface UpdateZip {
  readonly entries: readonly ZipEntry[];
  readonly manifest: Manifest;
  readonly meshFiles: readonly MeshFile[];
  /** In the order of the manifest. */
  readonly files: readonly ImageFile[];
  readonly warnings: readonly string[];
}

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
  const meshFiles = readMetadata(zip.value, crypto);
  if (!meshFiles.ok) return meshFiles;
  return ok({
    entries: zip.value.entries,
    manifest: manifest.value,
    meshFiles: meshFiles.value,
    files,
    warnings: manifest.value.warnings,
  });
}

/** The metadata files at the top level: usually one, in packages of several images one for each. */
function readMetadata(zip: ZipArchive, crypto: CryptoProvider): Result<MeshFile[], MeshError> {
  const found: MeshFile[] = [];
  for (const entry of zip.entries) {
    if (!/^ble_mesh_metadata[^/]*\.json$/.test(entry.name)) continue;
    const json = zip.read(entry);
    if (!json.ok) return json;
    const mesh = parseMeshMetadata(json.value, crypto);
    if (!mesh.ok) return mesh;
    found.push({ name: entry.name, mesh: mesh.value });
  }
  return ok(found);
}

function readNamed(zip: ZipArchive, name: string): Result<Uint8Array, MeshError> | undefined {
  const entry = zip.entries.find((candidate) => candidate.name === name);
  return entry && zip.read(entry);
}

function missing(code: string, message: string): MeshError {
  return new MeshError(code, message, { hint: 'Build the update package again (dfu_application.zip).' });
}
