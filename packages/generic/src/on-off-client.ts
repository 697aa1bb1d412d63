import { type MessageOf, Model, request, type SendOptions } from '@meshferry/access';
import { type Address, type Cancel, formatAddress, MeshError, type Result, type Timer } from '@meshferry/core';
import {
  GenericOnOffGet,
  GenericOnOffSet,
  GenericOnOffSetUnacknowledged,
  GenericOnOffStatus,
} from './on-off-messages.ts';
import { GenericOnOffModelId, type OnOff } from './on-off-server.ts';
import { TRANSACTION_MS } from './transactions.ts';
import type { TransitionTime } from './transition-time.ts';

/** How a change is to happen. */
export interface Change {
  /** Default: as the server's Default Transition Time says. */
  readonly transitionTime?: TransitionTime;
  /** When the transition begins, ms from the command, in steps of 5 to 1275; goes with `transitionTime`. Default 0. */
  readonly delayMs?: number;
}

/** A state that was told. */
export type GenericOnOffState = MessageOf<typeof GenericOnOffStatus>;

/** An acknowledged command is repeated so often, all within the time for which its Transaction Identifier is one. */
const ATTEMPTS = 4;
const INTERVAL_MS = TRANSACTION_MS / ATTEMPTS - 1;

/** Copies of an unacknowledged command, and from one to the next, ms. */
const COPIES = 3;
const COPY_INTERVAL_MS = 100;

const DELAY_STEP_MS = 5;

/** Generic OnOff Client [Mesh Model 1.1, 3.4.1]: asks for the state of servers and changes it. */
export class GenericOnOffClient {
  readonly model: Model;
  readonly #nextTid = new Map<Address, number>();
  /** By destination, what ends a command that may still be repeated: after a newer one it would undo that. */
  readonly #repeating = new Map<Address, () => void>();

  /** `heard` is told each Status, asked for or published. */
  constructor(heard?: (state: GenericOnOffState, from: Address) => void) {
    this.model = new Model({ id: GenericOnOffModelId.client, name: 'Generic OnOff Client' });
    this.model.handle(GenericOnOffStatus, heard && ((state, { src }) => heard(state, src)));
  }

  /** Asks for the state; `done` as of `request`. */
  get(to: SendOptions, done: (outcome: Result<GenericOnOffState, MeshError>) => void): Cancel {
    const asked = { type: GenericOnOffGet, value: {}, to, response: GenericOnOffStatus };
    return request(this.model, { ...asked, attempts: ATTEMPTS, intervalMs: INTERVAL_MS }, done);
  }

  /**
   * Changes the state of one server and waits for its answer; `done` as of `request`, or with `superseded` when a newer
   * command for the same destination comes before.
   */
  set(
    onOff: OnOff,
    to: SendOptions,
    change: Change,
    done: (outcome: Result<GenericOnOffState, MeshError>) => void,
  ): Cancel {
    const value = this.#command(onOff, to.dst, change);
    const matches = (state: GenericOnOffState): boolean => (state.targetOnOff ?? state.presentOnOff) === onOff;
    const asked = { type: GenericOnOffSet, value, to, response: GenericOnOffStatus, matches };
    let isSuperseded = false;
    const cancel = request(this.model, { ...asked, attempts: ATTEMPTS, intervalMs: INTERVAL_MS }, (outcome) => {
      ended();
      done(isSuperseded ? { ok: false, error: superseded(to.dst) } : outcome);
    });
    const ended = this.#repeat(to.dst, () => {
      isSuperseded = true;
      cancel();
    });
    return cancel;
  }

  /**
   * Changes the state of many servers, by a group: the command is sent three times. With a `transitionTime` and a
   * delay of 200 ms or more all of them begin together, whichever copy they heard.
   */
  setUnacknowledged(onOff: OnOff, to: SendOptions, change: Change = {}): void {
    const value = this.#command(onOff, to.dst, change);
    const copies: Timer[] = [];
    const ended = this.#repeat(to.dst, () => {
      for (const copy of copies) copy.cancel();
    });
    for (let copy = 0; copy < COPIES; copy++) {
      const passed = copy * COPY_INTERVAL_MS;
      const delay = value.delay && Math.max(0, value.delay - passed / DELAY_STEP_MS);
      const send = (): void => {
        if (copy === COPIES - 1) ended();
        this.model.send(GenericOnOffSetUnacknowledged, { ...value, delay }, to);
      };
      copies.push(this.model.clock.after(passed, send));
    }
  }

  /** `end` will be called when a newer command comes, unless the returned function was before. */
  #repeat(dst: Address, end: () => void): () => void {
    this.#repeating.set(dst, end);
    return () => {
      if (this.#repeating.get(dst) === end) this.#repeating.delete(dst);
    };
  }

  #command(onOff: OnOff, dst: Address, change: Change): MessageOf<typeof GenericOnOffSet> {
    const { transitionTime, delayMs = 0 } = change;
    const former = this.#repeating.get(dst);
    this.#repeating.delete(dst);
    former?.();
    const tid = this.#nextTid.get(dst) ?? 0;
    this.#nextTid.set(dst, (tid + 1) & 0xff);
    const delay = transitionTime === undefined ? undefined : Math.round(delayMs / DELAY_STEP_MS);
    return { onOff, tid, transitionTime, delay };
  }
}

function superseded(dst: Address): MeshError {
  return new MeshError('superseded', `a newer command for ${formatAddress(dst)} came before the answer`, {
    hint: 'Wait for the answer to the newer one.',
  });
}
