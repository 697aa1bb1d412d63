import { type Address, addressKind, fromHex } from '@meshferry/core';
import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import { SIM_GROUP } from '@meshferry/sim';
import { badInput } from '../shell/exit.ts';
import { address } from '../shell/options.ts';

/** Behind it stand the fixed groups. */
const LAST_GROUP = 0xfeff;

/** Where an image goes at once: a group, or the virtual address of a Label UUID (16 octets). */
export interface UpdateGroup {
  readonly group: Address;
  readonly label?: Uint8Array;
}

/**
 * The group that an image goes to, undefined for unicast. `wanted`: the value of `--group`, true when it came alone.
 * Without a word on it several targets are reached by the network's group, one by its own address.
 */
export function chooseGroup(wanted: string | true | undefined, targets: number): UpdateGroup | undefined {
  if (wanted === undefined) return targets > 1 ? { group: SIM_GROUP } : undefined;
  if (wanted === true) return { group: SIM_GROUP };
  if (wanted === 'none') return undefined;
  const digits = wanted.replaceAll('-', '').toLowerCase();
  if (/^[0-9a-f]{32}$/.test(digits)) {
    const label = fromHex(digits);
    return { group: virtualAddress(portableCrypto, label), label };
  }
  const group = address(wanted);
  // No model subscribes to the fixed groups, such as all nodes [Mesh Protocol 1.1, 3.4.2.4].
  if (addressKind(group) === 'group' && group <= LAST_GROUP) return { group };
  throw badInput(
    'bad-group',
    `--group ${wanted} is not a group address`,
    'Give 0xC000 to 0xFEFF, a Label UUID of 32 hex digits, or none.',
  );
}
