import type { Context, MessageType, Model, SendOptions } from '@meshferry/access';
import type { Cancel, Clock, MeshError, Random, Unicast } from '@meshferry/core';
import { RequestStep } from './request-step.ts';
import type { Verdict } from './update-judgment.ts';
import type { MutableReceiver } from './update-receivers.ts';

/** One step of an update: the same request to each receiver, and what answers and silence mean. */
export interface UpdateStep<T, R> {
  readonly type: MessageType<T>;
  value(receiver: MutableReceiver): T;
  readonly response: MessageType<R>;
  /** A receiver that has not answered for so long, ms, is judged silent. */
  readonly silenceMs: number;
  /** One that is still not done after so long, ms, is judged slow. Default: no such end. */
  readonly totalMs?: number;
  /** The answer comes in several parts: `again` asks for the next one at once. Default false. */
  readonly inParts?: boolean;
  judge(receiver: MutableReceiver, answer: R): Verdict;
  judgeSilence(receiver: MutableReceiver, why: 'silent' | 'slow'): Verdict;
  /** Takes down what an answer says besides the verdict. */
  take?(receiver: MutableReceiver, answer: R): void;
}

/** Who is asked and who is told. */
export interface StepRun {
  readonly model: Model;
  readonly clock: Clock;
  readonly random: Random;
  readonly to: Omit<SendOptions, 'dst'>;
  readonly receivers: readonly MutableReceiver[];
  /** Called around every change of a receiver's state. */
  change(receiver: MutableReceiver, verdict: Verdict, take: () => void): void;
  /** All are settled: once, never before `runUpdateStep` has returned, also when there was nobody to ask. */
  ended(): void;
  /** Instead of `ended`: this node cannot send. */
  failed(error: MeshError): void;
}

/** So many answers in a row that may be late ones are asked about again; the next one counts. */
const MOST_DOUBTS = 2;

/** Runs a step over some receivers; the returned function ends it without a word. */
export function runUpdateStep<T, R>(step: UpdateStep<T, R>, run: StepRun): Cancel {
  const { model, clock, random, to } = run;
  const byAddress = new Map<Unicast, MutableReceiver>();
  for (const receiver of run.receivers) byAddress.set(receiver.address, receiver);
  const at = (address: Unicast): MutableReceiver => byAddress.get(address) as MutableReceiver;

  const doubts = new Map<Unicast, number>();
  /** Whether a failure is to be asked about once more. Answers beyond the one that was asked for say nothing new. */
  const isDoubtful = (src: Unicast): boolean => {
    if (!requests.awaits(src)) return true;
    const doubt = (doubts.get(src) ?? 0) + 1;
    doubts.set(src, doubt);
    if (doubt > MOST_DOUBTS) return false;
    requests.again(src);
    return true;
  };

  const stopListening = model.listen(step.response, (answer: R, { src }: Context) => {
    if (!requests.expects(src)) return;
    const receiver = at(src);
    const verdict = step.judge(receiver, answer);
    if (verdict.kind === 'ignore') return;
    if (verdict.kind === 'fail' && verdict.mayBeLate === true && isDoubtful(src)) return;
    doubts.delete(src);
    run.change(receiver, verdict, () => step.take?.(receiver, answer));
    if (verdict.kind === 'again') requests.again(src, step.inParts);
    else requests.settle(src);
  });
  const requests = new RequestStep({
    clock,
    random,
    targets: [...byAddress.keys()],
    silenceMs: step.silenceMs,
    ...(step.totalMs === undefined ? {} : { totalMs: step.totalMs }),
    send: (target, done) => model.send(step.type, step.value(at(target)), { ...to, dst: target }, done),
    gaveUp: (target, why) => run.change(at(target), step.judgeSilence(at(target), why), () => {}),
    ended: () => {
      stopListening();
      run.ended();
    },
    failed: (error) => {
      stopListening();
      run.failed(error);
    },
  });
  return () => {
    stopListening();
    requests.stop();
  };
}
