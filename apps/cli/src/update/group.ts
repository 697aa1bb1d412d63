import { type Address, addressKind } from '@meshferry/core';
import { SIM_GROUP } from '@meshferry/sim';
import { badInput } from '../shell/exit.ts';
import { address } from '../shell/options.ts';

/**
 * The group that an image goes to, undefined for unicast. `wanted`: the value of `--group`, true when it came alone.
 * Without a word on it several targets are reached by the network's group, one by its own address.
 */
export function chooseGroup(wanted: string | true | undefined, targets: number): Address | undefined {
  if (wanted === undefined) return targets > 1 ? SIM_GROUP : undefined;
  if (wanted === true) return SIM_GROUP;
  if (wanted === 'none') return undefined;
  const group = address(wanted);
  if (addressKind(group) === 'group') return group;
  throw badInput('bad-group', `--group ${wanted} is not a group address`, 'Give 0xC000 to 0xFEFF, or none.');
}
