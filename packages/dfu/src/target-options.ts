import type { BlobServer } from '@meshferry/blob';
import type { Log, Store } from '@meshferry/core';
import type { TargetApplication } from './target-application.ts';
import { UpdateStatus } from './update-codes.ts';

/** Model identifier of the Firmware Update Server. */
export const FIRMWARE_UPDATE_SERVER = 0x1402;

/** What a {@link FirmwareUpdateServer} stands on. */
export interface FirmwareUpdateServerOptions {
  /** A view of its own. Each change of phase is durable before it is answered. */
  readonly store: Store;
  /** The BLOB Transfer Server of the same element. It serves this update server alone. */
  readonly blob: BlobServer;
  readonly application: TargetApplication;
  readonly log?: Log;
}

/** The status that answers a Start which the application refuses. */
export const REFUSALS: Readonly<Record<'resources' | 'busy' | 'internal', number>> = {
  resources: UpdateStatus.insufficientResources,
  busy: UpdateStatus.temporarilyUnavailable,
  internal: UpdateStatus.internalError,
};
