import { type Address, type AppIndex, addressKind, formatAddress, MeshError } from '@meshferry/core';
import { type CryptoProvider, virtualAddress } from '@meshferry/crypto';

/** The Model Publication state of a model that publishes [Mesh Protocol 1.1, 4.2.3]. */
export interface Publication {
  /** A unicast, group or virtual address. */
  readonly address: Address;
  /** The Label UUID of a virtual address. */
  readonly label?: Uint8Array;
  readonly appIndex: AppIndex;
  /** Credential Flag: friendship credentials, where there is a friendship. */
  readonly credentialFlag: boolean;
  /** 0 to 0x7F; 0xFF: the Default TTL. */
  readonly ttl: number;
  /** Publish Period as it stands in messages, see {@link publishPeriodMs}; 0: not periodic. */
  readonly period: number;
  /** Publish Retransmit as it stands in messages, see {@link publishRetransmit}. */
  readonly retransmit: number;
}

/** What to publish with; what is left out is as the comment says. */
export interface PublicationSettings {
  /** A unicast or group address, or the Label UUID (16 octets) of a virtual one. */
  readonly to: Address | Uint8Array;
  /** Must be bound to the model. */
  readonly appIndex: AppIndex;
  /** Default false. */
  readonly credentialFlag?: boolean;
  /** Default 0xFF, the Default TTL. */
  readonly ttl?: number;
  /** Default 0: not periodic. */
  readonly period?: number;
  /** Default 0: once. */
  readonly retransmit?: number;
}

/** Units of the Publish Period, ms, by its resolution (bits 6 and 7). */
const RESOLUTION_MS: readonly number[] = [100, 1000, 10_000, 600_000];

/** No publication is more frequent, whatever the divisor. */
const SHORTEST_PERIOD_MS = 100;

/** The time that a Publish Period octet means, ms: steps (bits 0 to 5) × 100 ms, 1 s, 10 s or 10 min [4.2.3.4]. */
export function publishPeriodMs(octet: number): number {
  return (octet & 0x3f) * (RESOLUTION_MS[octet >> 6] as number);
}

/** The Publish Period octet nearest to `ms`, 0 to 37 800 000 ms; at least one step unless `ms` is 0. */
export function publishPeriodOf(ms: number): number {
  if (ms === 0) return 0;
  for (const [resolution, unit] of RESOLUTION_MS.entries()) {
    const steps = Math.max(1, Math.round(ms / unit));
    if (steps <= 0x3f) return (resolution << 6) | steps;
  }
  return 0xff;
}

/** What a Publish Retransmit octet means: how often a message is sent in all, and the time between, ms [4.2.3.6]. */
export function publishRetransmit(octet: number): { transmissions: number; intervalMs: number } {
  return { transmissions: (octet & 0x07) + 1, intervalMs: ((octet >> 3) + 1) * 50 };
}

/** The Publish Retransmit octet for 1 to 8 transmissions, 50 to 1600 ms apart (rounded to 50 ms). */
export function publishRetransmitOf(transmissions: number, intervalMs: number): number {
  const count = Math.min(7, Math.max(0, transmissions - 1));
  return (Math.min(31, Math.max(0, Math.round(intervalMs / 50) - 1)) << 3) | count;
}

/** The Publish Period divided by 2^`divisor` (Health Fast Period Divisor, 0 to 15), 100 ms at least, ms [4.2.18]. */
export function fastPeriodMs(periodMs: number, divisor: number): number {
  return divisor === 0 ? periodMs : Math.min(periodMs, Math.max(SHORTEST_PERIOD_MS, periodMs / 2 ** divisor));
}

/** The state that settings give. Throws `bad-address`, `bad-label-uuid`, or `bad-field` for a number out of range. */
export function publicationOf(settings: PublicationSettings, crypto: CryptoProvider): Publication {
  const { to, appIndex, credentialFlag = false, ttl = 0xff, period = 0, retransmit = 0 } = settings;
  if (!isOctet(ttl) || (ttl > 0x7f && ttl !== 0xff)) throw badField('Publish TTL', ttl, '0 to 0x7F, or 0xFF');
  if (!isOctet(period)) throw badField('Publish Period', period, 'an octet; publishPeriodOf() makes it');
  if (!isOctet(retransmit))
    throw badField('Publish Retransmit', retransmit, 'an octet; publishRetransmitOf() makes it');
  const rest = { appIndex, credentialFlag, ttl, period, retransmit };
  if (typeof to !== 'number') return { address: virtualAddress(crypto, to), label: to.slice(), ...rest };
  const kind = addressKind(to);
  if (kind === 'unicast' || kind === 'group') return { address: to, ...rest };
  throw new MeshError('bad-address', `a model cannot publish to ${formatAddress(to)}`, {
    hint: 'Give a unicast or group address, or the Label UUID of a virtual one; undefined ends a publication.',
  });
}

function isOctet(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xff;
}

function badField(name: string, value: number, allowed: string): MeshError {
  return new MeshError('bad-field', `${name} is ${value}`, { hint: `Give ${allowed}.` });
}
