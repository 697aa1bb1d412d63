import { fromHex, type MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { expect } from 'vitest';
import type { ProvisioningLink } from '../link.ts';
import { pbAdv } from '../pb-adv.ts';
import { pbAdvAcceptor } from '../pb-adv-acceptor.ts';
import { HandRadio } from './hand-radio.ts';
import { LinkEnd } from './link-end.ts';
import { vectors } from './link-vectors.ts';

const { pbAdvTrace: trace } = vectors;
/** Of the device of the vectors. */
export const UUID: Uint8Array = fromHex(trace.deviceUuid);
/** Packets of the vectors. */
export const LINK_OPEN: string = trace.steps[0]!.packets[0]!;
export const LINK_ACK: string = trace.steps[1]!.packets[0]!;
export const INVITE = '23af585000000002140000';

/** The device of the vectors; the test plays the Provisioner. */
export function device() {
  const clock = new VirtualClock();
  const radio = new HandRadio(clock);
  const ends: LinkEnd[] = [];
  const ground = { clock, random: new SeededRandom('device'), crypto: portableCrypto };
  const stop = pbAdvAcceptor(ground, radio).accept({ uuid: UUID, oobInformation: 0 }, (link) => {
    ends.push(new LinkEnd(link));
  });
  return { clock, radio, ends, stop };
}

/** The same with its link open. */
export function linkedDevice() {
  const end = device();
  end.radio.hear(LINK_OPEN);
  expect(end.radio.packets()).toEqual([LINK_ACK]);
  return { ...end, end: end.ends[0]! };
}

/** A Provisioner whose Link ID is that of the vectors; the test plays the device. */
export function provisioner(linkId: string = trace.linkId) {
  const clock = new VirtualClock();
  const radio = new HandRadio(clock);
  const seeded = new SeededRandom('provisioner');
  const random = { bytes: () => fromHex(linkId), uniform: () => seeded.uniform() };
  const outcomes: (ProvisioningLink | MeshError)[] = [];
  const cancel = pbAdv({ clock, random }, radio).open(UUID, (outcome) => outcomes.push(outcome));
  return { clock, radio, outcomes, cancel };
}

export function linkedProvisioner(linkId?: string) {
  const opening = provisioner(linkId);
  opening.radio.hear(`${linkId ?? trace.linkId}0007`);
  opening.radio.packets();
  return { ...opening, end: new LinkEnd(opening.outcomes[0] as ProvisioningLink) };
}
