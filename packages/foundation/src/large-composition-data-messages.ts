import { type MessageType, message, rest, u8, u16 } from '@meshferry/access';

/* Large Composition Data models. */
const source = 'Mesh Protocol 1.1 4.3';

/** Asks for a Composition Data page from an offset on; an absent page is answered with the largest present one below. */
export const LargeCompositionDataGet = message({
  name: 'Large Composition Data Get',
  opcode: 0x8074,
  response: 'Large Composition Data Status',
  source,
  fields: { page: u8(), offset: u16() },
});

/** Octets of a Composition Data page from `offset` on, as many as fit; `totalSize` counts the whole page. */
export const LargeCompositionDataStatus = message({
  name: 'Large Composition Data Status',
  opcode: 0x8075,
  source,
  fields: { page: u8(), offset: u16(), totalSize: u16(), data: rest({ max: 373 }) },
});

/** Asks for a Models Metadata page from an offset on; an absent page is answered with the largest present one below. */
export const ModelsMetadataGet = message({
  name: 'Models Metadata Get',
  opcode: 0x8076,
  response: 'Models Metadata Status',
  source,
  fields: { page: u8(), offset: u16() },
});

/** Octets of a Models Metadata page from `offset` on, as many as fit; `totalSize` counts the whole page. */
export const ModelsMetadataStatus = message({
  name: 'Models Metadata Status',
  opcode: 0x8077,
  source,
  fields: { page: u8(), offset: u16(), totalSize: u16(), data: rest({ max: 373 }) },
});

/** All messages of the Large Composition Data models. */
export const LARGE_COMPOSITION_DATA_MESSAGES: readonly MessageType<unknown>[] = [
  LargeCompositionDataGet,
  LargeCompositionDataStatus,
  ModelsMetadataGet,
  ModelsMetadataStatus,
] as readonly MessageType<unknown>[];
