import { rest, u8 } from './fields.ts';
import { type MessageOf, message } from './message.ts';

/** Asks for a page; an absent one is answered with the largest present page below it, so 0xFF gives the highest. */
export const ConfigCompositionDataGet = message({
  name: 'Config Composition Data Get',
  opcode: 0x8008,
  response: 'Config Composition Data Status',
  source: 'Mesh Protocol 1.1 4.3.2.4',
  fields: { page: u8() },
});
export type ConfigCompositionDataGet = MessageOf<typeof ConfigCompositionDataGet>;

/** A page of the composition data; page 0 and 128 hold whole elements only, see `decodeComposition`. */
export const ConfigCompositionDataStatus = message({
  name: 'Config Composition Data Status',
  opcode: 0x02,
  source: 'Mesh Protocol 1.1 4.3.2.5',
  fields: { page: u8(), data: rest({ max: 378 }) },
});
export type ConfigCompositionDataStatus = MessageOf<typeof ConfigCompositionDataStatus>;
