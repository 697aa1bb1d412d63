import { addressKind, type Cancel, fail, formatAddress, MeshError, ok, type Result, type Timer } from '@meshferry/core';
import type { Context, SendOptions } from './contract.ts';
import type { MessageType } from './message.ts';
import type { Model } from './model.ts';

/** An acknowledged message and what answers it. */
export interface Request<T, R> {
  readonly type: MessageType<T>;
  readonly value: T;
  readonly to: SendOptions;
  /** What the model must have declared with `handle`. */
  readonly response: MessageType<R>;
  /** Whether a response of the right type and source answers this request and not another. Default: it does. */
  readonly matches?: (response: R, context: Context) => boolean;
  /** Transmissions in all, 1 or more. */
  readonly attempts: number;
  /** From the end of one transmission (its last segment acknowledged, when segmented) to the next, and after the last one, ms. */
  readonly intervalMs: number;
}

/**
 * Sends an acknowledged message until its response comes [Mesh Protocol 1.1, 3.7.3.2]; 30 s in all are recommended. The
 * response must come from the element asked (from anyone, when a group was asked: the first one counts).
 *
 * `done` is called once, never before `request` returned: with the response, or with `no-response`, `cancelled`, or an
 * error of sending that another attempt cannot mend. A segmented message that was not acknowledged counts as an attempt.
 * Throws as `Model.send` and `Model.listen` do.
 */
export function request<T, R>(
  model: Model,
  asked: Request<T, R>,
  done: (outcome: Result<R, MeshError>) => void,
): Cancel {
  const { type, value, to, response, matches } = asked;
  const fromAnyone = addressKind(to.dst) !== 'unicast';
  let attempts = 0;
  let ended = false;
  let timer: Timer | undefined;
  let cancelSend: Cancel | undefined;

  const end = (outcome: Result<R, MeshError>): void => {
    if (ended) return;
    ended = true;
    stopListening();
    timer?.cancel();
    cancelSend?.();
    done(outcome);
  };
  const attempt = (): void => {
    attempts++;
    cancelSend = model.send(type, value, to, sent);
  };
  const sent = (error?: MeshError): void => {
    if (ended) return;
    cancelSend = undefined;
    if (error !== undefined && !isPassing(error)) {
      end(fail(error));
      return;
    }
    timer = model.clock.after(asked.intervalMs, () => {
      if (attempts < asked.attempts) attempt();
      else end(fail(noResponse(asked)));
    });
  };

  const stopListening = model.listen(response, (answer, context) => {
    if (!fromAnyone && context.src !== to.dst) return;
    if (matches === undefined || matches(answer, context)) end(ok(answer));
  });
  try {
    attempt();
  } catch (error) {
    stopListening();
    throw error;
  }
  return () => end(fail(new MeshError('cancelled', `${type.name} was cancelled`)));
}

/** The peer was out of reach or had no room: it may be better next time. */
function isPassing(error: MeshError): boolean {
  return error.code === 'segmented-timeout' || error.code === 'segmented-refused';
}

function noResponse<T, R>({ type, response, to, attempts }: Request<T, R>): MeshError {
  return new MeshError(
    'no-response',
    `no ${response.name} from ${formatAddress(to.dst)} after ${attempts} × ${type.name}`,
    {
      hint: 'Check that the node is powered, in reach, and has the key bound to its model.',
    },
  );
}
