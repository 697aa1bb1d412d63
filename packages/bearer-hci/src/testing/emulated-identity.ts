import { OPCODE } from '../codes.ts';
import type { EmulatedController, Handler } from './emulated-controller.ts';

/** Where Supported_Commands has the commands that a host here asks about: octet, bit. */
const BITS: readonly (readonly [opcode: number, octet: number, bit: number])[] = [
  [OPCODE.DISCONNECT, 0, 5],
  [OPCODE.LE_SET_EVENT_MASK, 25, 0],
  [OPCODE.LE_READ_BUFFER_SIZE, 25, 1],
  [OPCODE.LE_READ_LOCAL_FEATURES, 25, 2],
  [OPCODE.LE_SET_RANDOM_ADDRESS, 25, 4],
  [OPCODE.LE_SET_ADVERTISING_PARAMETERS, 25, 5],
  [OPCODE.LE_SET_ADVERTISING_DATA, 25, 7],
  [OPCODE.LE_SET_SCAN_RESPONSE_DATA, 26, 0],
  [OPCODE.LE_SET_ADVERTISING_ENABLE, 26, 1],
  [OPCODE.LE_SET_SCAN_PARAMETERS, 26, 2],
  [OPCODE.LE_SET_SCAN_ENABLE, 26, 3],
  [OPCODE.LE_CREATE_CONNECTION, 26, 4],
  [OPCODE.LE_CREATE_CONNECTION_CANCEL, 26, 5],
  [OPCODE.LE_CONNECTION_UPDATE, 27, 2],
  [OPCODE.LE_READ_REMOTE_FEATURES, 27, 5],
  [OPCODE.LE_SET_DATA_LENGTH, 33, 6],
  [OPCODE.LE_SET_ADVERTISING_SET_RANDOM_ADDRESS, 36, 1],
  [OPCODE.LE_SET_EXTENDED_ADVERTISING_PARAMETERS, 36, 2],
  [OPCODE.LE_SET_EXTENDED_ADVERTISING_DATA, 36, 3],
  [OPCODE.LE_SET_EXTENDED_SCAN_RESPONSE_DATA, 36, 4],
  [OPCODE.LE_SET_EXTENDED_ADVERTISING_ENABLE, 36, 5],
  [OPCODE.LE_READ_NUMBER_OF_ADVERTISING_SETS, 36, 7],
  [OPCODE.LE_REMOVE_ADVERTISING_SET, 37, 0],
  [OPCODE.LE_CLEAR_ADVERTISING_SETS, 37, 1],
  [OPCODE.LE_SET_EXTENDED_SCAN_PARAMETERS, 37, 5],
  [OPCODE.LE_SET_EXTENDED_SCAN_ENABLE, 37, 6],
  [OPCODE.LE_EXTENDED_CREATE_CONNECTION, 37, 7],
];

const LE_SUPPORTED = Uint8Array.of(0, 0, 0, 0, 0x60, 0, 0, 0);
const EXTENDED_ADVERTISING = 0x10;

/** Reset, who and what the controller is, masks, and what hosts besides ours ask for. */
export function identity(controller: EmulatedController): [number, Handler][] {
  const { options } = controller;
  const { version, aclLength, aclPackets } = options;
  const ok: Handler = () => 0;
  return [
    [
      OPCODE.RESET,
      () => {
        controller.reset();
        return 0;
      },
    ],
    [OPCODE.READ_LOCAL_VERSION, () => Uint8Array.of(version, 0, 0, version, 0xf1, 0x05, 0, 0)],
    [OPCODE.READ_LOCAL_COMMANDS, () => supportedCommands(controller)],
    [OPCODE.READ_LOCAL_FEATURES, () => LE_SUPPORTED],
    [OPCODE.READ_BUFFER_SIZE, () => Uint8Array.of(aclLength, aclLength >> 8, 0, aclPackets, 0, 0, 0)],
    [OPCODE.READ_BD_ADDR, () => controller.publicAddress],
    [OPCODE.SET_EVENT_MASK, ok],
    [
      OPCODE.LE_SET_EVENT_MASK,
      (mask) => {
        controller.leEventMask = mask[0]! | (mask[1]! << 8) | (mask[2]! << 16);
        return 0;
      },
    ],
    [OPCODE.LE_READ_BUFFER_SIZE, () => Uint8Array.of(aclLength, aclLength >> 8, aclPackets)],
    [
      OPCODE.LE_READ_LOCAL_FEATURES,
      () => Uint8Array.of(0, options.extended ? EXTENDED_ADVERTISING : 0, 0, 0, 0, 0, 0, 0),
    ],
    [
      OPCODE.LE_SET_RANDOM_ADDRESS,
      (address) => {
        if (controller.advertising.legacyEnabled || controller.scanning.enabled || controller.connections.initiating)
          return 0x0c;
        controller.randomAddress = address;
        return 0;
      },
    ],
    // Read and Write LE Host Support, LE Read Advertising Channel TX Power, LE Rand, LE Read Supported States, filter
    // accept list, data length, default PHY, Read RSSI.
    [0x0c6c, () => Uint8Array.of(1, 0)],
    [0x0c6d, ok],
    [0x2007, () => Uint8Array.of(0)],
    [0x2018, () => controller.air.random.bytes(8)],
    [0x201c, () => new Uint8Array(8).fill(0xff)],
    [0x2010, ok],
    [0x2024, ok],
    [0x202f, () => Uint8Array.of(251, 0, 0x48, 0x08, 251, 0, 0x48, 0x08)],
    [0x2031, ok],
    [0x1405, (handle) => Uint8Array.of(handle[0]!, handle[1]!, controller.air.rssi & 0xff)],
  ];
}

function supportedCommands(controller: EmulatedController): Uint8Array {
  const octets = new Uint8Array(64);
  for (const [opcode, octet, bit] of BITS) {
    if (controller.knows(opcode) && !controller.faults.refuse.has(opcode)) octets[octet]! |= 1 << bit;
  }
  return octets;
}
