import type { CborMap } from './cbor.ts';
import { groupName } from './groups.ts';
import { groupCodes, SMP_CODES } from './refusal-tables.ts';
import { sanitise } from './sanitise.ts';

/** A device's refusal of a request [spec: smp section 3]. */
export interface SmpRefusal {
  /** Whose codes: those of the SMP layer (all that v1 has), or those of a group (v2). */
  readonly layer: 'smp' | 'group';
  /** The group whose code it is; for the SMP layer that of the request. */
  readonly group: number;
  /** The number that the device gave: `rc`. */
  readonly code: number;
  /** The code in words. */
  readonly name: string;
  /** What can be done about it. */
  readonly remedy: string;
  /** What the device said besides, for people only. */
  readonly rsn?: string;
  /** What the answer held besides, such as `len` of a file upload at a wrong offset. */
  readonly fields: CborMap;
}

/**
 * The refusal that an answer carries, in either form and either version; undefined when it carries none (`rc` 0 is success), and
 * `malformed` for an `rc` or `err` of another kind.
 */
export function refusalOf(answer: CborMap, group: number): SmpRefusal | 'malformed' | undefined {
  const rc = answer.get('rc') ?? undefined;
  const err = answer.get('err') ?? undefined;
  if (rc !== undefined && !Number.isSafeInteger(rc)) return 'malformed';
  if (err !== undefined) {
    if (!(err instanceof Map)) return 'malformed';
    const code: unknown = err.get('rc');
    const of: unknown = err.get('group');
    if (typeof code !== 'number' || !Number.isSafeInteger(code)) return 'malformed';
    if (typeof of !== 'number' || !(Number.isInteger(of) && of >= 0 && of <= 0xffff)) return 'malformed';
    if (code !== 0) return refusal('group', of, code, answer);
  }
  return typeof rc === 'number' && rc !== 0 ? refusal('smp', group, rc, answer) : undefined;
}

function refusal(layer: 'smp' | 'group', group: number, code: number, answer: CborMap): SmpRefusal {
  const rsn = answer.get('rsn');
  const known = (layer === 'smp' ? SMP_CODES : groupCodes(group))?.get(code);
  return {
    layer,
    group,
    code,
    name: known?.name ?? unknownCode(layer, group, code),
    remedy: known?.remedy ?? 'See the documentation of the firmware on the device: this code is its own.',
    ...(typeof rsn === 'string' && rsn !== '' && { rsn: sanitise(rsn, 'line') }),
    fields: answer,
  };
}

function unknownCode(layer: 'smp' | 'group', group: number, code: number): string {
  if (layer === 'smp') return code >= 256 ? `error ${code} of the application` : `unknown error ${code}`;
  return `unknown error ${code} of the ${groupName(group)} group`;
}
