/**
 * The document as Meshferry sees it: the properties of the Mesh Configuration Database Profile under their own names, the
 * values in the one form in which version 1.0.1 writes them. Nothing in it is ever changed: operations give a new document
 * that shares all that stayed the same. Properties that the profile does not know are kept in the objects where they stood,
 * and are carried along by `{ ...object }`.
 */

/** Four upper-case hex digits: an address, an identifier, a scene number. */
export type Hex4 = string;
/** 32 upper-case hex digits: a key. Never to be logged. */
export type KeyHex = string;
/** A UUID, upper case, `8-4-4-4-12`. */
export type Uuid = string;
/** Four hex digits: an address; 32 without dashes: the label of a virtual address. */
export type AddressOrLabel = string;
/** Date and time by ISO 8601, such as `2026-04-23T12:00:00Z`; kept as it was read. */
export type Timestamp = string;

/** A network as a document [Mesh Configuration Database Profile 1.0.1]. It holds neither IV Index nor sequence numbers. */
export interface NetworkDocument {
  readonly $schema?: string;
  readonly id?: string;
  readonly version?: string;
  readonly meshUUID: Uuid;
  readonly meshName: string;
  /** An export that leaves something out, device keys perhaps. */
  readonly partial?: boolean;
  /** When the document was last changed: see `touch`. */
  readonly timestamp: Timestamp;
  /** One at least. */
  readonly provisioners: readonly ProvisionerEntry[];
  /** One at least. */
  readonly netKeys: readonly NetKeyEntry[];
  readonly appKeys: readonly AppKeyEntry[];
  /** With the provisioners' own nodes. */
  readonly nodes: readonly NodeEntry[];
  readonly groups: readonly GroupEntry[];
  readonly scenes: readonly SceneEntry[];
  readonly networkExclusions?: readonly ExclusionEntry[];
}

/** Who may assign which addresses; the ranges of two provisioners never overlap. */
export interface ProvisionerEntry {
  readonly provisionerName: string;
  /** That of its own node, if it has one. */
  readonly UUID: Uuid;
  readonly allocatedUnicastRange: readonly AddressRange[];
  /** Within C000 to FEFF. */
  readonly allocatedGroupRange: readonly AddressRange[];
  readonly allocatedSceneRange: readonly SceneRange[];
}

/** Both ends included. */
export interface AddressRange {
  readonly lowAddress: Hex4;
  readonly highAddress: Hex4;
}

/** Both ends included. */
export interface SceneRange {
  readonly firstScene: Hex4;
  readonly lastScene: Hex4;
}

/** Phase of the Key Refresh procedure [Mesh Protocol 1.1, 3.11.4]. */
export type KeyRefreshPhase = 0 | 1 | 2;
/** `secure`: provisioned with an OOB public key. */
export type Security = 'secure' | 'insecure';

export interface NetKeyEntry {
  readonly name: string;
  /** 0 to 4095; 0 is the primary subnet. */
  readonly index: number;
  /** In phases 1 and 2 the new key. */
  readonly key: KeyHex;
  /** The key before; in phases 1 and 2 only. */
  readonly oldKey?: KeyHex;
  readonly phase: KeyRefreshPhase;
  readonly minSecurity: Security;
  /** When the phase last changed. */
  readonly timestamp: Timestamp;
}

export interface AppKeyEntry {
  readonly name: string;
  /** 0 to 4095. */
  readonly index: number;
  /** Index of a NetKey of the document. */
  readonly boundNetKey: number;
  /** During a key refresh the new key. */
  readonly key: KeyHex;
  readonly oldKey?: KeyHex;
}

/** A key that a node has. */
export interface KeyState {
  readonly index: number;
  /** The new key was delivered in the current key refresh. */
  readonly updated: boolean;
}

export interface NodeEntry {
  /** Device UUID; two nodes with one occur. */
  readonly UUID: Uuid;
  readonly name?: string;
  /** Of the primary element, 0001 to 7FFF. */
  readonly unicastAddress: Hex4;
  /** Missing in partial exports only. */
  readonly deviceKey?: KeyHex;
  readonly security: Security;
  readonly netKeys: readonly KeyState[];
  readonly appKeys: readonly KeyState[];
  readonly configComplete: boolean;
  /** Key refresh leaves the node out. */
  readonly excluded: boolean;
  readonly cid?: Hex4;
  readonly pid?: Hex4;
  readonly vid?: Hex4;
  readonly crpl?: Hex4;
  readonly features?: NodeFeatures;
  readonly secureNetworkBeacon?: boolean;
  /** 0 to 127. */
  readonly defaultTTL?: number;
  readonly networkTransmit?: Transmit;
  readonly relayRetransmit?: Transmit;
  readonly elements: readonly ElementEntry[];
  readonly heartbeatPub?: HeartbeatPublicationEntry;
  readonly heartbeatSub?: HeartbeatSubscriptionEntry;
}

/** 0 disabled, 1 enabled, 2 not supported. */
export type FeatureState = 0 | 1 | 2;
export type FeatureName = 'relay' | 'proxy' | 'friend' | 'lowPower';
/** A missing member is not known. */
export type NodeFeatures = { readonly [name in FeatureName]?: FeatureState };

export interface Transmit {
  /** Transmissions, 1 to 8: one more than the state. */
  readonly count: number;
  /** Milliseconds, 10 to 320 in steps of 10. */
  readonly interval: number;
}

export interface ElementEntry {
  readonly name?: string;
  /** The address of the element is the node's plus this. */
  readonly index: number;
  readonly location: Hex4;
  readonly models: readonly ModelEntry[];
}

export interface ModelEntry {
  /** Four hex digits, or eight of a vendor's: company, then model. */
  readonly modelId: string;
  readonly subscribe: readonly AddressOrLabel[];
  readonly publish?: PublishEntry;
  /** Indexes of AppKeys that the node has. */
  readonly bind: readonly number[];
}

export interface PublishEntry {
  readonly address: AddressOrLabel;
  /** AppKey index. */
  readonly index: number;
  /** 0 to 127; 255 is the default TTL of the node. */
  readonly ttl: number;
  readonly period: PublishPeriodEntry;
  /** 1: those of the friendship. */
  readonly credentials: 0 | 1;
  readonly retransmit: PublishRetransmitEntry;
}

export interface PublishPeriodEntry {
  /** 0 to 63; 0: no periodic publishing. */
  readonly numberOfSteps: number;
  /** Milliseconds of a step. */
  readonly resolution: 100 | 1000 | 10000 | 600000;
}

export interface PublishRetransmitEntry {
  /** Retransmissions, 0 to 7. */
  readonly count: number;
  /** Milliseconds, 50 to 1600 in steps of 50. */
  readonly interval: number;
}

export interface HeartbeatPublicationEntry {
  readonly address: Hex4;
  /** Seconds: 0, a power of two up to 32768, or 65535. */
  readonly period: number;
  /** 0 to 127. */
  readonly ttl: number;
  /** NetKey index. */
  readonly index: number;
  readonly features: readonly FeatureName[];
}

export interface HeartbeatSubscriptionEntry {
  readonly source: Hex4;
  readonly destination: Hex4;
}

export interface GroupEntry {
  readonly name: string;
  /** C000 to FEFF, or a label. */
  readonly address: AddressOrLabel;
  /** Address of another group, 0000 for none. */
  readonly parentAddress: AddressOrLabel;
}

export interface SceneEntry {
  /** 0001 to FFFF. */
  readonly number: Hex4;
  readonly name: string;
  /** Elements that have stored the scene. */
  readonly addresses: readonly Hex4[];
}

/** Addresses that must not be assigned while the IV Index is `ivIndex` or one more. */
export interface ExclusionEntry {
  readonly ivIndex: number;
  readonly addresses: readonly Hex4[];
}
