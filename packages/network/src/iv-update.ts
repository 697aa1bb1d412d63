import { type Clock, Deadline, type Log, MeshError, toMeshError, type Write } from '@meshferry/core';
import type { IvIndexRecord, IvIndexState } from './iv-index.ts';
import { decideIvUpdate, HOUR_MS, HOURS_BETWEEN_STARTS, HOURS_IN_STATE } from './iv-rules.ts';
import type { NetworkChange, NetworkState } from './network-change.ts';
import type { ReplayList } from './replay-list.ts';
import type { SarTransmitterQueue } from './sar-transmitter.ts';
import type { SequenceAllocator } from './sequence.ts';

/** From this SEQ on a member of the primary subnet asks for a new IV Index [Mesh Protocol 1.1, 3.11.5; as other stacks]. */
export const IV_UPDATE_SEQ_THRESHOLD = 0x80_0000;
/**
 * A node that heard of no end ends an update by itself then, ms: before 144 h, with a margin for the hours that it was
 * switched off and did not count. The node that began it does so at 96 h.
 */
const OWN_END_MS = 130 * HOUR_MS;

export interface IvUpdateOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly iv: IvIndexState;
  readonly sequence: SequenceAllocator;
  readonly replay: ReplayList;
  readonly outgoing: SarTransmitterQueue;
  /** Whether this node has the primary NetKey: only then it starts updates. */
  isPrimaryMember(): boolean;
  changed(change: NetworkChange): void;
}

/**
 * The IV Update procedure and IV Index Recovery [Mesh Protocol 1.1, 3.11.5, 3.11.6]: two states, Normal Operation and IV
 * Update in Progress, that follow authentic beacons and Friend Updates, or the node's own need of sequence numbers.
 * Times spent in a state survive a restart; while a node is off they stand still, which only makes it wait longer.
 */
export class IvUpdate {
  /** IV Update test mode: the 96 h limits do not apply. A local switch, off after a restart. */
  testMode = false;
  readonly #options: IvUpdateOptions;
  /** Clock times of what the record counts. */
  #stateSince = 0;
  #recoveredAt: number | undefined;
  #initiatedAt: number | undefined;
  #savedAt = 0;
  /** The end of the update waits for segmented messages. */
  #ending = false;
  #closed = false;
  readonly #own: Deadline;

  constructor(options: IvUpdateOptions) {
    this.#options = options;
    this.#own = new Deadline(options.clock, () => this.#ownTransition());
    this.#takeTimes();
    options.sequence.onBlock = () => this.plan();
    this.plan();
  }

  /** The current IV Index, 32 bits, as beacons carry it. */
  get ivIndex(): number {
    return this.#options.iv.current;
  }

  /** The IV Update Flag: IV Update in Progress. */
  get updating(): boolean {
    return this.#options.iv.updating;
  }

  /** Time in this state as far as it is known, hours. */
  get hoursInState(): number {
    return (this.#options.clock.now - this.#stateSince) / HOUR_MS;
  }

  /** Follows an authentic beacon or Friend Update of a subnet that counts. */
  heard({ ivIndex, ivUpdate }: Pick<NetworkState, 'ivIndex' | 'ivUpdate'>): void {
    const { iv, clock } = this.#options;
    const decision = decideIvUpdate(
      {
        ivIndex: iv.current,
        updating: iv.updating,
        hoursInState: this.testMode || iv.record.unlimited ? Number.POSITIVE_INFINITY : this.hoursInState,
        hoursSinceRecovery: this.#recoveredAt === undefined ? undefined : (clock.now - this.#recoveredAt) / HOUR_MS,
      },
      { ivIndex, updating: ivUpdate },
    );
    if (decision === 'start') this.#start('heard');
    else if (decision === 'end') this.#end('heard');
    else if (decision === 'recover') this.#recover(ivIndex, ivUpdate);
  }

  /**
   * The signal of IV Update test mode: begins an update, or ends the one in progress, whatever the time. Throws
   * `not-in-test-mode`. False when the state is that one already.
   */
  test(updating: boolean): boolean {
    if (!this.testMode) {
      throw new MeshError('not-in-test-mode', 'IV Update test mode is off', { hint: 'Switch testMode on first.' });
    }
    if (updating === this.updating) return false;
    if (updating) this.#start('own');
    else this.#end('own');
    return true;
  }

  /**
   * Sets the time of the transition that this node will make by itself, if there will be one. To be called when it has
   * joined or left the primary subnet.
   */
  plan(): void {
    const at = this.#closed ? undefined : this.#ownTransitionAt();
    if (at === undefined) this.#own.clear();
    else this.#own.set(at - this.#options.clock.now);
  }

  /** To be called whenever there is something to do anyway: writes the times, once an hour. */
  keepTime(): void {
    if (this.#options.clock.now - this.#savedAt >= HOUR_MS) this.#save();
  }

  /** Writes the times and stops. */
  close(): void {
    this.#closed = true;
    this.#own.clear();
    if (this.#options.clock.now - this.#savedAt >= HOUR_MS / 60) this.#save();
  }

  #start(cause: 'own' | 'heard'): void {
    const { iv } = this.#options;
    if (iv.current === 0xffff_ffff) return;
    const initiator = cause === 'own';
    const record = { ...this.#record(), ivIndex: iv.current + 1, updating: true, unlimited: false, initiator };
    this.#change(cause, { ...record, inState: 0, ...(initiator ? { sinceInitiative: 0 } : {}) });
  }

  /** Now, or as soon as no segmented message is under way: all its segments have the IV Index of the first. */
  #end(cause: 'own' | 'heard'): void {
    if (this.#ending) return;
    this.#ending = true;
    const { ivIndex } = this;
    this.#options.outgoing.drain(() => {
      this.#ending = false;
      if (!this.updating || this.ivIndex !== ivIndex) return; // recovered meanwhile
      const record = { ...this.#record(), updating: false, unlimited: false, initiator: false, inState: 0 };
      this.#restartSequence(cause, record);
    });
  }

  #recover(ivIndex: number, updating: boolean): void {
    this.#options.log('warn', 'IV Index recovered', { from: this.ivIndex, to: ivIndex });
    const record = { ...this.#record(), ivIndex, updating, unlimited: true, initiator: false };
    if (!this.#restartSequence('recovery', { ...record, inState: 0, sinceRecovery: 0 })) return;
    this.#options.outgoing.restart();
  }

  /** A new IV Index to transmit with, under which no SEQ has been used: both are written together. */
  #restartSequence(cause: 'own' | 'heard' | 'recovery', record: IvIndexRecord): boolean {
    return this.#change(cause, record, (commit) => this.#options.sequence.restart(commit));
  }

  #change(
    cause: 'own' | 'heard' | 'recovery',
    record: IvIndexRecord,
    alongside: (commit: (write?: Write) => void) => void = (commit) => commit(),
  ): boolean {
    const { iv, replay, log, changed } = this.#options;
    try {
      alongside((write) => iv.write(record, write === undefined ? [] : [write]));
    } catch (thrown) {
      log('error', 'the IV Index could not be written: it stays', { code: toMeshError(thrown).code });
      this.#own.set(HOUR_MS); // the next beacon comes back to it, too
      return false;
    }
    this.#takeTimes();
    try {
      replay.prune(record.ivIndex - 1);
    } catch (thrown) {
      log('warn', 'old replay entries could not be deleted', { code: toMeshError(thrown).code });
    }
    this.plan();
    changed({ type: 'iv-index', ivIndex: record.ivIndex, updating: record.updating, cause });
    return true;
  }

  #ownTransitionAt(): number | undefined {
    const { iv, sequence, isPrimaryMember } = this.#options;
    const limit = this.#stateSince + HOURS_IN_STATE * HOUR_MS;
    if (iv.updating) return iv.record.initiator ? limit : this.#stateSince + OWN_END_MS;
    if (sequence.next < IV_UPDATE_SEQ_THRESHOLD || !isPrimaryMember() || iv.current === 0xffff_ffff) return undefined;
    const initiated = this.#initiatedAt ?? Number.NEGATIVE_INFINITY;
    return Math.max(limit, initiated + HOURS_BETWEEN_STARTS * HOUR_MS);
  }

  #ownTransition(): void {
    const at = this.#ownTransitionAt() ?? Number.POSITIVE_INFINITY;
    if (at - this.#options.clock.now > 1) this.plan();
    else if (this.updating) this.#end('own');
    else this.#start('own');
  }

  #record(): IvIndexRecord {
    const { clock, iv } = this.#options;
    const since = (time: number | undefined) => (time === undefined ? undefined : clock.now - time);
    return {
      ...iv.record,
      inState: clock.now - this.#stateSince,
      sinceRecovery: since(this.#recoveredAt),
      sinceInitiative: since(this.#initiatedAt),
    };
  }

  #takeTimes(): void {
    const { clock, iv } = this.#options;
    const { inState, sinceRecovery, sinceInitiative } = iv.record;
    const at = (age: number | undefined) => (age === undefined ? undefined : clock.now - age);
    this.#stateSince = clock.now - inState;
    this.#recoveredAt = at(sinceRecovery);
    this.#initiatedAt = at(sinceInitiative);
    this.#savedAt = clock.now;
  }

  #save(): void {
    const { iv, log, clock } = this.#options;
    this.#savedAt = clock.now;
    try {
      iv.write(this.#record());
    } catch (thrown) {
      log('warn', 'the time of the IV Index could not be written', { code: toMeshError(thrown).code });
    }
  }
}
