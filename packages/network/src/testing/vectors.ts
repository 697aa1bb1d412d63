import { readFileSync } from 'node:fs';

// The members of the vector files that the tests here use. Numbers in quotes are hex.

export interface NetworkVectors {
  encode: (PduFields & { id: string; keys: SecurityKeys; ivIndex: string; nonceType: NonceType; pdu: string })[];
  decode: {
    id: string;
    netKeys: Record<string, string>[];
    receiver: { ivIndex: string; ivUpdateActive: boolean };
    pdu: string;
    expect: PduFields & { accept: boolean; netKeyPosition?: number };
  }[];
  negative: {
    id: string;
    netKey?: string;
    ivIndex: string;
    pdu: string;
    expect: { accept: boolean; authenticates?: boolean };
  }[];
  relay: {
    id: string;
    inKeys: SecurityKeys;
    outKeys: SecurityKeys;
    ivIndex: string;
    inPdu: string;
    outPdu: string;
    inTtl: string;
  }[];
  relayDecisions: {
    id: string;
    in?: 'ADV' | 'GATT';
    security?: 'friendship';
    ttl: number;
    dst: string;
    relay?: boolean;
    proxy?: boolean;
    friend?: boolean;
    expect: string[];
  }[];
  messageCache: {
    id: string;
    why: string;
    pdus?: string[];
    ivIndex?: string;
    capacity?: number;
    entries?: { src: number; seq: number; iv: number }[];
    expect: string[];
  }[];
  replayProtection: {
    id: string;
    capacity?: number;
    start?: { src?: number; iv: number; seq: number }[];
    steps: {
      src?: number;
      iv: number;
      seq: number;
      accept: boolean;
      ack?: string;
      storedAfter?: { iv: number; seq: number } | null;
    }[];
  }[];
  ivUpdate: {
    id: string;
    from: {
      iv: number;
      update: boolean;
      hours: number;
      pendingSegmentedTx?: boolean;
      recoveredHoursAgo?: number;
      memberOfPrimarySubnet?: boolean;
    };
    beacon: { iv: number; update: boolean; subnet?: 'secondary' };
    expect: { iv: number; update: boolean; change: string; txIv?: number; acceptIv?: number[]; seq?: string };
  }[];
  keyRefresh: {
    id: string;
    phase: 0 | 1 | 2;
    event: string;
    next: 0 | 1 | 2;
    tx?: 'old' | 'new';
    rx?: ('old' | 'new')[];
    beacons?: string;
    status?: string;
  }[];
  addresses: { address: string; type: string }[];
  unicastAddressRanges: { primary: string; secondaryElements: number; bigEndian: string; littleEndian?: string }[];
  transmitStates: { octet: string; transmissions: number; intervalMs: number }[];
}

export interface TransportVectors {
  about: { keys: { netKey: string; appKey: string; deviceKey: string } };
  lowerTransportPdus: { pdu: string; ctl: number; fields: Record<string, string | number> }[];
  seqAuth: { seq: string; seqZero: string; seqAuthSeq?: string }[];
  accessSegmentation: {
    id: string;
    ivIndex: string;
    keyKind: string;
    src: string;
    dst: string;
    labelUuid?: string;
    seq: string;
    ttl: string;
    szmic: number;
    sendSegmented: boolean;
    accessMessage: string;
    networkPdus: string[];
  }[];
  controlSegmentation: {
    id: string;
    ivIndex: string;
    src: string;
    dst: string;
    seq: string;
    ttl: string;
    opcode: string;
    parameters: string;
    networkPdus: string[];
  }[];
  segmentAcknowledgments: { seqZero: string; obo: number; received: number[]; pdu: string }[];
  sarTimings: {
    defaults: { transmitter: Record<string, number>; receiver: Record<string, number> };
    derivedDefaults: Record<string, number>;
    unicastRetransmissionTimerMs: { ttl: number; ms: number }[];
    acknowledgmentTimerMs: { segN: number; ms: number }[];
    extremes: [
      { ttl: number; intervalStep: number; increment: number; ms: number },
      { segN: number; delayIncrement: number; receiverSegmentIntervalStep: number; ackTimerMs: number },
      { discardTimeout: number; ms: number },
    ];
  };
  sarReceiver: {
    id: string;
    role?: string;
    dst?: string;
    segN: number;
    resources?: number;
    receiver?: Record<string, number>;
    steps: {
      t: number;
      in?: { segO: number; segN?: number; seqAuth?: number };
      out?: (string | { ack: string; obo?: number })[];
    }[];
  }[];
  sarTransmitter: {
    id: string;
    dst?: string;
    segments: number;
    ttl?: number;
    steps?: {
      t: number;
      send?: number;
      in?: { ack: string; seqZero?: string; from?: string };
      done?: string;
    }[];
  }[];
  negative: { id: string; ctl: number; transportPdu?: string; networkPdu?: string; ivIndex: string }[];
  heartbeat: {
    messages: { pdu: string; initTtl: string; features: string; rxTtl: string; hops: number }[];
    publicationCountLogSet: { countLogInSet: string; counter: number }[];
    publicationCountLogStatus: { counter: number; countLogInStatus: string }[];
    publicationPeriodLog: { periodLog: string; seconds: number }[];
    subscriptionCountLog: { count: number; countLogInStatus: string }[];
  };
  friendship: {
    messages: { opcode: string; name: string; params: string; fields: Record<string, number | string | string[]> }[];
    offerDelay: {
      rssiFactor: number;
      receiveWindowFactor: number;
      receiveWindowMs: number;
      rssiDbm: number;
      offerDelayMs: number;
    }[];
    friendClearValidity: { requestLpnCounter: number; clearLpnCounter: number; valid: boolean }[];
  };
}

export interface BeaconVectors {
  unprovisionedDevice: { id: string; deviceUuid: string; oobInformation: string; uriHash?: string; beacon: string }[];
  secureNetwork: {
    id: string;
    netKey: string;
    networkId: string;
    flags: string;
    keyRefresh: number;
    ivUpdate: number;
    ivIndex: string;
    authenticationValue: string;
    beacon: string;
  }[];
  meshPrivate: { id: string; netKey: string; random: string; flags: string; ivIndex: string; beacon: string }[];
  negative: { id: string; why: string; netKey: string; beacon: string }[];
  beaconInterval: { observationPeriodS: number; observed: number; intervalS: number }[];
}

export interface SampleVectors {
  keys: { netKey: string; appKey: string; deviceKey: string };
  messages: SampleMessage[];
  additional: SampleMessage[];
}

export interface SampleMessage extends SecurityKeys {
  id: string;
  title: string;
  kind: string;
  ivIndex: string;
  netKey: string;
  security: {
    credentials: string;
    lpnAddress?: string;
    friendAddress?: string;
    lpnCounter?: string;
    friendCounter?: string;
  };
  access?: { message: string };
  upperTransport?: { keyKind: string; labelUuid?: string; szmic: number };
  lowerTransport: { seg: number }[];
  network: (PduFields & { pdu: string })[];
}

interface PduFields {
  ctl: number;
  ttl: string;
  seq: string;
  src: string;
  dst: string;
  transportPdu: string;
}

interface SecurityKeys {
  nid: string;
  encryptionKey: string;
  privacyKey: string;
}

type NonceType = 'network' | 'proxy' | 'solicitation';

export const network: NetworkVectors = read('network.json');
export const transport: TransportVectors = read('transport.json');
export const beacons: BeaconVectors = read('beacons.json');
export const samples: SampleVectors = read('sample-messages.json');

/** A number of a vector. */
export function hex(text = ''): number {
  return Number.parseInt(text, 16);
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8')) as T;
}
