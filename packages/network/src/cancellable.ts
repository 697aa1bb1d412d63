import { type Cancel, MeshError } from '@meshferry/core';
import type { Done } from './contract.ts';

/** Starts something that ends with `done`, once; when it is cancelled before, with `cancelled`, at once. */
export function cancellable(done: Done, start: (end: Done) => Cancel): Cancel {
  let over = false;
  const end = (error?: MeshError): void => {
    if (over) return;
    over = true;
    done(error);
  };
  const stop = start(end);
  return () => {
    if (over) return;
    stop();
    end(new MeshError('cancelled', 'the message was cancelled before it was sent whole'));
  };
}

/** For who does not want to know how it ended. */
export function ignore(): void {}
