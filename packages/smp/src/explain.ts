import { decodeMap } from './cbor.ts';
import { SMP_COMMANDS, smpCommandOf } from './commands.ts';
import { commandName, describeMembers } from './describe.ts';
import { groupName, knownGroupName } from './groups.ts';
import { decodeHeader, SMP_HEADER_SIZE, type SmpHeader, SmpOp } from './packet.ts';
import { SMP_CODES, SmpCode } from './refusal-tables.ts';

/** What is wrong with a packet. */
export type PacketFaultKind =
  | 'too-short'
  | 'length-does-not-fit'
  | 'op-unknown'
  | 'version-unknown'
  | 'group-unknown'
  | 'command-unknown'
  | 'op-wrong'
  | 'payload-missing'
  | 'payload-no-map'
  | 'parameter-wrong'
  | 'other-layout'
  | 'json'
  | 'flags-set';

/** One thing that is wrong with a packet, in words. */
export interface PacketFault {
  readonly kind: PacketFaultKind;
  readonly text: string;
}

/** How a device reads octets that were sent to it. */
export interface PacketExplanation {
  /** As read; missing when there are fewer than 8 octets. */
  readonly header?: SmpHeader;
  /** What the device takes it for: one line. */
  readonly reading: string;
  /** What is wrong, what the device minds first; none for a request that it understands. */
  readonly faults: readonly PacketFault[];
  /**
   * The code of the SMP layer that a Zephyr server answers with, `none` when it answers nothing; undefined when it is for the command to
   * say. A server that puts packets together (BLE) answers nothing to octets that do not fit the length field.
   */
  readonly answer?: number | 'none';
  /** All of it, for people. */
  readonly text: string;
}

/**
 * Explains octets that were sent as an SMP request as a device reads them: for those who wrote them and wonder about the answers, or
 * their absence. Never throws.
 */
export function explainPacket(octets: Uint8Array): PacketExplanation {
  const header = decodeHeader(octets);
  if (header === undefined) {
    const text = `${octets.length} octets: a header has ${SMP_HEADER_SIZE}`;
    return finish({ reading: 'no SMP packet', faults: [{ kind: 'too-short', text }], answer: 'none' });
  }
  const body = octets.subarray(SMP_HEADER_SIZE);
  const faults: PacketFault[] = [];
  const add: Add = (kind, text) => void faults.push({ kind, text });

  explainLength(header, body, add);
  explainTarget(header, add);
  explainPayload(header, body, add);
  if (header.flags !== 0) add('flags-set', `flags 0x${hex(header.flags, 2)} must be 0; devices ignore them`);
  explainLayout(octets, header, body, add);
  const answer = answerTo(header, body, faults);
  return finish({ header, reading: readingOf(header), faults, ...(answer !== undefined && { answer }) });
}

type Add = (kind: PacketFaultKind, text: string) => void;

function readingOf(header: SmpHeader): string {
  const op =
    ['read request', 'read response', 'write request', 'write response'][header.op] ?? `unknown op ${header.op}`;
  const { version, flags, length, group, sequence, command } = header;
  return (
    `version ${version + 1}, ${op}, flags ${flags}, length ${length}, group ${group} (0x${hex(group, 4)}, ${groupName(group)}), ` +
    `sequence ${sequence}, command ${command}: ${commandName(header)}`
  );
}

function explainLength({ length }: SmpHeader, body: Uint8Array, add: Add): void {
  if (length > body.length)
    add('length-does-not-fit', `the length does not fit: ${length}, but ${body.length} octets follow`);
  // Up to 7 octets at the end are ignored; more would be another packet.
  else if (body.length - length >= SMP_HEADER_SIZE) {
    const rest = body.length - length;
    if (isRequest(body.subarray(length))) return;
    add(
      'length-does-not-fit',
      `the length does not fit: ${length}, but ${body.length} octets follow; the last ${rest} are no packet`,
    );
  }
}

/** Whether octets look like another request of the same transport message. */
function isRequest(octets: Uint8Array): boolean {
  const header = decodeHeader(octets);
  return header !== undefined && header.length <= octets.length - SMP_HEADER_SIZE && smpCommandOf(header) !== undefined;
}

function explainTarget({ op, version, group, command }: SmpHeader, add: Add): void {
  if (version > 1) add('version-unknown', `version ${version + 1} is not known; 1 and 2 are`);
  const isAnswer = op === SmpOp.readResponse || op === SmpOp.writeResponse;
  if (isAnswer || op > 3) {
    const what = isAnswer ? 'is that of an answer' : 'is not known';
    add('op-unknown', `op ${op} (bits 2–0 of the first octet) ${what}: a request has 0 to read, 2 to write`);
  }
  if (knownGroupName(group) === undefined) {
    add('group-unknown', `group unknown: ${group} (0x${hex(group, 4)}); octets 4 and 5 are the group, big-endian`);
    return;
  }
  const known = SMP_COMMANDS.filter((declared) => declared.group === group && declared.command === command);
  if (known[0] === undefined) add('command-unknown', `command unknown: ${command} of the group ${groupName(group)}`);
  else if (!isAnswer && op < 4 && smpCommandOf({ op, group, command }) === undefined) {
    const { name, op: wanted } = known[0];
    add('op-wrong', `${name} wants op ${wanted} (${wanted === SmpOp.write ? 'write' : 'read'})`);
  }
}

function explainPayload(header: SmpHeader, body: Uint8Array, add: Add): void {
  const command = smpCommandOf(header);
  const payload = body.subarray(0, header.length);
  if (payload.length === 0) {
    add('payload-missing', 'there is no payload: send an empty CBOR map (a0) where there are no parameters');
  } else if (/^\s*[{[]/.test(String.fromCharCode(...body.subarray(0, 8)))) {
    add('json', 'the payload looks like JSON: SMP wants a CBOR map, with byte strings instead of base64');
  } else {
    const map = decodeMap(payload);
    if (!map.ok) add('payload-no-map', `the payload is no CBOR map: ${map.error.reason} (octet ${map.error.offset})`);
    else if (command !== undefined) {
      const request = command.decodeRequest(payload);
      if (!request.ok)
        add('parameter-wrong', `${request.error.field}: ${request.error.reason}, in ${describeMembers(map.value)}`);
    }
  }
}

/** Numbers that make sense only in another order of octets or at another place. */
function explainLayout(octets: Uint8Array, { length }: SmpHeader, body: Uint8Array, add: Add): void {
  if (length === body.length || body.length === 0) return;
  const littleEndian = (at: number): number => (octets[at] as number) | ((octets[at + 1] as number) << 8);
  for (const at of [2, 4]) {
    if (littleEndian(at) !== body.length) continue;
    add(
      'other-layout',
      `octets ${at} and ${at + 1} are the length of what follows (${body.length}) in little-endian: the header was written in another layout. ` +
        'It is: op and version, flags, length (2, big-endian), group (2, big-endian), sequence, command',
    );
  }
}

/** What the server minds first [spec: smp section 1]. */
function answerTo(header: SmpHeader, body: Uint8Array, faults: readonly PacketFault[]): number | undefined {
  const has = (kind: PacketFaultKind): boolean => faults.some((fault) => fault.kind === kind);
  if (header.length > body.length) return SmpCode.corrupt;
  if (has('version-unknown')) return SmpCode.versionTooNew;
  if (has('op-unknown') || has('group-unknown') || has('command-unknown') || has('op-wrong'))
    return SmpCode.notSupported;
  const command = smpCommandOf(header);
  const takesParameters = command !== undefined && command.requestLayout.length > 0;
  if (takesParameters && (has('payload-missing') || has('payload-no-map') || has('json') || has('parameter-wrong'))) {
    return SmpCode.invalidValue;
  }
  return undefined;
}

function finish(explanation: Omit<PacketExplanation, 'text'>): PacketExplanation {
  const { reading, faults, answer } = explanation;
  const lines = [`The device reads: ${reading}.`, ...faults.map((fault) => `- ${fault.text}.`)];
  if (answer === 'none') lines.push('It answers nothing.');
  else if (answer !== undefined) lines.push(`It answers rc ${answer}: ${SMP_CODES.get(answer)?.name}.`);
  else if (faults.length === 0) lines.push('Nothing is wrong with it.');
  return { ...explanation, text: lines.join('\n') };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
