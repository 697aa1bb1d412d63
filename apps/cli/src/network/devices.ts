import { type Cancel, Deadline, equal } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type ProvisioningBearer, pbAdv, pbGatt, UnprovisionedScanner } from '@meshferry/provisioning';
import type { Session } from './session.ts';

type Reach = Pick<Session, 'clock' | 'random' | 'advertising' | 'central'>;

/** A device that was heard by GATT may be heard on PB-ADV as well, which is the simpler way, ms. */
const CHOICE_MS = 1500;
/** Nothing was heard: the device may answer nevertheless, ms. */
const SILENCE_MS = 15_000;

/** How the session reaches unprovisioned devices: by PB-ADV, PB-GATT, or as each device announces itself. */
export function reachDevices(reach: Reach): ProvisioningBearer | undefined {
  const { clock, random, advertising, central } = reach;
  const adv = advertising && pbAdv({ clock, random }, advertising);
  const gatt = central && pbGatt({ clock }, central);
  return adv && gatt ? asHeard(reach, adv, gatt) : (adv ?? gatt);
}

function asHeard(reach: Reach, adv: ProvisioningBearer, gatt: ProvisioningBearer): ProvisioningBearer {
  const { clock, advertising, central } = reach;
  return {
    open: (device, done) => {
      let chosen = adv;
      let cancel: Cancel = () => {};
      const ears = { ...(advertising && { advertising }), ...(central && { central }) };
      const scanner = new UnprovisionedScanner({ clock, crypto: portableCrypto, ...ears });
      const choice = new Deadline(clock, () => {
        scanner.close();
        cancel = chosen.open(device, done);
      });
      choice.set(SILENCE_MS);
      scanner.changes.subscribe(({ uuid, bearer }) => {
        if (!equal(uuid, device) || (bearer === 'gatt' && chosen === gatt)) return;
        chosen = bearer === 'adv' ? adv : gatt;
        choice.set(bearer === 'adv' ? 0 : CHOICE_MS);
      });
      return () => {
        scanner.close();
        choice.clear();
        cancel();
      };
    },
  };
}
