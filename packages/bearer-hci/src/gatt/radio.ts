import type { Cancel, Unsubscribe } from '@meshferry/core';
import type { Procedure } from '../procedure.ts';

/** A connectable advertisement as it was heard. The octets are good during the call only. */
export interface ConnectableReport {
  /** 0 public, 1 random. */
  readonly addressType: number;
  /** 6 octets in the order of the wire. */
  readonly address: Uint8Array;
  /** Whole advertising data. */
  readonly data: Uint8Array;
  /** dBm, as in the report: 127 is "not known". */
  readonly rssi: number;
}

/** What connections need of scanning, which they share with the mesh. */
export interface SharedScanning {
  /** `heard` is called for every connectable advertisement (ADV_IND); scanning goes on while anybody listens. */
  connectable(heard: (report: ConnectableReport) => void): Unsubscribe;
  /**
   * Scanning stops until the returned function is called; `paused` is called once it has stopped (or never was), perhaps
   * before this returned. Pauses of several callers add up.
   */
  pause(paused: () => void): Cancel;
}

/**
 * Connectable advertising as whoever owns the advertising sets runs it. Both procedures bear an unexpected state: `stop` may
 * follow when the controller ended it itself on a connection.
 */
export interface ConnectableJob {
  /** Sets parameters, address and data, and enables. `set`: the advertising handle; of no use with the legacy commands. */
  start(set: number): Procedure<void>;
  /** Disables. */
  stop(set: number): Procedure<void>;
}

/** What connections need of advertising, which they share with the mesh. */
export interface SharedAdvertising {
  /**
   * Runs one job until cancelled (`stop` follows), each time the controller comes up: on a set of its own where there
   * are two or more; on the only one while no AD structure waits: mesh PDUs go first, `stop` comes before them and `start`
   * when the queue is empty again. The parameters and data of the set are then other than before.
   */
  connectable(job: ConnectableJob): Cancel;
}
