import { flag, list, optional, text, uint } from '../fields.ts';
import { SmpGroup } from '../groups.ts';
import { command, type Empty, type SmpCommand } from '../message.ts';
import { struct } from '../struct.ts';

const group = SmpGroup.enumeration;
const source = 'smp section 4.7';
const GROUP_MAX = 0xffff;

/** Asks how many groups there are. */
export const EnumerationCount: SmpCommand<Empty, { readonly count: number }> = command({
  name: 'enumeration count',
  group,
  command: 0,
  op: 'read',
  source,
  response: { count: uint(GROUP_MAX + 1) },
});

/** Asks for the numbers of all groups. */
export const EnumerationList: SmpCommand<Empty, { readonly groups: readonly number[] }> = command({
  name: 'enumeration list',
  group,
  command: 1,
  op: 'read',
  source,
  response: { groups: list(uint(GROUP_MAX)) },
});

/** Answer to {@link EnumerationSingle}. */
export interface EnumeratedGroup {
  readonly group: number;
  /** True for the last one. */
  readonly end?: boolean | undefined;
}

/** Asks for the number of one group; `index` left out: the first. */
export const EnumerationSingle: SmpCommand<{ readonly index?: number | undefined }, EnumeratedGroup> = command({
  name: 'enumeration single',
  group,
  command: 2,
  op: 'read',
  source,
  request: { index: optional(uint()) },
  response: { group: uint(GROUP_MAX), end: optional(flag()) },
});

/** A group of {@link EnumerationDetails}. */
export interface GroupDetails {
  readonly group: number;
  readonly name?: string | undefined;
  /** How many commands it has handlers for. */
  readonly handlers?: number | undefined;
}

/** Parameters of {@link EnumerationDetails}. */
export interface EnumerationDetails {
  /** Left out: all. */
  readonly groups?: readonly number[] | undefined;
}

/** Asks what groups are. */
export const EnumerationDetails: SmpCommand<EnumerationDetails, { readonly groups: readonly GroupDetails[] }> = command(
  {
    name: 'enumeration details',
    group,
    command: 3,
    op: 'read',
    source,
    request: { groups: optional(list(uint(GROUP_MAX))) },
    response: { groups: list(struct({ group: uint(GROUP_MAX), name: optional(text()), handlers: optional(uint()) })) },
  },
);
