import { fail, MeshError, ok, type Result } from '@meshferry/core';

/** A firmware version as MCUboot headers and mesh metadata hold it [spec: mcuboot-image section 1]. */
export interface Version {
  /** 0 to 255. */
  readonly major: number;
  /** 0 to 255. */
  readonly minor: number;
  /** 0 to 65 535. */
  readonly revision: number;
  /** 0 to 4 294 967 295. */
  readonly build: number;
}

const TEXT = /^(\d{1,10})\.(\d{1,10})(?:\.(\d{1,10}))?(?:[.+](\d{1,10}))?$/;

/** Reads `1.2.3+4` (image tool), `1.2.3.4` (SMP list), `1.2.3` or `1.2`; fails with `bad-version`. */
export function parseVersion(text: string): Result<Version, MeshError> {
  const match = TEXT.exec(text.trim());
  if (match === null) return fail(badVersion(text));
  const [major, minor, revision, build] = [1, 2, 3, 4].map((i) => Number(match[i] ?? 0)) as [
    number,
    number,
    number,
    number,
  ];
  const version = { major, minor, revision, build };
  return isVersion(version) ? ok(version) : fail(badVersion(text));
}

/** `1.2.3+4`, always with the build number. */
export function formatVersion(version: Version): string {
  return `${version.major}.${version.minor}.${version.revision}+${version.build}`;
}

/**
 * Negative when `a` is older than `b`, 0 when equal, positive when newer. The build number counts unless `withBuild` is
 * false: the metadata check counts it [spec: firmware-metadata section 3], MCUboot's downgrade check by default does not.
 */
export function compareVersions(a: Version, b: Version, options: { withBuild?: boolean } = {}): number {
  if (a.major !== b.major) return a.major - b.major;
  if (a.minor !== b.minor) return a.minor - b.minor;
  if (a.revision !== b.revision) return a.revision - b.revision;
  return options.withBuild === false ? 0 : a.build - b.build;
}

/** The eight octets of a version, little-endian: major, minor, revision (2), build (4). The version must be in range. */
export function encodeVersion(version: Version): Uint8Array {
  if (!isVersion(version)) throw badVersion(JSON.stringify(version));
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  bytes[0] = version.major;
  bytes[1] = version.minor;
  view.setUint16(2, version.revision, true);
  view.setUint32(4, version.build, true);
  return bytes;
}

/** Reads the eight octets of {@link encodeVersion} at `at`, which must lie inside `bytes`. */
export function readVersion(bytes: Uint8Array, at: number): Version {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
  return {
    major: view.getUint8(0),
    minor: view.getUint8(1),
    revision: view.getUint16(2, true),
    build: view.getUint32(4, true),
  };
}

function isVersion({ major, minor, revision, build }: Version): boolean {
  return isUint(major, 0xff) && isUint(minor, 0xff) && isUint(revision, 0xffff) && isUint(build, 0xffff_ffff);
}

function isUint(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

function badVersion(text: string): MeshError {
  return new MeshError('bad-version', `not a firmware version: "${text.slice(0, 60)}"`, {
    hint: 'Write it like 1.2.3+4: major and minor up to 255, revision up to 65535, build up to 4294967295.',
  });
}
