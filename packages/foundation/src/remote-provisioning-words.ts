import { formatAddress, MeshError, type Unicast } from '@meshferry/core';

/** What a status of the Remote Provisioning models means, and what to do about it [Mesh Protocol 1.1, 4.3.4.1]. */
const WORDS: readonly (readonly [name: string, meaning: string, remedy: string] | undefined)[] = [
  undefined,
  [
    'Scanning Cannot Start',
    'it cannot scan for so many devices',
    'Ask for its capabilities, and give a smaller limit.',
  ],
  ['Invalid State', 'it is busy, maybe with another client', 'Wait until that has ended, or use another server.'],
  ['Limited Resources', 'it has no room for that now', 'Wait until its other scans and its link have ended.'],
  [
    'Link Cannot Open',
    'it cannot open the link: it is busy with another one, reaches no devices, or has nothing to refresh',
    'Ask for the state of its link. A Composition Refresh needs a composition that has changed.',
  ],
  [
    'Link Open Failed',
    'the device did not answer',
    'It has to be switched on, in reach of the server, unprovisioned and without a link to another provisioner.',
  ],
  ['Link Closed by Device', 'the device closed the link', 'Try again.'],
  ['Link Closed by Server', 'it closed the link itself', 'Try again.'],
  ['Link Closed by Client', 'the link was closed', 'Open it again.'],
  ['Link Closed as Cannot Receive PDU', 'the device sent what it could not take', 'Try again.'],
  [
    'Link Closed as Cannot Send PDU',
    'the device stopped answering',
    'Bring the device nearer to the server, see that it has power, and try again.',
  ],
  ['Link Closed as Cannot Deliver PDU Report', 'its reports did not arrive here', 'Look at the way to the server.'],
];

/** A Remote Provisioning Server answered with a status other than Success. */
export class RemoteProvisioningStatusError extends MeshError {
  /** As received, 0x01 to 0xFF; see `RemoteProvisioningStatus`. */
  readonly status: number;

  /** `code` is `remote-provisioning-status`, or `link-open-failed` for a link that did not come about. */
  constructor(code: string, server: Unicast, what: string, status: number) {
    const number = `0x${status.toString(16).padStart(2, '0')}`;
    const [name, meaning, remedy] = WORDS[status] ?? ['a status that is not known', 'it is reserved', 'Try again.'];
    super(code, `${what}: ${formatAddress(server)} answers ${name} (${number}): ${meaning}`, { hint: remedy });
    this.name = 'RemoteProvisioningStatusError';
    this.status = status;
  }
}
