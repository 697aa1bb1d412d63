import { formatAddress } from '@meshferry/core';
import type { PendingNode } from '@meshferry/node';
import type { Shell } from '../shell/shell.ts';
import { deviceText } from './describe.ts';
import { again } from './open.ts';

/** Devices of which it is not known whether they became nodes, and what to type. */
export function sayPending(shell: Shell, pending: readonly PendingNode[]): void {
  for (const { uuid, address } of pending) {
    const device = deviceText(uuid);
    shell.say(
      shell.style.yellow(`It is not known whether the device ${device} took the address ${formatAddress(address)}:`),
    );
    shell.say(`  look for it there:  ${again(shell, `provision ${device} --recover`)}`);
    shell.say(`  give it up:         ${again(shell, `provision ${device} --give-up`)}`);
  }
}
