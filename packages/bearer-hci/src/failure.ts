import type { AdStructure } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { hexCode } from './codes.ts';

/** What a person is told when no controller answers, by the octets that came instead. */
export interface Failure {
  readonly message: string;
  readonly hint: string;
}

const SLIP_END = 0xc0;

/** Recognises other things that speak on a wire by their octets (hci-serial.md, section 8). */
export function whatSpeaks(octets: Uint8Array, reason: string): Failure {
  const message = `no Bluetooth controller: ${reason}`;
  const printable = octets.filter(
    (octet) => (octet >= 0x20 && octet < 0x7f) || octet === 0x0a || octet === 0x0d,
  ).length;
  if (octets.length >= 8 && printable >= 0.9 * octets.length) {
    return {
      message: `${message}; text comes instead`,
      hint: 'This is a console: take the other port of the board, or another rate.',
    };
  }
  if (octets.indexOf(SLIP_END) >= 0 && octets.lastIndexOf(SLIP_END) > octets.indexOf(SLIP_END)) {
    return {
      message: `${message}; it speaks H5 or BCSP`,
      hint: 'Use firmware with the H4 transport (Zephyr: samples/bluetooth/hci_uart or hci_usb).',
    };
  }
  if (octets.length > 0) {
    return {
      message: `${message}; other octets come instead`,
      hint: 'Check the rate in the URI and the firmware of the board.',
    };
  }
  return {
    message,
    hint: 'Check that the board has HCI firmware and that nothing else uses it; of a serial port also the rate in the URI and flow control (?flow=none where RTS/CTS is not wired).',
  };
}

/** The bearer was closed, by whom it belongs to. */
export function closedError(): MeshError {
  return new MeshError('bearer-closed', 'the bearer was closed', { hint: 'Open the bearer again.' });
}

/** More than an advertisement holds. */
export function tooLongError({ type, data }: AdStructure): MeshError {
  return new MeshError(
    'ad-too-long',
    `AD structure of type ${hexCode(type, 2)} with ${data.length} octets does not fit into an advertisement`,
    {
      hint: 'Mesh structures have at most 29 octets, service data 22: segment the message before it reaches the bearer.',
    },
  );
}

/** The controller would not send it. */
export function refusedError(status: string): MeshError {
  return new MeshError('bearer-failed', `the controller refused to advertise (status ${status})`, {
    hint: 'Check that nothing else uses the controller, or update its firmware.',
  });
}
