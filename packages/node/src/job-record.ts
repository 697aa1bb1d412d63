import type { Unicast } from '@meshferry/core';
import type { UndoStep } from './job-undo.ts';
import type { NodeProfile } from './profile.ts';
import type { JobPhase, TargetPhase, UpdatePlan } from './update-job-types.ts';

/** What is kept of a job until it is done: with the image, enough to go on in another process. */
export interface SavedJob {
  readonly request: UpdatePlan;
  readonly imageSize: number;
  /** SHA-256 of the image, lower-case hex. */
  readonly imageSha256: string;
  readonly phase: JobPhase;
  readonly targets: readonly SavedTarget[];
  /** The targets that are being updated now; null between two waves. */
  readonly wave: JobWave | null;
  /** Of a job through a Distributor: the upload's BLOB ID, where the image is in its list, and how the image is sent. */
  readonly remote: JobRemote;
  /** What is to be taken back at the end, in the order in which it was done. */
  readonly undo: readonly UndoStep[];
  /** Nodes that have left the network and are to be provisioned anew. */
  readonly departed: readonly DepartedNode[];
  /** How often lost targets were taken up again. */
  readonly rounds: number;
  readonly totalSeconds: number;
  readonly transferSeconds: number;
  /** Records of earlier versions have none. */
  readonly uploadSeconds?: number;
  readonly chunksSent: number;
  readonly chunksResent: number;
}

export interface SavedTarget {
  readonly address: Unicast;
  /** `waiting` until it was checked, `checked` until it has come to an end. */
  readonly phase: TargetPhase;
  readonly effect: number | null;
  readonly firmwareIdBefore: Uint8Array | null;
  readonly firmwareIdAfter: Uint8Array | null;
  /** Why it took no part, or did not get to the end. */
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string } | null;
  readonly notice: string | null;
}

/** Targets that are updated together: by one run of the update client, or by one distribution. */
export interface JobWave {
  readonly receivers: readonly Unicast[];
  /** Of the update from this node: tells its record in the update client's store from another's. */
  readonly blobId: bigint;
  /** As the Distributor was started, or will be: only the same parameters resume. */
  readonly policy: 'verify' | 'apply';
  /** The Distributor may have got the Start. */
  begun: boolean;
  /** The Distributor has ended, and its report is in the targets. */
  ended: boolean;
}

export interface JobRemote {
  uploadBlobId?: bigint;
  imageIndex?: number;
  /** Of the slot that is being filled by SMP: what it holds is not the whole image yet. */
  slotIndex?: number;
  mode?: 'push' | 'pull';
}

/** A node that was provisioned and configured in the network, and is not any more. */
export interface DepartedNode {
  readonly address: Unicast;
  readonly uuid: Uint8Array;
  readonly name: string | null;
  /** How it was configured, without what the job had added. */
  readonly profile: NodeProfile;
}
