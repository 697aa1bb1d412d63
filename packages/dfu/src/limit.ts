import { MeshError } from '@meshferry/core';

/** A limit that a Distributor is given, as it stands; throws `bad-limit` when it is no whole number from 0 to `max`. */
export function checkedLimit(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new MeshError('bad-limit', `${name}: ${value}`, { hint: `Give a whole number from 0 to ${max}.` });
}
