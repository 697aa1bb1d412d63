import { type AppIndex, encodeRecord, readRecord, type Store, type Write } from '@meshferry/core';
import type { ModelId, ModelIdentity } from './contract.ts';
import type { Publication } from './publication.ts';
import type { Subscription } from './subscriptions.ts';

/*
 * What a model keeps across a power cut. Records are named by element index and model, not by address, because the
 * address of a node may change while its configuration stays.
 */

export function bindingsRecord(element: number, model: ModelId, bound: readonly AppIndex[]): Write {
  return [key('bindings', element, model), bound.length === 0 ? null : encodeRecord(bound)];
}

/** Each model keeps a copy of the list that it shares, so that a change of the extension tree loses nothing. */
export function subscriptionsRecord(element: number, model: ModelId, entries: readonly Subscription[]): Write {
  return [key('subscriptions', element, model), entries.length === 0 ? null : encodeRecord(entries)];
}

export function publicationRecord(element: number, model: ModelId, state: Publication | undefined): Write {
  return [key('publication', element, model), state === undefined ? null : encodeRecord(state)];
}

export function readPublication(store: Store, element: number, model: ModelId): Publication | undefined {
  return readRecord<Publication>(store, key('publication', element, model));
}

/** Forgets what all models of all elements keep. */
export function forgetModels(store: Store): readonly Write[] {
  return PREFIXES.flatMap((prefix) => store.keys(prefix)).map((name) => [name, null]);
}

/** Forgets what was kept of models that are on no element any more. `present`: by element. */
export function forgetVanished(store: Store, present: readonly (readonly ModelIdentity[])[]): readonly Write[] {
  const kept = new Set(
    present.flatMap((models, element) =>
      models.flatMap(({ id }) => PREFIXES.map((prefix) => prefix + place(element, id))),
    ),
  );
  return forgetModels(store).filter(([name]) => !kept.has(name));
}

export function readBindings(store: Store, element: number, model: ModelId): readonly AppIndex[] {
  return readRecord<AppIndex[]>(store, key('bindings', element, model)) ?? [];
}

export function readSubscriptions(store: Store, element: number, model: ModelId): readonly Subscription[] {
  return readRecord<Subscription[]>(store, key('subscriptions', element, model)) ?? [];
}

const PREFIXES = ['bindings/', 'subscriptions/', 'publication/'] as const;

function key(what: string, element: number, model: ModelId): string {
  return `${what}/${place(element, model)}`;
}

function place(element: number, model: ModelId): string {
  return `${element.toString(16).padStart(2, '0')}/${model.toString(16).padStart(8, '0')}`;
}
