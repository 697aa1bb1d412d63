/** Bits of OOB Information [Mesh Protocol 1.1, 3.10.2]. */
const NAMES: readonly (string | undefined)[] = [
  'other OOB',
  'URI',
  '2D code',
  'bar code',
  'NFC',
  'number',
  'text',
  'certificate',
  'records',
  undefined,
  undefined,
  'on the box',
  'in the box',
  'on paper',
  'in the manual',
  'on the device',
];

/** Where the OOB data of a device are, and in what form, as it says itself. */
export function oobNames(oobInformation: number): string[] {
  return NAMES.flatMap((name, bit) => (name !== undefined && (oobInformation & (1 << bit)) !== 0 ? [name] : []));
}
