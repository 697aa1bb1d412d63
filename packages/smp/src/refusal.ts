import type { CborMap } from './cbor.ts';
import { groupName, SmpGroup } from './groups.ts';
import { type CodeWords, FIRST_USER_CODE, groupCodes, SMP_CODES } from './refusal-tables.ts';
import { sanitise } from './sanitise.ts';

/** A device's refusal of a request [spec: smp section 3]. */
export interface SmpRefusal {
  /** Whose codes: those of the SMP layer (all that v1 has), or those of a group (v2). */
  readonly layer: 'smp' | 'group';
  /** The group whose code it is; for the SMP layer that of the request. Zephyr 3.4 has 63 for statistics. */
  readonly group: number;
  /** The number that the device gave: `rc`. */
  readonly code: number;
  /** The code in words. */
  readonly name: string;
  /** What can be done about it. */
  readonly remedy: string;
  /** What the device said besides, for people only. */
  readonly rsn?: string;
  /** What the answer held, `len` of a file upload at a wrong offset among it. */
  readonly fields: CborMap;
}

/** A refusal in words and numbers: `there is no free slot (image error 9): "no slot"`; `group` is that of the request. */
export function describeRefusal(refusal: SmpRefusal, group: number): string {
  const { layer, code, name, rsn } = refusal;
  const whose = layer === 'smp' ? 'SMP' : groupName(refusal.group);
  const elsewhere = refusal.group === group ? '' : ` in answer to a request of the group ${groupName(group)}`;
  return `${name} (${whose} error ${code}${elsewhere})${rsn === undefined ? '' : `: "${rsn}"`}`;
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
    if (!isCode(code) || !isCode(of) || of < 0 || of > 0xffff) return 'malformed';
    if (code !== 0) return refusal('group', of, code, answer, wordsOf(of, group));
  }
  return isCode(rc) && rc !== 0 ? refusal('smp', group, rc, answer, SMP_CODES) : undefined;
}

function isCode(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** Zephyr 3.4 numbers the errors of statistics as those of the basic group [spec: smp section 3]. */
function wordsOf(group: number, asked: number): ReadonlyMap<number, CodeWords> | undefined {
  const isStatistics = asked === SmpGroup.statistics && group === SmpGroup.basic;
  return groupCodes(isStatistics ? asked : group);
}

function refusal(
  layer: 'smp' | 'group',
  group: number,
  code: number,
  answer: CborMap,
  words: ReadonlyMap<number, CodeWords> | undefined,
): SmpRefusal {
  const rsn = answer.get('rsn');
  const known = words?.get(code);
  return {
    layer,
    group,
    code,
    name: known?.name ?? unknownCode(layer, code),
    remedy: known?.remedy ?? "This code is the firmware's own: see its documentation, or the log of the device.",
    ...(typeof rsn === 'string' && rsn !== '' && { rsn: sanitise(rsn.slice(0, 200), 'line') }),
    fields: answer,
  };
}

function unknownCode(layer: 'smp' | 'group', code: number): string {
  return layer === 'smp' && code >= FIRST_USER_CODE ? 'an error of the application' : 'an error that is not known here';
}
