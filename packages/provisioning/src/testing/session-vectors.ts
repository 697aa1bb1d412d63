import { readFileSync } from 'node:fs';
import type { RecordedSession } from './replay.ts';

interface VectorSession {
  readonly id: string;
  readonly title: string;
  readonly invite: string;
  readonly capabilities: string;
  readonly start: string;
  readonly provisionerPrivateKey: string;
  readonly provisionerPublicKey: string;
  readonly devicePrivateKey: string;
  readonly devicePublicKey: string;
  readonly authValue: string;
  readonly randomProvisioner: string;
  readonly randomDevice: string;
  readonly deviceKey: string;
  readonly provisioningData: { readonly plaintext: string };
  readonly pdus: readonly { readonly from: 'provisioner' | 'device'; readonly pdu: string }[];
}

/** The members of provisioning.json that concern the protocol. */
export interface SessionVectors {
  readonly sessions: readonly VectorSession[];
  readonly recordRetrieval: {
    readonly steps: readonly { readonly from?: 'provisioner' | 'device'; readonly provisioningPdu?: string }[];
    readonly deviceCertificateOfSection8_11_2: {
      readonly deviceUuid: string;
      readonly der: string;
      readonly commonName: string;
      readonly publicKey: string;
    };
  };
  readonly authValues: readonly {
    readonly algorithm: 0 | 1;
    readonly dataType: 'Binary' | 'Numeric' | 'Alphanumeric' | 'None';
    readonly authenticationValue: string | number | null;
    readonly authValue: string;
  }[];
  readonly capabilities: readonly {
    readonly pdu: string;
    readonly fields: Readonly<Record<string, number | boolean | readonly string[]>>;
  }[];
  readonly capabilitiesNegative: readonly { readonly pdu: string; readonly why: string }[];
  readonly negative: readonly Negative[];
}

export interface Negative {
  readonly id: string;
  readonly side: 'provisioner' | 'device';
  readonly state: string;
  readonly receives: string;
  readonly expect: string | { readonly sends: string; readonly error?: string };
}

export const vectors: SessionVectors = JSON.parse(
  readFileSync(new URL('../vectors/provisioning.json', import.meta.url), 'utf8'),
) as SessionVectors;

/** A session of the vectors, in the form that is replayed. */
export function recorded(session: VectorSession): RecordedSession {
  return {
    invite: session.invite,
    capabilities: session.capabilities,
    start: session.start,
    privateKeyProvisioner: session.provisionerPrivateKey,
    privateKeyDevice: session.devicePrivateKey,
    authValue: session.authValue,
    randomProvisioner: session.randomProvisioner,
    randomDevice: session.randomDevice,
    provisioningData: session.provisioningData.plaintext,
  };
}
