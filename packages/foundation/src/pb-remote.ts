import { MeshError } from '@meshferry/core';
import type { ProvisioningBearer } from '@meshferry/provisioning';
import type { RequestTarget } from './client-request.ts';
import { RemoteLinkOpening, type RemoteLinkOptions } from './pb-remote-opening.ts';
import type { RemoteProvisioningClient } from './remote-provisioning-client.ts';

/**
 * PB-Remote for a Provisioner: links to devices in reach of a node with a Remote Provisioning Server, whose device key the
 * network knows [Mesh Protocol 1.1, 5.2.3]. A server has one link at a time: a second one waits until the first has ended.
 * A link that an earlier run of this client left open is closed first.
 *
 * ```ts
 * provisionDevice(ground, link, options); // for a link of
 * pbRemote(client, { address: 0x0100 }).open(uuid, (link) => {});
 * ```
 */
export function pbRemote(
  client: RemoteProvisioningClient,
  server: RequestTarget,
  options: RemoteLinkOptions = {},
): ProvisioningBearer {
  return {
    open: (device, done) => {
      if (device.length !== 16) {
        throw new MeshError('bad-field', `Device UUID of ${device.length} octets`, { hint: 'Give 16 octets.' });
      }
      const opening = new RemoteLinkOpening(client.links, server, device.slice(), options, { done });
      return () => opening.cancel();
    },
  };
}
