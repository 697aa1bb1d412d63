/**
 * Network and transport layers of Bluetooth Mesh 1.1: encryption, relaying, replay protection, segmentation.
 *
 * ```ts
 * import { MemoryStore, SeededRandom, VirtualClock } from '@meshferry/core';
 * import { portableCrypto } from '@meshferry/crypto';
 * import { memoryAir } from '@meshferry/bearer';
 * import { NetworkLayer } from '@meshferry/network';
 *
 * const layer = new NetworkLayer({
 *   clock, random, crypto: portableCrypto, store: new MemoryStore(), host, address: 0x0001, elements: 1, deviceKey,
 * });
 * layer.addNetKey(0, netKey);
 * layer.addAppKey(0, 0, appKey);
 * layer.attach(memoryAir(clock, random).join().advertising);
 * layer.send({ src: 0x0001, dst: 0xc000, key: { kind: 'app', index: 0 }, payload }, (error) => console.log(error));
 * ```
 *
 * @packageDocumentation
 */
export { type AccessKeys, type DeviceKey, type OpenedAccess, openWithKeys } from './access-opener.ts';
export {
  decodeAddressRange,
  encodeAddressRange,
  type UnicastAddressRange,
} from './address-range.ts';
export { addressRefreshWrites } from './address-refresh.ts';
export { beaconIntervalMs } from './beacon-interval.ts';
export {
  type Beacon,
  decodeBeacon,
  encodeMeshPrivateBeacon,
  encodeSecureNetworkBeacon,
  encodeUnprovisionedDeviceBeacon,
  isAuthenticBeacon,
  type MeshPrivateBeacon,
  openMeshPrivateBeacon,
  type SecureNetworkBeacon,
  type UnprovisionedDeviceBeacon,
} from './beacon-pdu.ts';
export { authenticateBeacon, type BeaconKind } from './beacon-receiver.ts';
export type { Beacons } from './beacons.ts';
export type { SubnetBridge } from './bridge.ts';
export { type BridgingEntry, bridgingEntryFault } from './bridge-table.ts';
export * from './contract.ts';
export * from './control-message.ts';
export * from './control-messages.ts';
export type { ControlSend } from './control-sender.ts';
export type { NetworkCounters } from './counters.ts';
export type { PduError } from './decode-error.ts';
export { Feature, type FeatureName, type Features } from './features.ts';
export type { Friend, FriendEvent, LowPowerNode } from './friend.ts';
export type { FriendshipEnd } from './friend-context.ts';
export type { FriendLimits } from './friend-limits.ts';
export {
  decodeHeartbeat,
  encodeHeartbeat,
  type Heartbeat,
  HeartbeatMessage,
  hopsOf,
  OPCODE_HEARTBEAT,
} from './heartbeat-message.ts';
export * from './heartbeat-states.ts';
export type { Heartbeats } from './heartbeats.ts';
export {
  decodeProxyIdentity,
  encodeProxyIdentity,
  type HashedIdentityType,
  type IdentityKeys,
  isIdentityOf,
  namesNode,
  type ProxyIdentity,
  type ProxyIdentityType,
  proxyIdentity,
} from './identity-pdu.ts';
export type { RecognisedProxy } from './identity-recogniser.ts';
export type { GattInterface } from './interfaces.ts';
export { IV_UPDATE_SEQ_THRESHOLD, type IvUpdate } from './iv-update.ts';
export type { KeyManager } from './key-manager.ts';
export { type AppKeyMaterial, appKeyMaterial, NetKeyMaterial, type SubnetSecurity } from './key-material.ts';
export type { KeyRefreshPhase } from './key-records.ts';
export type { KeyRefreshEvent } from './key-refresh.ts';
export type { LowPower, LowPowerEvent, LowPowerState } from './low-power.ts';
export type { LowPowerSettings } from './low-power-settings.ts';
export * from './lower-transport-pdu.ts';
export { encodeFlags, type NetworkChange, type NetworkState } from './network-change.ts';
export { NetworkLayer } from './network-layer.ts';
export type { ReceivedPdu } from './network-receiver.ts';
export type { InitialAppKey, InitialNetKey, NetworkLayerOptions, NetworkLimits } from './options.ts';
export type { OutgoingSegments, OwnMessageKeeper, Segments } from './originator.ts';
export {
  decodeNetworkPdu,
  encodeNetworkPdu,
  NETWORK_PDU_MAX,
  NETWORK_PDU_MIN,
  type NetworkHeader,
  type NetworkPdu,
  type NetworkSecurity,
  type NonceKind,
  networkSecurity,
} from './pdu.ts';
export { ProxyChannel, type ProxyChannelListener } from './proxy-channel.ts';
export type { ProxyClientConnection, ProxyClientEvent, ProxyClientOptions, ProxyClientState } from './proxy-client.ts';
export {
  decodeProxyConfiguration,
  encodeProxyConfiguration,
  type ProxyConfiguration,
  type ProxyFilterType,
} from './proxy-configuration.ts';
export type { ProxyConnector, ProxyConnectorEvent, ProxyConnectorOptions } from './proxy-connector.ts';
export type { ProxyFeature } from './proxy-feature.ts';
export {
  PROVISIONING_SERVICE_LIMITS,
  PROXY_SERVICE_LIMITS,
  type ProxyMessageLimits,
  ProxyMessageType,
  ProxyReassembler,
  type ProxyReassemblerListener,
  segmentProxyMessage,
} from './proxy-pdu.ts';
export type { ProxyStates } from './proxy-states.ts';
export { Reassembly } from './reassembly.ts';
export { DEFAULT_SAR_RECEIVER, DEFAULT_SAR_TRANSMITTER } from './sar-states.ts';
export { fullOctets, isSameMessage, type Segment } from './segment.ts';
export {
  decodeSolicitationPdu,
  encodeSolicitationPdu,
  type Solicitation,
  solicitationPduOf,
  solicitationServiceData,
} from './solicitation-pdu.ts';
export { decodeTransmit, encodeTransmit } from './transmit-state.ts';
export type { ControlReceived } from './transport-receiver.ts';
export {
  ACCESS_MAX,
  ACCESS_MAX_SZMIC,
  type AccessSecurityFields,
  openAccess,
  sealAccess,
  UNSEGMENTED_ACCESS_MAX,
} from './upper-transport.ts';
