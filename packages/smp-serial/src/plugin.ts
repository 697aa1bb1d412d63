import type { BearerGround } from '@meshferry/bearer';
import { type Cancel, type MeshError, toMeshError } from '@meshferry/core';
import type { SmpPlugin, SmpRoute, SmpTransport } from '@meshferry/smp';
import type { SerialPace } from './line-sender.ts';
import { serveSerial } from './serve.ts';
import { openStream } from './stream.ts';
import { SmpSerialTransport } from './transport.ts';
import { parseSmpSerialUri, type SmpSerialUri, URIS } from './uri.ts';
import { PACE_OVER_TCP, usualPace } from './usual-pace.ts';

/** SMP over a serial port, for `serial:PATH,BAUD` and `serial:tcp:HOST:PORT`. */
export const smpPlugin: SmpPlugin = {
  scheme: 'serial',
  summary: 'a serial port: the console of Zephyr, a UART, USB CDC, or TCP to one',
  uris: URIS,
  route: (uri, ground) => new SerialRoute(parseSmpSerialUri(uri), ground),
  serve: (uri, ground, meet) => serveSerial(parseSmpSerialUri(uri), ground, meet),
};

/** A port, opened anew for each link. */
class SerialRoute implements SmpRoute {
  readonly name: string;
  readonly #uri: SmpSerialUri;
  readonly #ground: BearerGround;

  constructor(uri: SmpSerialUri, ground: BearerGround) {
    this.name = `serial:${uri.name}`;
    this.#uri = uri;
    this.#ground = ground;
  }

  open(done: (outcome: SmpTransport | MeshError) => void): Cancel {
    let isCancelled = false;
    this.#open().then(
      (transport) => {
        if (isCancelled) transport.close();
        else done(transport);
      },
      (thrown) => {
        if (!isCancelled) done(toMeshError(thrown));
      },
    );
    return () => {
      isCancelled = true;
    };
  }

  /** There is nothing besides the links. */
  close(): void {}

  async #open(): Promise<SmpTransport> {
    const { clock, log } = this.#ground;
    const { raw } = this.#uri;
    const pace = await paceOf(this.#uri);
    const stream = await openStream(this.#uri);
    return new SmpSerialTransport(stream, clock, { side: 'client', raw, pace, name: this.#uri.name, log });
  }
}

async function paceOf(uri: SmpSerialUri): Promise<SerialPace> {
  const usual = uri.kind === 'tcp' ? PACE_OVER_TCP : await usualPace(uri.path, uri.baudRate);
  return uri.pace === 'auto' ? usual : { ...usual, pauseMs: uri.pace };
}
