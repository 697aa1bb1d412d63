import type { Result } from '@meshferry/core';
import { countOf, list, sized, struct } from './compound-fields.ts';
import type { Field } from './field.ts';
import { decodeField, encodeField } from './field-codec.ts';
import type { DecodeError } from './message.ts';
import { u8, u16 } from './number-fields.ts';
import { rest } from './octet-fields.ts';

/** A mesh profile that a node claims (networked lighting control, for one) [Mesh Protocol 1.1, 4.2.2.3]. */
export interface MeshProfile {
  /** Mesh Profile Identifier, assigned by the SIG. */
  profileId: number;
  /** Version x.y.z of the profile. */
  versionX: number;
  versionY: number;
  versionZ: number;
  /** The elements that have it, counted from the primary one. */
  elementOffsets: number[];
  /** As the profile defines it. */
  additionalData: Uint8Array;
}

/** Composition Data Page 2 (or 130) without the page number. Throws `bad-field`. */
export function encodeProfiles(profiles: readonly MeshProfile[]): Uint8Array {
  return encodeField(page, [...profiles]);
}

/** The reverse of {@link encodeProfiles}. Never throws. */
export function decodeProfiles(octets: Uint8Array): Result<MeshProfile[], DecodeError> {
  return decodeField('Composition Data Page 2', page, octets);
}

const page: Field<MeshProfile[]> = list(
  struct({
    profileId: u16(),
    versionX: u8(),
    versionY: u8(),
    versionZ: u8(),
    offsetsCount: countOf('elementOffsets'),
    elementOffsets: list(u8(), { max: 255, count: 'offsetsCount' }),
    additionalData: sized(rest({ max: 0xffff }), u16()),
  }),
);
