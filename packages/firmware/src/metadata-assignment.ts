import type { FirmwareImage, Inconsistency } from './firmware-package.ts';
import type { MeshMetadata } from './mesh-metadata.ts';
import { printable } from './printable.ts';
import type { MeshFile } from './update-zip.ts';

/** Images with the metadata that describe each, and the metadata of the package as a whole. */
interface Assigned {
  readonly images: readonly FirmwareImage[];
  readonly mesh: MeshMetadata | null;
  /** One entry when nobody can tell which metadata are meant. */
  readonly ambiguity: readonly Inconsistency[];
}

/**
 * Finds the image of each metadata file: exactly one file, or one per image [spec: firmware-metadata section 5]. `chosen`: the
 * one that is meant, by its name.
 */
export function assignMetadata(
  images: readonly FirmwareImage[],
  files: readonly MeshFile[],
  chosen: string | undefined,
): Assigned {
  const named = chosen === undefined ? undefined : files.find(({ name }) => name === chosen);
  const single = named ?? (files.length === 1 ? files[0] : undefined);
  if (single !== undefined) return assignOne(images, single.mesh);
  if (files.length === 0) return { images, mesh: null, ambiguity: [] };
  const perImage = images.map((image) => files.filter(({ mesh }) => mesh.metadata.size === image.size));
  const used = new Set(perImage.flat());
  if (used.size !== files.length || perImage.some((fitting) => fitting.length > 1)) {
    const names = files.map(({ name }) => name).join(', ');
    const message = `there are several mesh metadata files (${printable(names)}): nothing says which describes the image`;
    return { images, mesh: null, ambiguity: [{ code: 'metadata-ambiguous', message }] };
  }
  const described = images.map((image, i) => ({ ...image, mesh: perImage[i]![0]?.mesh ?? null }));
  const [first] = described.filter(({ mesh }) => mesh !== null).sort((a, b) => a.target.image - b.target.image);
  return { images: described, mesh: first?.mesh ?? null, ambiguity: [] };
}

/** One metadata file for one image: the one whose size it states, else that of the application core. */
function assignOne(images: readonly FirmwareImage[], mesh: MeshMetadata): Assigned {
  const application = images.find(({ target }) => target.image === 0) ?? images[0];
  const described = images.find(({ size }) => size === mesh.metadata.size) ?? application;
  const assigned = images.map((image) => (image === described ? { ...image, mesh } : image));
  return { images: assigned, mesh, ambiguity: [] };
}
