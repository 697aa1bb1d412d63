/** What kind of advertisement was heard; `extended` is any extended advertising PDU. */
export type ReportKind = 'connectable' | 'directed' | 'scannable' | 'nonconnectable' | 'response' | 'extended';

/** An advertising report. The octets are good during the call only. */
export interface Report {
  readonly kind: ReportKind;
  /** Whether the advertiser can be connected to by it, also by extended advertising. */
  readonly connectable: boolean;
  /** 0 public, 1 random, as the commands for connecting take it. */
  readonly addressType: number;
  /** Least significant octet first. */
  readonly address: Uint8Array;
  readonly data: Uint8Array;
  /** dBm; 127: not known. */
  readonly rssi: number;
}

const LEGACY_KINDS: readonly ReportKind[] = ['connectable', 'directed', 'scannable', 'nonconnectable', 'response'];
const LEGACY_HEADER = 9;

const EXTENDED_KINDS = new Map<number, ReportKind>([
  [0x0010, 'nonconnectable'],
  [0x0012, 'scannable'],
  [0x0013, 'connectable'],
  [0x0015, 'directed'],
  [0x001a, 'response'],
  [0x001b, 'response'],
]);
const EXTENDED_HEADER = 24;
/** Connectable and not directed. */
const CONNECTABLE_BITS = 0x0005;
const CONNECTABLE = 0x0001;

/**
 * The reports of LE Advertising Report, behind the subevent code: a number, then one report after the other. What does not
 * fit into the event ends it.
 */
export function legacyReports(parameters: Uint8Array, heard: (report: Report) => void): void {
  let at = 1;
  for (let left = parameters[0] ?? 0; left > 0; left--) {
    const length = parameters[at + 8];
    if (length === undefined) return;
    const end = at + LEGACY_HEADER + length;
    if (end >= parameters.length) return;
    const kind = LEGACY_KINDS[parameters[at]!];
    if (kind !== undefined)
      heard({
        kind,
        connectable: kind === 'connectable',
        addressType: parameters[at + 1]! & 1,
        address: parameters.subarray(at + 2, at + 8),
        data: parameters.subarray(at + LEGACY_HEADER, end),
        rssi: signed(parameters[end]!),
      });
    at = end + 1;
  }
}

/** The same for LE Extended Advertising Report. */
export function extendedReports(parameters: Uint8Array, heard: (report: Report) => void): void {
  let at = 1;
  for (let left = parameters[0] ?? 0; left > 0; left--) {
    const length = parameters[at + 23];
    if (length === undefined) return;
    const end = at + EXTENDED_HEADER + length;
    if (end > parameters.length) return;
    const type = parameters[at]! | (parameters[at + 1]! << 8);
    heard({
      kind: EXTENDED_KINDS.get(type) ?? 'extended',
      connectable: (type & CONNECTABLE_BITS) === CONNECTABLE,
      addressType: parameters[at + 2]! & 1,
      address: parameters.subarray(at + 3, at + 9),
      data: parameters.subarray(at + EXTENDED_HEADER, end),
      rssi: signed(parameters[at + 13]!),
    });
    at = end;
  }
}

function signed(octet: number): number {
  return octet > 127 ? octet - 256 : octet;
}
