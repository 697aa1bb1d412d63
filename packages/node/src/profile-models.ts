import { type ModelId, type PublicationSettings, publishPeriodOf, publishRetransmitOf } from '@meshferry/access';
import {
  type AddressOrLabel,
  hex4,
  labelText,
  type ModelPlace,
  modelIdNumber,
  modelIdText,
  type NodeEntry,
  type PublishEntry,
  requireModel,
  setBindings,
  setPublication,
  setSubscriptions,
} from '@meshferry/cdb';
import { type Address, formatAddress } from '@meshferry/core';
import { virtualAddress } from '@meshferry/crypto';
import type { ModelProfile, PublishProfile } from './profile.ts';
import type { Configuring } from './profile-apply.ts';

/** The indexes of the elements that a profile means: the one that it names, or all with the model. */
export function elementsWith(node: NodeEntry, wanted: Pick<ModelProfile, 'model' | 'element'>): number[] {
  return node.elements
    .filter(({ index, models }) => {
      const meant = wanted.element === undefined || wanted.element === index;
      return meant && models.some(({ modelId }) => modelIdNumber(modelId) === wanted.model);
    })
    .map(({ index }) => index);
}

/** Bindings first: publishing needs them. What is taken away is so when nothing needs it any more. */
export async function applyModel(at: Configuring, profile: ModelProfile, element: number): Promise<void> {
  const place = { node: at.address, element, modelId: modelIdText(profile.model) };
  const { bind, subscribe, publish } = profile;
  const present = bind === undefined ? [] : await bindings(at, place, bind);
  if (subscribe !== undefined) await subscriptions(at, place, subscribe);
  if (publish !== undefined) await publication(at, place, publish);
  if (bind !== undefined) await unbind(at, place, bind, present);
}

async function bindings(at: Configuring, place: ModelPlace, wanted: readonly number[]): Promise<number[]> {
  const { models } = at.network.configuration;
  const { to, where, model, name } = addressed(at, place);
  const present = await models.appGet(to, where, model, at.options);
  for (const index of wanted) {
    if (present.includes(index)) continue;
    await models.appBind(to, where, model, index, at.options);
    at.changed(`${name} bound to AppKey ${index}`);
  }
  record(at, place, [...new Set([...present, ...wanted])]);
  return present;
}

async function unbind(
  at: Configuring,
  place: ModelPlace,
  wanted: readonly number[],
  present: readonly number[],
): Promise<void> {
  const { models } = at.network.configuration;
  const { to, where, model, name } = addressed(at, place);
  for (const index of present) {
    if (wanted.includes(index)) continue;
    await models.appUnbind(to, where, model, index, at.options);
    at.changed(`${name} not bound to AppKey ${index} any more`);
  }
  record(at, place, wanted);
}

/** Only keys that the document knows of the node: others were given to it by somebody else. */
function record({ network }: Configuring, place: ModelPlace, indexes: readonly number[]): void {
  const { appKeys } = network.document.nodes.find(
    ({ unicastAddress }) => unicastAddress === hex4(place.node),
  ) as NodeEntry;
  const known = indexes.filter((index) => appKeys.some((key) => key.index === index)).sort((a, b) => a - b);
  network.change(setBindings(network.document, place, known));
}

async function subscriptions(
  at: Configuring,
  place: ModelPlace,
  wanted: readonly (Address | Uint8Array)[],
): Promise<void> {
  const { network, options } = at;
  const { models } = network.configuration;
  const { to, where, model, name } = addressed(at, place);
  const present = new Set(await models.subscriptionGet(to, where, model, options));
  const addresses = wanted.map((group) => onAir(at, group));
  const extra = [...present].filter((address) => !addresses.includes(address));
  // A virtual address can only be taken away by its label, which the node does not tell.
  const unnamed = extra.some((address) => address < 0xc000);
  if (unnamed) {
    await models.subscriptionDeleteAll(to, where, model, options);
    present.clear();
    at.changed(`${name} subscribed to nothing`);
  }
  for (const [i, group] of wanted.entries()) {
    if (present.has(addresses[i] as Address)) continue;
    await models.subscriptionAdd(to, where, model, group, options);
    at.changed(`${name} subscribed to ${groupText(group)}`);
  }
  for (const address of unnamed ? [] : extra) {
    await models.subscriptionDelete(to, where, model, address, options);
    at.changed(`${name} not subscribed to ${formatAddress(address)} any more`);
  }
  network.change(setSubscriptions(network.document, place, wanted.map(textOf)));
}

async function publication(at: Configuring, place: ModelPlace, wanted: PublishProfile | null): Promise<void> {
  const { network, options } = at;
  const { models } = network.configuration;
  const { to, where, model, name } = addressed(at, place);
  const told = await models.publicationGet(to, where, model, options);
  const settings = wanted === null ? undefined : settingsOf(wanted);
  const before = requireModel(network.document, place).publish;
  const asWanted =
    told === undefined || wanted === null || settings === undefined
      ? told === undefined && wanted === null
      : told.address === onAir(at, wanted.to) &&
        // Two labels may have one virtual address: which one it is only the document knows.
        (typeof wanted.to === 'number' || before?.address === textOf(wanted.to)) &&
        told.appIndex === settings.appIndex &&
        told.credentialFlag === settings.credentialFlag &&
        told.ttl === settings.ttl &&
        told.period === settings.period &&
        told.retransmit === settings.retransmit;
  if (!asWanted) {
    await models.publicationSet(to, where, model, settings, options);
    at.changed(wanted === null ? `${name} does not publish any more` : `${name} publishes to ${groupText(wanted.to)}`);
  }
  const entry = wanted === null ? undefined : entryOf(wanted);
  if (JSON.stringify(entry) !== JSON.stringify(before)) {
    network.change(setPublication(network.document, place, entry));
  }
}

function settingsOf({
  to,
  appKey,
  ttl,
  friendship,
  periodMs,
  retransmit,
}: PublishProfile): Required<PublicationSettings> {
  return {
    to,
    appIndex: appKey,
    credentialFlag: friendship,
    ttl,
    period: publishPeriodOf(periodMs),
    retransmit: publishRetransmitOf(retransmit.count, retransmit.intervalMs),
  };
}

function entryOf({ to, appKey, ttl, friendship, periodMs, retransmit }: PublishProfile): PublishEntry {
  const period = publishPeriodOf(periodMs);
  return {
    address: textOf(to),
    index: appKey,
    ttl,
    period: { numberOfSteps: period & 0x3f, resolution: RESOLUTIONS[period >> 6] ?? 100 },
    credentials: friendship ? 1 : 0,
    retransmit: { count: retransmit.count - 1, interval: retransmit.intervalMs },
  };
}

/** ms, by the upper two bits of a Publish Period [Mesh Protocol 1.1, 4.2.3.4]. */
const RESOLUTIONS = [100, 1000, 10_000, 600_000] as const;

function addressed({ network, address }: Configuring, { element, modelId }: ModelPlace) {
  const model: ModelId = modelIdNumber(modelId);
  const where = address + element;
  const name = `model 0x${modelId.toLowerCase()} of ${formatAddress(where)}`;
  return { to: network.to(address), where, model, name };
}

function onAir({ network }: Configuring, group: Address | Uint8Array): Address {
  return typeof group === 'number' ? group : virtualAddress(network.crypto, group);
}

function textOf(group: Address | Uint8Array): AddressOrLabel {
  return typeof group === 'number' ? hex4(group) : labelText(group);
}

function groupText(group: Address | Uint8Array): string {
  return typeof group === 'number' ? formatAddress(group) : labelText(group).toLowerCase();
}
