import type { Clock, Log, MeshError, Random } from '@meshferry/core';
import type { Bearer } from './contract.ts';

/** What a bearer stands on. */
export interface BearerGround {
  readonly clock: Clock;
  /** Good enough for addresses on air; the same source makes keys. */
  readonly random: Random;
  readonly log: Log;
}

/**
 * What a bearer package exports under the name `bearer`: how its URIs look and how they are opened. The scheme of a URI
 * leads to the package: `foo:…` to `@meshferry/bearer-foo`, `meshferry-bearer-foo`, or the one of `--bearer-plugin`.
 *
 * ```ts
 * export const bearer: BearerPlugin = {
 *   scheme: 'udp',
 *   summary: 'UDP multicast on this computer',
 *   uris: ['udp:239.0.0.1:5000'],
 *   check: async () => null,
 *   open: async (uri, ground) => new UdpBearer(uri, ground),
 * };
 * ```
 */
export interface BearerPlugin {
  /** What its URIs begin with, without the colon; lower case. */
  readonly scheme: string;
  /** One line for people. */
  readonly summary: string;
  /** URIs as they can be typed. */
  readonly uris: readonly string[];
  /**
   * Whether it can be used on this machine: null, or why not and what to do; with one of `uris`, whether that kind can be,
   * for a bearer with several. It must leave no handle behind.
   */
  check(uri?: string): Promise<MeshError | null>;
  /**
   * Opens the radio of a whole URI. Rejects with `bad-bearer-uri` (not understood), `bearer-unavailable` (not there, or
   * what it needs is not installed), `bearer-permission`, `bearer-busy` or `bearer-failed` (it is there and does not
   * answer as it should); the hint says what to do.
   */
  open(uri: string, ground: BearerGround): Promise<Bearer>;
}
