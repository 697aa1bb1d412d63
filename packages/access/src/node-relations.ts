import type { BaseModel, ElementRelations, ModelRelations } from './composition-relations.ts';
import type { Model } from './model.ts';
import type { ElementMetadata, ModelMetadata } from './models-metadata.ts';

/** How the models of a node are related, from what they say they extend and correspond with: Composition Data Page 1. */
export function relationsOf(elements: readonly (readonly Model[])[]): ElementRelations[] {
  const places = new Map<Model, Place>();
  for (const [element, models] of elements.entries()) {
    for (const [index, model] of inPageOrder(models).entries()) places.set(model, { element, index });
  }
  const groups = correspondingGroups([...places.keys()]);
  return elements.map((models, element) => {
    const describe = (model: Model): ModelRelations => ({
      correspondingGroup: groups.get(model),
      extends: model.extends.flatMap((base) => baseAt(places.get(base), element)),
    });
    return { sigModels: models.filter(isSig).map(describe), vendorModels: models.filter(isVendor).map(describe) };
  });
}

/** What the models of a node tell about themselves: Models Metadata Page 0; those that tell nothing are left out. */
export function metadataOf(elements: readonly (readonly Model[])[]): ElementMetadata[] {
  const describe = ({ id, metadata }: Model): ModelMetadata => ({ modelId: id, entries: [...metadata] });
  return elements.map((models) => {
    const telling = models.filter((model) => model.metadata.length > 0);
    return { sigModels: telling.filter(isSig).map(describe), vendorModels: telling.filter(isVendor).map(describe) };
  });
}

interface Place {
  readonly element: number;
  readonly index: number;
}

function baseAt(place: Place | undefined, element: number): BaseModel[] {
  return place === undefined ? [] : [{ elementOffset: place.element - element, modelIndex: place.index }];
}

/** Models connected by correspondence, whichever of them says so, have one number; numbers in order of appearance. */
function correspondingGroups(models: readonly Model[]): ReadonlyMap<Model, number> {
  let groups: Set<Model>[] = [];
  for (const model of models) {
    for (const other of model.corresponds) {
      const joined = groups.filter((group) => group.has(model) || group.has(other));
      groups = [...groups.filter((group) => !joined.includes(group)), new Set([model, other])];
      for (const group of joined) for (const member of group) groups.at(-1)?.add(member);
    }
  }
  const numbers = new Map<Model, number>();
  const numbered = new Map<Set<Model>, number>();
  for (const model of models) {
    const group = groups.find((candidate) => candidate.has(model));
    if (group === undefined) continue;
    if (!numbered.has(group)) numbered.set(group, numbered.size);
    numbers.set(model, numbered.get(group) as number);
  }
  return numbers;
}

function inPageOrder(models: readonly Model[]): readonly Model[] {
  return [...models.filter(isSig), ...models.filter(isVendor)];
}

function isSig(model: Model): boolean {
  return model.id <= 0xffff;
}

function isVendor(model: Model): boolean {
  return !isSig(model);
}
