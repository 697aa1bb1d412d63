import { AD_MESH_MESSAGE, type AdStructure, type Advertising, type Heard, type Transmit } from '@meshferry/bearer';
import { toHex } from '@meshferry/core';
import type { Advertiser, Stage } from './stage.ts';

export const ONCE: Transmit = { count: 1, intervalMs: 20 };

/** Octets of data that an AD structure takes. */
export const AD_DATA_MAX = 29;

/** A mesh message that can be told from others by its number, 0 to 65535; `length`: octets of data, 2 or more. */
export function numbered(number: number, length: number = AD_DATA_MAX): AdStructure {
  const data = Uint8Array.from({ length }, (_, i) => number * 7 + i);
  data[0] = number >> 8;
  data[1] = number;
  return { type: AD_MESH_MESSAGE, data };
}

export function numberOf({ data }: AdStructure): number {
  return (data[0]! << 8) | data[1]!;
}

/** What an end has heard, in order. */
export interface Ear {
  readonly heard: readonly Heard[];
  stop(): void;
}

export function listen(advertising: Advertising, types: readonly number[] = [AD_MESH_MESSAGE]): Ear {
  const heard: Heard[] = [];
  return { heard, stop: advertising.receive(types, (ad) => void heard.push(ad)) };
}

/** Two ends, and what the second hears. */
export async function pair(stage: Stage): Promise<{ from: Advertiser; to: Advertiser; ear: Ear }> {
  const [from, to] = [await stage.advertiser(), await stage.advertiser()];
  return { from, to, ear: listen(to.advertising) };
}

export function same(a: AdStructure, b: AdStructure): boolean {
  return a.type === b.type && toHex(a.data) === toHex(b.data);
}

/** Sends until it was heard by all of them: once where nothing gets lost. */
export async function reaches(stage: Stage, from: Advertising, ears: readonly Ear[], ad: AdStructure): Promise<void> {
  const { isLossy, latencyMs } = stage.advertising;
  const arrived = () => ears.every(({ heard }) => heard.some((other) => same(other, ad)));
  for (let left = isLossy ? TRIES : 1; left > 0; left--) {
    await stage.succeeded(from, ad, ONCE);
    const until = stage.clock.now + latencyMs;
    while (!arrived() && stage.clock.now < until) await stage.pass(1);
    if (arrived()) return;
  }
  stage.fail(`${described(ad)} was sent and not heard as it was sent`);
}

/** So often something is sent on a medium that loses, until it must have been heard. */
const TRIES = 100;

export function described({ type, data }: AdStructure): string {
  return `AD type 0x${type.toString(16)} with ${data.length} octets`;
}
