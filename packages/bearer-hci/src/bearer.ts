import type { Bearer, BearerGround } from '@meshferry/bearer';
import type { ByteStream } from '@meshferry/byte-streams';
import { type Cancel, Emitter, MeshError, type Unsubscribe } from '@meshferry/core';
import type { HciAdvertising } from './advertising.ts';
import { closedError } from './failure.ts';
import { HciCentral } from './gatt/central.ts';
import { Connections } from './gatt/connections.ts';
import { HciPeripheral } from './gatt/peripheral.ts';
import { HciHost } from './host.ts';
import { Radio } from './radio.ts';

/** What works on a controller, from before it is up. */
interface Parts {
  readonly radio: Radio;
  readonly connections: Connections;
  readonly central: HciCentral;
  readonly peripheral: HciPeripheral;
}

/** The bearer of a controller: advertising, and GATT of both roles where the controller has connections. */
export class HciBearer implements Bearer {
  readonly advertising: HciAdvertising;
  readonly central?: HciCentral;
  readonly peripheral?: HciPeripheral;
  readonly #host: HciHost;
  readonly #parts: Parts;
  readonly #lost = new Emitter<MeshError>();
  #closed = false;

  private constructor(host: HciHost, parts: Parts) {
    this.#host = host;
    this.#parts = parts;
    this.advertising = parts.radio.advertising;
    if (host.capabilities !== undefined && host.capabilities.acl.packets > 0) {
      this.central = parts.central;
      this.peripheral = parts.peripheral;
    }
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
    const parts = makeParts(host);
    return new Promise((resolve, reject) => {
      const stop: Cancel[] = [];
      const settle = (run: () => void) => {
        for (const cancel of stop) cancel();
        run();
      };
      stop.push(parts.radio.onReady(() => settle(() => resolve(new HciBearer(host, parts)))));
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
    this.#parts.connections.close(() => this.#host.close());
  }

  #end(reason: MeshError): void {
    this.advertising.close(reason);
    this.#parts.peripheral.close();
    this.#parts.central.close(reason);
  }
}

function makeParts(host: HciHost): Parts {
  const radio = new Radio(host);
  const connections = new Connections(host);
  const central = new HciCentral(host, radio.scanner, connections);
  const peripheral = new HciPeripheral(host, radio, connections);
  return { radio, connections, central, peripheral };
}

/** The same, under the code that belongs to the moment. */
function withCode(code: string, reason: MeshError): MeshError {
  const { message, hint } = reason;
  if (reason.code === code) return reason;
  return new MeshError(code, message, { cause: reason, ...(hint !== undefined && { hint }) });
}
