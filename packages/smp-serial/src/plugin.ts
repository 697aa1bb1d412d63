import type { BearerGround } from '@meshferry/bearer';
import { type SmpPlugin, type SmpTransport, simpleRoute } from '@meshferry/smp';
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
  route: (uri, ground) => {
    const place = parseSmpSerialUri(uri);
    return simpleRoute(`serial:${place.name}`, () => connect(place, ground));
  },
  serve: async (uri, ground, meet) => serveSerial(parseSmpSerialUri(uri), ground, meet),
};

/** A port, opened anew for each link. */
async function connect(place: SmpSerialUri, { clock, log }: BearerGround): Promise<SmpTransport> {
  const { raw, name } = place;
  const pace = await paceOf(place);
  return new SmpSerialTransport(await openStream(place), clock, { side: 'client', raw, pace, name, log });
}

async function paceOf(uri: SmpSerialUri): Promise<SerialPace> {
  const usual = uri.kind === 'tcp' ? PACE_OVER_TCP : await usualPace(uri.path, uri.baudRate);
  return uri.pace === 'auto' ? usual : { ...usual, pauseMs: uri.pace };
}
