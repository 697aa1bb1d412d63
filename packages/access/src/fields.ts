/*
 * The fields that messages are declared with.
 */

export { countOf, derived, list, optional, padded, presenceOf, sized, struct, when } from './compound-fields.ts';
export {
  type Check,
  custom,
  type Field,
  type Fields,
  type Layout,
  type ListLayout,
  type OctetsLength,
  type Only,
  type Presence,
  type Reserved,
  type SoFar,
  type ValueOf,
} from './field.ts';
export * from './key-index.ts';
export * from './mesh-fields.ts';
export * from './number-fields.ts';
export * from './octet-fields.ts';
