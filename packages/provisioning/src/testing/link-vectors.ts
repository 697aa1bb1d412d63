import { readFileSync } from 'node:fs';

/** The members of provisioning.json that concern links. */
export interface LinkVectors {
  readonly pbAdvTrace: {
    readonly linkId: string;
    readonly deviceUuid: string;
    readonly steps: readonly TraceStep[];
  };
  readonly recordRetrieval: { readonly linkId: string; readonly steps: readonly RecordStep[] };
  readonly pbAdvSegmentation: readonly {
    readonly length: number;
    readonly segN: number;
    readonly fcs: string;
    readonly firstPacket: string;
    readonly lastPacket: string;
    readonly lastPacketLength: number;
  }[];
  readonly transactionNumbers: { readonly provisioner: readonly string[]; readonly device: readonly string[] };
  readonly pbAdvNegative: readonly {
    readonly id: string;
    readonly packets: readonly string[];
    readonly expect: string;
  }[];
}

export interface TraceStep {
  readonly name: string;
  readonly from: 'provisioner' | 'device';
  readonly kind: 'bearer-control' | 'transaction';
  readonly packets: readonly string[];
  readonly provisioningPdu?: string;
  readonly acknowledgment?: { readonly packet: string };
}

export interface RecordStep {
  readonly from: 'provisioner' | 'device';
  readonly packets?: readonly string[];
  readonly provisioningPdu: string;
  readonly acknowledgment: string;
}

export const vectors: LinkVectors = JSON.parse(
  readFileSync(new URL('../vectors/provisioning.json', import.meta.url), 'utf8'),
) as LinkVectors;
