import { readFileSync } from 'node:fs';

interface Vectors {
  readonly accessOpcodes: readonly {
    readonly octets: string;
    readonly size: number;
    readonly kind: 'sig' | 'vendor' | 'reserved';
    readonly vendorOpcode?: string;
    readonly companyId?: string;
  }[];
  readonly accessOpcodesNegative: readonly { readonly octets: string; readonly why: string }[];
  readonly keyIndexes: readonly { readonly indexes: readonly string[]; readonly octets: string }[];
  readonly keyIndexPairs: readonly { readonly a: number; readonly b: number; readonly hex: string }[];
  readonly keyIndexLists: readonly { readonly indexes: readonly number[]; readonly hex: string }[];
  readonly compositionPages: readonly {
    readonly hex: string;
    readonly source: string;
    readonly page: {
      readonly cid: string;
      readonly pid: string;
      readonly vid: string;
      readonly crpl: number;
      readonly features: Readonly<Record<'relay' | 'proxy' | 'friend' | 'lowPower', boolean>>;
      readonly elements: readonly {
        readonly location: string;
        readonly sig: readonly string[];
        readonly vendor: readonly string[];
      }[];
    };
  }[];
  readonly compositionMessages: readonly {
    readonly name: string;
    readonly hex: string;
    readonly fields: { readonly page: number; readonly data?: string };
  }[];
  readonly relations: readonly {
    readonly hex: string;
    readonly elements: readonly Readonly<
      Record<
        'sig' | 'vendor',
        readonly { readonly group: number | null; readonly extends: readonly (readonly [number, number])[] }[]
      >
    >[];
  }[];
  readonly metadata: readonly {
    readonly hex: string;
    readonly elements: readonly Readonly<
      Record<
        'sig' | 'vendor',
        readonly {
          readonly model: string;
          readonly entries: readonly { readonly id: number; readonly data: string }[];
        }[]
      >
    >[];
  }[];
  readonly publishPeriods: readonly { readonly octet: number; readonly ms: number }[];
  readonly publishRetransmits: readonly {
    readonly octet: number;
    readonly transmissions: number;
    readonly intervalMs: number;
  }[];
  readonly fastPeriods: readonly {
    readonly publishPeriodMs: number;
    readonly divisor: number;
    readonly effectiveMs: number;
  }[];
  readonly unicastRanges: readonly { readonly start: number; readonly length: number; readonly accessHex: string }[];
  readonly compositionReactions: readonly { readonly name: string; readonly hex: string; readonly why: string }[];
}

/** The parts of the shared vectors that the access layer is tested against. */
export const vectors: Vectors = JSON.parse(readFileSync(new URL('../vectors/access.json', import.meta.url), 'utf8'));
