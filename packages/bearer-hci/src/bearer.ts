import type { Bearer, BearerGround } from '@meshferry/bearer';
import { type Cancel, Emitter, MeshError, type Unsubscribe } from '@meshferry/core';
import type { HciAdvertising } from './advertising.ts';
import { closedError } from './failure.ts';
import { HciHost } from './host.ts';
import { Radio } from './radio.ts';
import type { ByteStream } from './stream.ts';

/** The bearer of a controller: advertising. */
export class HciBearer implements Bearer {
  readonly advertising: HciAdvertising;
  readonly #host: HciHost;
  readonly #lost = new Emitter<MeshError>();
  #closed = false;

  private constructor(host: HciHost, radio: Radio) {
    this.#host = host;
    this.advertising = radio.advertising;
    host.onLost((reason) => {
      this.#closed = true;
      const lost = withCode('bearer-lost', reason);
      this.#end(lost);
      this.#lost.emit(lost);
    });
  }

  /** Starts a controller on an open stream. Rejects with `bearer-failed`. */
  static open(stream: ByteStream, ground: BearerGround): Promise<HciBearer> {
    const host = new HciHost(stream, ground);
    const radio = new Radio(host);
    return new Promise((resolve, reject) => {
      const stop: Cancel[] = [];
      const settle = (run: () => void) => {
        for (const cancel of stop) cancel();
        run();
      };
      stop.push(host.onUp(() => settle(() => resolve(new HciBearer(host, radio)))));
      stop.push(host.onLost((reason) => settle(() => reject(withCode('bearer-failed', reason)))));
    });
  }

  lost(lost: (reason: MeshError) => void): Unsubscribe {
    return this.#lost.subscribe(lost);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#end(closedError());
    this.#host.close();
  }

  #end(reason: MeshError): void {
    this.advertising.close(reason);
  }
}

/** The same, under the code that belongs to the moment. */
function withCode(code: string, reason: MeshError): MeshError {
  const { message, hint } = reason;
  if (reason.code === code) return reason;
  return new MeshError(code, message, { cause: reason, ...(hint !== undefined && { hint }) });
}
