/** Status of the Configuration, Directed Forwarding, Bridge and Private Beacon messages [Mesh Protocol 1.1, 4.3]. */
export const ConfigurationStatus = {
  success: 0x00,
  invalidAddress: 0x01,
  invalidModel: 0x02,
  invalidAppKeyIndex: 0x03,
  invalidNetKeyIndex: 0x04,
  insufficientResources: 0x05,
  keyIndexAlreadyStored: 0x06,
  invalidPublishParameters: 0x07,
  notASubscribeModel: 0x08,
  storageFailure: 0x09,
  featureNotSupported: 0x0a,
  cannotUpdate: 0x0b,
  cannotRemove: 0x0c,
  cannotBind: 0x0d,
  temporarilyUnableToChangeState: 0x0e,
  cannotSet: 0x0f,
  unspecifiedError: 0x10,
  invalidBinding: 0x11,
  invalidPathEntry: 0x12,
  cannotGet: 0x13,
  obsoleteInformation: 0x14,
  invalidBearer: 0x15,
} as const;

/** Status of the Remote Provisioning messages [4.3.4]. */
export const RemoteProvisioningStatus = {
  success: 0x00,
  scanningCannotStart: 0x01,
  invalidState: 0x02,
  limitedResources: 0x03,
  linkCannotOpen: 0x04,
  linkOpenFailed: 0x05,
  linkClosedByDevice: 0x06,
  linkClosedByServer: 0x07,
  linkClosedByClient: 0x08,
  linkClosedAsCannotReceivePdu: 0x09,
  linkClosedAsCannotSendPdu: 0x0a,
  linkClosedAsCannotDeliverPduReport: 0x0b,
} as const;

/** Status of Opcodes Aggregator Status. */
export const AggregatorStatus = {
  success: 0x00,
  invalidAddress: 0x01,
  wrongAccessKey: 0x02,
  wrongOpcode: 0x03,
  messageNotUnderstood: 0x04,
  responseOverflow: 0x05,
} as const;
