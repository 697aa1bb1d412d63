import { type AppIndex, encodeRecord, readRecord, type Store, type Write } from '@meshferry/core';
import type { ModelId } from './contract.ts';
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
  const prefixes = ['bindings/', 'subscriptions/', 'publication/'];
  return prefixes.flatMap((prefix) => store.keys(prefix)).map((name) => [name, null]);
}

export function readBindings(store: Store, element: number, model: ModelId): readonly AppIndex[] {
  return readRecord<AppIndex[]>(store, key('bindings', element, model)) ?? [];
}

export function readSubscriptions(store: Store, element: number, model: ModelId): readonly Subscription[] {
  return readRecord<Subscription[]>(store, key('subscriptions', element, model)) ?? [];
}

function key(what: string, element: number, model: ModelId): string {
  return `${what}/${element.toString(16).padStart(2, '0')}/${model.toString(16).padStart(8, '0')}`;
}
