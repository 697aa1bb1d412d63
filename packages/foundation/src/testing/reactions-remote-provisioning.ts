import { SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { pbAdvAcceptor } from '@meshferry/provisioning';
import { RemoteProvisioningLinkOpen, RemoteProvisioningPduSend } from '../remote-provisioning-messages.ts';
import { RemoteProvisioningServer } from '../remote-provisioning-server.ts';
import type { ReactionBench } from './reaction-bench.ts';
import type { ReactionFamily } from './reactions.ts';

/** The device that the vectors name. */
const DEVICE = Uint8Array.from([
  0x70, 0xcf, 0x7c, 0x97, 0x32, 0xa3, 0x45, 0xb6, 0x91, 0x49, 0x48, 0x10, 0xd2, 0xe9, 0xcb, 0xf4,
]);
const RP_STATE_ACTIVE = 2;

/** Remote Provisioning Server; a state with an open link is one with a real device at its other end. */
export const remoteProvisioningReactions: ReactionFamily = {
  name: 'remote-provisioning',
  parts: ({ maxScannedItems = 32, rpState, client, outboundPduCount }, host) => {
    let bench: ReactionBench | undefined;
    const ground = {
      clock: {
        get now() {
          return bench!.clock.now;
        },
        after: (ms: number, run: () => void) => bench!.clock.after(ms, run),
      },
      random: new SeededRandom('remote provisioning'),
      crypto: portableCrypto,
    };
    const server = new RemoteProvisioningServer({
      host,
      ground,
      self: { uuid: new Uint8Array(16).fill(0x55) },
      refresh: () => {},
      maxScannedItems: maxScannedItems as number,
    });
    return {
      models: [server.model],
      prepare: (made) => {
        bench = made;
        server.attach({ advertising: made.air.join().advertising });
        if (rpState === RP_STATE_ACTIVE) openLink(made, client === 'another', outboundPduCount === 1);
      },
    };
  },
};

function openLink(bench: ReactionBench, isAnother: boolean, sendsOne: boolean): void {
  const { clock, air } = bench;
  const random = new SeededRandom('device');
  const acceptor = pbAdvAcceptor({ clock, random, crypto: portableCrypto }, air.join().advertising);
  acceptor.accept({ uuid: DEVICE, oobInformation: 0 }, (link) => link.listen({ received: () => {}, closed: () => {} }));
  const client = isAnother ? bench.join(0x0002) : bench.client;
  const open = { uuid: DEVICE, timeout: undefined, nppiProcedure: undefined };
  bench.ask(RemoteProvisioningLinkOpen.encode(open), client);
  const invite = { outboundPduNumber: 1, provisioningPdu: Uint8Array.of(0, 0) };
  if (sendsOne) bench.ask(RemoteProvisioningPduSend.encode(invite), client);
}
