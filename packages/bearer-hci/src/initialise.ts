import { OPCODE, STATUS } from './codes.ts';
import type { Answer, Procedure } from './procedure.ts';

/** What a controller can do, as it said after the reset. */
export interface Capabilities {
  /** Version of the Bluetooth Core specification: 6 = 4.0, 9 = 5.0, 13 = 5.4; 0 when it would not say. */
  readonly version: number;
  /** Company identifier of the manufacturer. */
  readonly manufacturer: number;
  /** Public address as printed (`00:AA:01:00:00:42`); undefined when there is none. */
  readonly publicAddress: string | undefined;
  /** Whether to use the extended commands for advertising, scanning and connecting: all of them, or none. */
  readonly extended: boolean;
  /** Advertising sets: 1 with the legacy commands. */
  readonly sets: number;
  /** Shortest advertising interval of ADV_NONCONN_IND, ms. */
  readonly minIntervalMs: number;
  /** LE ACL fragments: octets of each and how many the controller holds. 0 packets: it has no connections. */
  readonly acl: { readonly length: number; readonly packets: number };
  /** Whether a command is among those supported: octet and bit of Supported_Commands. */
  supports(octet: number, bit: number): boolean;
}

/** Why a controller cannot be used. */
export interface Unusable {
  readonly unusable: string;
}

/** Disconnection, hardware error, overflow, completed packets, LE Meta. */
const EVENT_MASK = Uint8Array.of(0x90, 0x88, 0x00, 0x02, 0x00, 0x80, 0x00, 0x20);
/** Connections, reports, updates, data length, PHY, Advertising Set Terminated; nothing that wants an answer. */
const LE_EVENT_MASK = Uint8Array.of(0x4f, 0x1a, 0x02, 0, 0, 0, 0, 0);
/** The same as a controller of version 4.0 knows it, where unknown bits are refused. */
const LE_EVENT_MASK_4_0 = Uint8Array.of(0x0f, 0, 0, 0, 0, 0, 0, 0);

const VERSION_5_0 = 9;
const LE_SUPPORTED = { octet: 4, bit: 6 };
const EXTENDED_ADVERTISING = { octet: 1, bit: 4 };

/**
 * What follows a Reset: asks what the controller is and can, and unmasks the events that are used. Only what nothing can
 * do without makes it unusable; old and small controllers refuse some of the questions.
 */
export function* initialise(): Procedure<Capabilities | Unusable> {
  const version = yield [OPCODE.READ_LOCAL_VERSION];
  const commands = yield [OPCODE.READ_LOCAL_COMMANDS];
  const features = yield [OPCODE.READ_LOCAL_FEATURES];
  if (features.status === STATUS.SUCCESS && !bit(features, LE_SUPPORTED.octet, LE_SUPPORTED.bit))
    return { unusable: 'the controller has no Low Energy' };
  const address = yield [OPCODE.READ_BD_ADDR];
  yield [OPCODE.SET_EVENT_MASK, EVENT_MASK];
  const mask = yield [OPCODE.LE_SET_EVENT_MASK, LE_EVENT_MASK];
  if (mask.status !== STATUS.SUCCESS) {
    const { status } = yield [OPCODE.LE_SET_EVENT_MASK, LE_EVENT_MASK_4_0];
    if (status === STATUS.NO_ANSWER) return { unusable: 'the controller stopped answering while it was set up' };
    if (status === STATUS.UNKNOWN_COMMAND)
      return { unusable: 'the controller does not know the commands of Low Energy' };
  }
  const acl = yield* aclBuffers();
  const leFeatures = yield [OPCODE.LE_READ_LOCAL_FEATURES];
  const supports = (octet: number, at: number) => commands.status === STATUS.SUCCESS && bit(commands, octet, at);
  const extended =
    bit(leFeatures, EXTENDED_ADVERTISING.octet, EXTENDED_ADVERTISING.bit) && hasExtendedCommands(supports);
  const sets = extended ? yield [OPCODE.LE_READ_NUMBER_OF_ADVERTISING_SETS] : undefined;
  const hciVersion = version.status === STATUS.SUCCESS ? (version.parameters[0] ?? 0) : 0;
  return {
    version: hciVersion,
    manufacturer: word(version, 4),
    publicAddress: address.parameters.some((octet) => octet !== 0) ? printAddress(address.parameters) : undefined,
    extended,
    sets: Math.max(1, sets?.status === STATUS.SUCCESS ? (sets.parameters[0] ?? 1) : 1),
    minIntervalMs: hciVersion >= VERSION_5_0 ? 20 : 100,
    acl,
    supports,
  };
}

/** An address of 6 octets, the first on the wire last, as people write it. */
export function printAddress(octets: Uint8Array): string {
  return [...octets.subarray(0, 6)]
    .reverse()
    .map((octet) => octet.toString(16).toUpperCase().padStart(2, '0'))
    .join(':');
}

/** Of the LE data, or those shared with BR/EDR. */
function* aclBuffers(): Procedure<Capabilities['acl']> {
  const own = yield [OPCODE.LE_READ_BUFFER_SIZE];
  const packets = own.parameters[2] ?? 0;
  if (own.status === STATUS.SUCCESS && word(own, 0) > 0 && packets > 0) return { length: word(own, 0), packets };
  const shared = yield [OPCODE.READ_BUFFER_SIZE];
  return shared.status === STATUS.SUCCESS
    ? { length: word(shared, 0), packets: word(shared, 3) }
    : { length: 0, packets: 0 };
}

/**
 * All that is used of them: sets with random addresses, scanning. The legacy and the extended commands exclude each other
 * until the next reset, so connections count as well, where there are connections at all.
 */
function hasExtendedCommands(supports: Capabilities['supports']): boolean {
  const advertises = [1, 2, 3, 5, 7].every((at) => supports(36, at));
  const scans = supports(37, 5) && supports(37, 6);
  const connects = supports(37, 7) || !supports(26, 4);
  return advertises && scans && connects;
}

function bit({ parameters }: Answer, octet: number, at: number): boolean {
  return ((parameters[octet] ?? 0) & (1 << at)) !== 0;
}

function word({ parameters }: Answer, at: number): number {
  return (parameters[at] ?? 0) | ((parameters[at + 1] ?? 0) << 8);
}
