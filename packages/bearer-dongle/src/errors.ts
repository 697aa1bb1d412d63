import { AD_SERVICE_DATA, type AdStructure } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { CAN_SET_POWER, type DongleInfo } from './messages.ts';

/** Octets of an AD structure's data in legacy advertising data; of service data, before which Flags and list stand. */
const AD_DATA_MAX = 29;
const SERVICE_AD_DATA_MAX = 22;
const HINT_FLASH =
  'Flash the dongle with the firmware in the folder `firmware` of the package @meshferry/bearer-dongle, or give the URI of another port.';

/**
 * Why nothing that speaks the dongle's protocol is at `where`, from what it said instead: `bearer-failed` with a hint at
 * what it is. `octets`: the first ones that came, possibly none.
 */
export function wrongDevice(where: string, octets: Uint8Array): MeshError {
  if (octets.length === 0) {
    return make(`${where} does not answer`, HINT_FLASH);
  }
  if (hasHciEvent(octets)) {
    return make(
      `${where} is no Meshferry dongle: this is an HCI controller`,
      `Use hci:serial:${where} with the package @meshferry/bearer-hci, or flash the dongle firmware.`,
    );
  }
  if (hasThreeWire(octets)) {
    return make(
      `${where} is no Meshferry dongle: this is an HCI controller with three-wire framing (H5 or BCSP)`,
      'Set the controller to H4 and use hci:serial:…, or flash the dongle firmware.',
    );
  }
  if (isText(octets)) {
    return make(
      `${where} is no Meshferry dongle: a console answers there ("${excerpt(octets)}")`,
      `Boards often have several ports: try the next one. ${HINT_FLASH}`,
    );
  }
  return make(
    `${where} sends octets that are no frames of a dongle`,
    `Check the rate: dongle:${where},1000000 for a UART. ${HINT_FLASH}`,
  );
}

/** The dongle speaks another version of the protocol: `bearer-failed`. */
export function wrongVersion(where: string, firmware: string, theirs: number, ours: number): MeshError {
  const hint =
    theirs < ours
      ? 'Flash the newer firmware in the folder `firmware` of the package @meshferry/bearer-dongle.'
      : 'Update Meshferry, or flash the firmware in the folder `firmware` of the package @meshferry/bearer-dongle.';
  return make(
    `the dongle at ${where} (firmware ${firmware}) speaks version ${theirs} of the protocol, this Meshferry version ${ours}`,
    hint,
  );
}

/** The dongle cannot transmit with the power of the URI, dBm: `bearer-failed`. */
export function powerError(name: string, power: number, info: DongleInfo): MeshError | undefined {
  if ((info.capabilities & CAN_SET_POWER) === 0) {
    return make(`the dongle at ${name} cannot change its transmit power`, 'Leave power out of the bearer URI.');
  }
  if (power >= info.powerMin && power <= info.powerMax) return undefined;
  const hint = `Give a power from ${info.powerMin} to ${info.powerMax} dBm.`;
  return make(`the dongle at ${name} cannot transmit with ${power} dBm`, hint);
}

/** `ad-too-long`, if this is more than advertising data holds. */
export function tooLong({ type, data }: AdStructure): MeshError | undefined {
  const most = type === AD_SERVICE_DATA ? SERVICE_AD_DATA_MAX : AD_DATA_MAX;
  if (data.length <= most) return undefined;
  return new MeshError('ad-too-long', `AD data of ${data.length} octets exceeds ${most}`, {
    hint: 'Segment the PDU: a legacy advertisement holds 31 octets, length and type included.',
  });
}

export function closedError(): MeshError {
  return new MeshError('bearer-closed', 'the bearer was closed', { hint: 'Open the bearer again.' });
}

export function silentError(name: string): MeshError {
  return new MeshError('bearer-lost', `the dongle at ${name} does not answer any more`, {
    hint: 'Plug it out and in again, then open the bearer again.',
  });
}

/** Why a dongle that was in use is gone: always `bearer-lost`. */
export function lostError(reason: MeshError): MeshError {
  if (reason.code === 'bearer-lost') return reason;
  const hint = reason.hint ?? 'Open the bearer again.';
  return new MeshError('bearer-lost', reason.message, { hint, cause: reason });
}

/** Why a dongle could not be opened: never `bearer-lost`. */
export function openingError(name: string, reason: MeshError): MeshError {
  if (reason.code !== 'bearer-lost') return reason;
  return new MeshError('bearer-failed', `${name} went away while it was opened`, {
    hint: 'Plug the dongle in again.',
    cause: reason,
  });
}

function make(message: string, hint: string): MeshError {
  return new MeshError('bearer-failed', message, { hint });
}

/** Command Complete, Command Status, Hardware Error or a vendor's event, with the length that belongs to it. */
function hasHciEvent(octets: Uint8Array): boolean {
  for (let i = 0; i + 2 < octets.length; i++) {
    if (octets[i] !== 0x04) continue;
    const code = octets[i + 1]!;
    const length = octets[i + 2]!;
    if (code === 0x0e && length >= 4) return true;
    if (code === 0x0f && length === 4) return true;
    if (code === 0x10 && length === 1) return true;
    if (code === 0xff && length > 0 && length <= octets.length - i - 3) return true;
  }
  return false;
}

/** `C0 … C0` with SYNC of H5 (`01 7E`) or of BCSP (`DA DC ED ED`) in it [hci-serial.md 8]. */
function hasThreeWire(octets: Uint8Array): boolean {
  const hex = [...octets].map((octet) => octet.toString(16).padStart(2, '0')).join(' ');
  return /c0 (?:.. ){4}(?:01 7e|da dc ed ed) c0/.test(hex);
}

function isText(octets: Uint8Array): boolean {
  let printable = 0;
  for (const octet of octets) if ((octet >= 0x20 && octet < 0x7f) || [9, 10, 13, 27].includes(octet)) printable++;
  return printable >= 0.9 * octets.length && printable >= 3;
}

function excerpt(octets: Uint8Array): string {
  const text = String.fromCharCode(...octets.subarray(0, 60));
  return text
    .replace(/[^ -~]+/g, ' ')
    .trim()
    .slice(0, 40);
}
