import { formatAddress, toHex } from '@meshferry/core';
import {
  encryptionName,
  type FirmwareImage,
  type FirmwarePackage,
  flagNames,
  formatVersion,
  imageDependencies,
  type McubootImage,
  type MeshMetadata,
  type SignatureCheck,
  securityCounter,
  type Tlv,
  tlvName,
} from '@meshferry/firmware';
import { formatFirmwareId, formatSize, printable } from '../shell/format.ts';
import type { Style } from '../shell/style.ts';
import { alignColumns } from '../shell/table.ts';

const KINDS: Readonly<Record<FirmwarePackage['kind'], string>> = {
  zip: 'update package',
  archive: 'firmware archive',
  image: 'MCUboot image',
  hex: 'Intel HEX',
  unsigned: 'unsigned application',
};

/** What is in a firmware file, as lines for people. `name`: what they call the file. */
export function inspectText(name: string, pkg: FirmwarePackage, style: Style): string[] {
  const sections = [
    section(style, `${printable(name)}: ${KINDS[pkg.kind]}`, [
      ['size', formatSize(pkg.size)],
      ['sha256', toHex(pkg.sha256)],
    ]),
    ...contents(pkg, style),
    ...pkg.images.map((image) => imageSection(image, style)),
    ...meshSections(pkg, style),
    ...(pkg.warnings.length === 0 ? [] : [warnings(pkg, style)]),
  ];
  return sections.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]));
}

function contents(pkg: FirmwarePackage, style: Style): string[][] {
  if (pkg.kind === 'zip') {
    return [
      section(
        style,
        'Entries',
        pkg.entries.map(({ name, size, method }) => [printable(name), formatSize(size), method]),
      ),
    ];
  }
  if (pkg.hex === null) return [];
  const segments = pkg.hex.segments.map(({ address, bytes }) => [
    `0x${address.toString(16).padStart(8, '0')}`,
    formatSize(bytes.length),
    address === pkg.hexAddress ? 'the image' : '',
  ]);
  return [section(style, 'Segments', segments)];
}

function imageSection(firmware: FirmwareImage, style: Style): string[] {
  const { image, target, signature } = firmware;
  const title = `Image ${target.image} for slot ${target.slot}${firmware.file === null ? '' : `, ${printable(firmware.file)}`}`;
  // A wrong hash is refused before anything is shown.
  const hash = firmware.hashVerified ? style.green('ok') : 'not checked: encrypted';
  const counter = securityCounter(image);
  return section(style, title, [
    ['version', formatVersion(image.version)],
    ['size', formatSize(firmware.size)],
    ['sha256', toHex(firmware.sha256)],
    [
      'header',
      `${image.hdrSize} octets, payload ${image.imgSize}, flags 0x${image.flags.toString(16)}${flagsText(image)}`,
    ],
    ['hash', `${toHex(image.hash)} (${image.hashAlgorithm}, ${hash})`],
    ['signature', signatureText(firmware, style)],
    ...(signature.signatures.length > 1 ? signature.signatures.map((one) => signatureRow(one, style)) : []),
    ...(signature.keyHash === null ? [] : [['key hash', toHex(signature.keyHash)]]),
    ...(counter === undefined ? [] : [['security counter', String(counter)]]),
    ...imageDependencies(image).map(({ image: number, minVersion }) => [
      'needs',
      `image ${number} in version ${formatVersion(minVersion)} or newer`,
    ]),
    ...image.protectedTlvs.map((tlv) => tlvRow('protected TLV', tlv)),
    ...image.tlvs.map((tlv) => tlvRow('TLV', tlv)),
  ]);
}

function signatureText({ signature }: FirmwareImage, { green, yellow }: Style): string {
  const { state, key, checked } = signature;
  if (state === 'valid') return `${green('valid')}, ${key?.name} (${checked.join(', ')})`;
  return yellow(state === 'unknown-key' ? 'by an unknown key' : state);
}

function signatureRow({ kind, state, key }: SignatureCheck, { green, yellow }: Style): string[] {
  const by = key === null ? '' : `, ${key.name}`;
  return ['one of them', `${kind} ${state === 'valid' ? green(state) : yellow(state)}${by}`];
}

function flagsText(image: McubootImage): string {
  const names = flagNames(image);
  const encryption = encryptionName(image);
  const words = [...names, ...(encryption === null ? [] : [encryption])];
  return words.length === 0 ? '' : ` (${words.join(', ')})`;
}

function tlvRow(title: string, { type, value }: Tlv): string[] {
  const hex = toHex(value);
  const shown = hex.length > 64 ? `${hex.slice(0, 64)}… (${value.length} octets)` : hex;
  return [title, `${tlvName(type)} ${shown}`.trim()];
}

/** One for each image that has metadata. */
function meshSections({ images, mesh }: FirmwarePackage, style: Style): string[][] {
  const described = images.filter((image) => image.mesh !== null);
  if (described.length < 2) return mesh === null ? [] : [meshSection('Mesh metadata', mesh, style)];
  return described.map((image) => meshSection(`Mesh metadata of image ${image.target.image}`, image.mesh!, style));
}

function meshSection(title: string, mesh: MeshMetadata, style: Style): string[] {
  const { metadata, composition } = mesh;
  const hex32 = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;
  return section(style, title, [
    ['encoded', toHex(mesh.encoded)],
    ['version', formatVersion(metadata.version)],
    ['image size', formatSize(metadata.size)],
    ['core type', String(metadata.coreType)],
    ...(metadata.compositionHash === undefined ? [] : [['composition hash', hex32(metadata.compositionHash)]]),
    ...(metadata.elementCount === undefined ? [] : [['elements', String(metadata.elementCount)]]),
    ...(metadata.userData.length === 0 ? [] : [['user data', toHex(metadata.userData)]]),
    ...(mesh.firmwareId === null
      ? []
      : [['firmware id', `${toHex(mesh.firmwareId)} (version ${formatFirmwareId(mesh.firmwareId)})`]]),
    ...(composition === null
      ? []
      : [
          ['company', formatAddress(composition.data.cid)],
          ['hash on a node', hex32(composition.hash)],
          ...(composition.packagerHash === composition.hash
            ? []
            : [['packager hash', `${hex32(composition.packagerHash)} (vendor models written model id first: wrong)`]]),
        ]),
  ]);
}

function warnings(pkg: FirmwarePackage, { bold, red, yellow }: Style): string[] {
  const contradictions = new Set(pkg.inconsistencies.map(({ message }) => message));
  return [
    bold('Warnings'),
    ...pkg.warnings.map((text) => `  ${contradictions.has(text) ? red('contradiction:') : yellow('note:')} ${text}`),
  ];
}

function section({ bold, dim }: Style, title: string, rows: readonly (readonly string[])[]): string[] {
  const painted = rows.map(([name = '', ...rest]) => [dim(name), ...rest]);
  return [bold(title), ...alignColumns(painted).map((line) => `  ${line}`)];
}
