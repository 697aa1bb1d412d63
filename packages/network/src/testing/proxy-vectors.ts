import { readFileSync } from 'node:fs';

// The members of proxy.json that the tests use. Numbers in quotes are hex.

export interface ProxyVectors {
  segmentation: { id: string; messageType: string; maxProxyPduSize: number; message: string; proxyPdus: string[] }[];
  reassembly: {
    id: string;
    service?: string;
    pdus: string[];
    expect: string | { messageType: string; message: string }[];
  }[];
  configurationMessages: {
    id: string;
    netKey: string;
    ivIndex: string;
    seq: string;
    src: string;
    fields: {
      name: string;
      filterType?: string;
      addresses?: string[];
      listSize?: number;
      directedProxy?: number;
      useDirected?: number;
      range?: { start: string; length: number };
    };
    transportPdu: string;
    message: string;
    proxyPdu: string;
  }[];
  configurationNegative: { id: string; netKey: string; ivIndex: string; proxyPdu: string; expect: string }[];
  filters: { id: string; capacity?: number; steps: FilterStep[] }[];
  proxyAdvertising: {
    id: string;
    netKey: string;
    random?: string;
    address?: string;
    serviceData: string;
    adStructure: string;
    advertisingData: string;
  }[];
  proxyAdvertisingNegative: { id: string; serviceData: string; address?: string; expect: string }[];
  provisioningAdvertising: { id: string; serviceData: string; adStructure: string; advertisingData: string }[];
  solicitation: {
    id: string;
    netKey: string;
    sseq: string;
    ssrc: string;
    dst: string;
    pdu: string;
    serviceData: string;
    adStructure: string;
    advertisingData: string;
  }[];
  solicitationReplay: {
    id: string;
    capacity: number;
    steps: { ssrc: string; sseq: number; valid: boolean }[];
  }[];
  connectionBeacons: {
    gattProxy: number;
    nodeIdentity?: number;
    privateGattProxy?: number;
    privateNodeIdentity?: number;
    beacon: string;
  }[];
}

export interface FilterStep {
  on?: 'connect';
  filter?: string;
  list?: string[];
  network?: { dst: string };
  forwarded?: boolean;
  fromClient?: {
    type?: string;
    src?: string;
    config?: 'Add' | 'Remove' | 'Set';
    addresses?: string[];
    filterType?: number;
  };
  answer?: { filterType: number; listSize: number };
}

export const proxy: ProxyVectors = JSON.parse(
  readFileSync(new URL('../vectors/proxy.json', import.meta.url), 'utf8'),
) as ProxyVectors;
