import type { MessageType } from '@meshferry/access';
import {
  FirmwareDistributionFirmwareDelete,
  FirmwareDistributionFirmwareDeleteAll,
  FirmwareDistributionFirmwareGet,
  FirmwareDistributionFirmwareGetByIndex,
  FirmwareDistributionFirmwareStatus,
  FirmwareDistributionUploadCancel,
  FirmwareDistributionUploadGet,
  FirmwareDistributionUploadOobStart,
  FirmwareDistributionUploadStart,
  FirmwareDistributionUploadStatus,
} from './distribution-image-messages.ts';
import {
  FirmwareDistributionApply,
  FirmwareDistributionCancel,
  FirmwareDistributionCapabilitiesGet,
  FirmwareDistributionCapabilitiesStatus,
  FirmwareDistributionGet,
  FirmwareDistributionStart,
  FirmwareDistributionStatus,
  FirmwareDistributionSuspend,
} from './distribution-messages.ts';
import {
  FirmwareDistributionReceiversAdd,
  FirmwareDistributionReceiversDeleteAll,
  FirmwareDistributionReceiversGet,
  FirmwareDistributionReceiversList,
  FirmwareDistributionReceiversStatus,
} from './distribution-receivers-messages.ts';

/** All messages of the Firmware Distribution models, for a catalogue: in the order of their opcodes. */
export const FIRMWARE_DISTRIBUTION_MESSAGES: readonly MessageType<unknown>[] = [
  FirmwareDistributionReceiversAdd,
  FirmwareDistributionReceiversDeleteAll,
  FirmwareDistributionReceiversStatus,
  FirmwareDistributionReceiversGet,
  FirmwareDistributionReceiversList,
  FirmwareDistributionCapabilitiesGet,
  FirmwareDistributionCapabilitiesStatus,
  FirmwareDistributionGet,
  FirmwareDistributionStart,
  FirmwareDistributionSuspend,
  FirmwareDistributionCancel,
  FirmwareDistributionApply,
  FirmwareDistributionStatus,
  FirmwareDistributionUploadGet,
  FirmwareDistributionUploadStart,
  FirmwareDistributionUploadOobStart,
  FirmwareDistributionUploadCancel,
  FirmwareDistributionUploadStatus,
  FirmwareDistributionFirmwareGet,
  FirmwareDistributionFirmwareGetByIndex,
  FirmwareDistributionFirmwareDelete,
  FirmwareDistributionFirmwareDeleteAll,
  FirmwareDistributionFirmwareStatus,
] as readonly MessageType<unknown>[];
