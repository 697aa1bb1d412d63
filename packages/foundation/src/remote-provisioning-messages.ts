import {
  countOf,
  type Field,
  list,
  type MessageType,
  message,
  octets,
  optional,
  rest,
  s8,
  sized,
  struct,
  u8,
  u16,
  uintWhere,
  when,
} from '@meshferry/access';

/* Remote Provisioning models: scanning and a link to a device through another node. */
const source = 'Mesh Protocol 1.1 4.3.4';

/** Asks what the server can scan. */
export const RemoteProvisioningScanCapabilitiesGet = message({
  name: 'Remote Provisioning Scan Capabilities Get',
  opcode: 0x804f,
  response: 'Remote Provisioning Scan Capabilities Status',
  source,
  fields: {},
});

/** Devices that the server remembers in a scan (4 or more), and whether it scans actively. */
export const RemoteProvisioningScanCapabilitiesStatus = message({
  name: 'Remote Provisioning Scan Capabilities Status',
  opcode: 0x8050,
  source,
  fields: { maxScannedItems: u8(), activeScan: u8({ max: 1 }) },
});

/** Asks for the state of the scan. */
export const RemoteProvisioningScanGet = message({
  name: 'Remote Provisioning Scan Get',
  opcode: 0x8051,
  response: 'Remote Provisioning Scan Status',
  source,
  fields: {},
});

/** Scans for unprovisioned devices, or for one; `scannedItemsLimit` 0: as many as the server can; `timeout` in s. */
export const RemoteProvisioningScanStart = message({
  name: 'Remote Provisioning Scan Start',
  opcode: 0x8052,
  response: 'Remote Provisioning Scan Status',
  source,
  fields: { scannedItemsLimit: u8(), timeout: u8({ min: 1 }), uuid: optional(octets(16)) },
});

/** Ends the scan. */
export const RemoteProvisioningScanStop = message({
  name: 'Remote Provisioning Scan Stop',
  opcode: 0x8053,
  response: 'Remote Provisioning Scan Status',
  source,
  fields: {},
});

/** Tells the scan: `rpScanning` 0 idle, 1 many devices, 2 one device; `timeout` is the time left, s. */
export const RemoteProvisioningScanStatus = message({
  name: 'Remote Provisioning Scan Status',
  opcode: 0x8054,
  source,
  fields: { status: u8(), rpScanning: u8({ max: 2 }), scannedItemsLimit: u8(), timeout: u8() },
});

/** An unprovisioned device was heard; `rssi` in dBm, 127 unknown. Sent segmented. Some nodes send `oobInformation` big-endian. */
export const RemoteProvisioningScanReport = message({
  name: 'Remote Provisioning Scan Report',
  opcode: 0x8055,
  source,
  fields: { rssi: s8(), uuid: octets(16), oobInformation: u16(), uriHash: optional(octets(4)) },
});

/** Asks for AD types of a device (`timeout` in s), or of the server itself; Extended Scan Report follows. */
export const RemoteProvisioningExtendedScanStart = message({
  name: 'Remote Provisioning Extended Scan Start',
  opcode: 0x8056,
  source,
  fields: {
    adTypesCount: countOf('adTypes', u8({ min: 1, max: 16 })),
    adTypes: list(adType(), { min: 1, max: 16, count: 'adTypesCount' }),
    uuid: optional(octets(16)),
    timeout: when((soFar) => soFar.uuid !== undefined, u8({ min: 1, max: 0x15 })),
  },
  check: ({ adTypes, uuid, timeout }) => {
    if (new Set(adTypes).size < adTypes.length) return { field: 'adTypes', reason: 'a type stands twice' };
    return (uuid === undefined) === (timeout === undefined)
      ? undefined
      : { field: 'timeout', reason: 'goes with uuid' };
  },
});

/** What the extended scan found; without `oobInformation` the device was not found. Sent segmented. */
export const RemoteProvisioningExtendedScanReport = message({
  name: 'Remote Provisioning Extended Scan Report',
  opcode: 0x8057,
  source,
  fields: {
    status: u8(),
    uuid: octets(16),
    oobInformation: optional(u16()),
    adStructures: when(
      (soFar) => soFar.oobInformation !== undefined,
      list(sized(struct({ type: u8(), data: rest({ max: 254 }) }))),
    ),
  },
});

/** Asks for the state of the link. */
export const RemoteProvisioningLinkGet = message({
  name: 'Remote Provisioning Link Get',
  opcode: 0x8058,
  response: 'Remote Provisioning Link Status',
  source,
  fields: {},
});

/** Opens a link to a device (`timeout` in s), or to the node itself for an NPPI procedure: 0 device key, 1 address, 2 composition refresh. */
export const RemoteProvisioningLinkOpen = message({
  name: 'Remote Provisioning Link Open',
  opcode: 0x8059,
  response: 'Remote Provisioning Link Status',
  source,
  fields: {
    uuid: when((_, remaining) => remaining >= 16, octets(16)),
    timeout: when((soFar, remaining) => soFar.uuid !== undefined && remaining > 0, u8({ min: 1, max: 0x3c })),
    nppiProcedure: when((soFar) => soFar.uuid === undefined, u8({ max: 2 })),
  },
  check: ({ uuid, timeout, nppiProcedure }) => {
    if ((uuid === undefined) === (nppiProcedure === undefined))
      return { field: 'nppiProcedure', reason: 'stands instead of uuid' };
    return timeout !== undefined && uuid === undefined ? { field: 'timeout', reason: 'goes with uuid' } : undefined;
  },
});

/** Closes the link: 0 success, 2 failure. */
export const RemoteProvisioningLinkClose = message({
  name: 'Remote Provisioning Link Close',
  opcode: 0x805a,
  response: 'Remote Provisioning Link Status',
  source,
  fields: { reason: closeReason() },
});

/** Answers about the link; `rpState` as in Link Report. */
export const RemoteProvisioningLinkStatus = message({
  name: 'Remote Provisioning Link Status',
  opcode: 0x805b,
  source,
  fields: { status: u8(), rpState: u8({ max: 4 }) },
});

/** The link changed: 0 idle, 1 opening, 2 active, 3 outbound packet transfer, 4 closing. Sent segmented. */
export const RemoteProvisioningLinkReport = message({
  name: 'Remote Provisioning Link Report',
  opcode: 0x805c,
  source,
  fields: { status: u8(), rpState: u8({ max: 4 }), reason: optional(u8()) },
});

/** A Provisioning PDU for the device, counted from 1; PDU Outbound Report follows. */
export const RemoteProvisioningPduSend = message({
  name: 'Remote Provisioning PDU Send',
  opcode: 0x805d,
  source,
  fields: { outboundPduNumber: u8(), provisioningPdu: rest({ min: 1 }) },
});

/** The device has taken the PDU of this number. Sent segmented. */
export const RemoteProvisioningPduOutboundReport = message({
  name: 'Remote Provisioning PDU Outbound Report',
  opcode: 0x805e,
  source,
  fields: { outboundPduNumber: u8() },
});

/** A Provisioning PDU from the device, counted from 1. Sent segmented. */
export const RemoteProvisioningPduReport = message({
  name: 'Remote Provisioning PDU Report',
  opcode: 0x805f,
  source,
  fields: { inboundPduNumber: u8(), provisioningPdu: rest({ min: 1 }) },
});

/** All messages of the Remote Provisioning models. */
export const REMOTE_PROVISIONING_MESSAGES: readonly MessageType<unknown>[] = [
  RemoteProvisioningScanCapabilitiesGet,
  RemoteProvisioningScanCapabilitiesStatus,
  RemoteProvisioningScanGet,
  RemoteProvisioningScanStart,
  RemoteProvisioningScanStop,
  RemoteProvisioningScanStatus,
  RemoteProvisioningScanReport,
  RemoteProvisioningExtendedScanStart,
  RemoteProvisioningExtendedScanReport,
  RemoteProvisioningLinkGet,
  RemoteProvisioningLinkOpen,
  RemoteProvisioningLinkClose,
  RemoteProvisioningLinkStatus,
  RemoteProvisioningLinkReport,
  RemoteProvisioningPduSend,
  RemoteProvisioningPduOutboundReport,
  RemoteProvisioningPduReport,
] as readonly MessageType<unknown>[];

/** AD types that can be asked for: of names and UUID lists the complete forms, which stand for both. */
function adType(): Field<number> {
  const refused = [0x02, 0x04, 0x06, 0x08];
  return uintWhere(8, (value) => !refused.includes(value), 'an AD type that can be asked for');
}

/** Why a link is closed; 1, a timeout, is not for Link Close. */
function closeReason(): Field<number> {
  return uintWhere(8, (value) => value === 0 || value === 2, 'a reason (0, 2)');
}
