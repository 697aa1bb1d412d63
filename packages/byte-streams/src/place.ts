import { fail, ok, type Result } from '@meshferry/core';

/** A serial port as a URI names it. */
export interface SerialPlace {
  readonly path: string;
  readonly baudRate: number;
}

/** An address of the Internet as a URI names it. */
export interface HostPort {
  /** Name or address; an IPv6 address without its brackets. */
  readonly host: string;
  /** 1 to 65 535. */
  readonly port: number;
}

/** Reads `PATH[,BAUD]`; the error says what is wrong with it. `baudRate`: the rate of one that names none. */
export function readSerialPlace(text: string, baudRate: number): Result<SerialPlace, string> {
  const [, path = '', rate] = /^([^,]*)(?:,(.*))?$/s.exec(text) ?? [];
  if (path === '') return fail('the path of the serial port is missing');
  if (rate !== undefined && !/^[1-9]\d{2,7}$/.test(rate)) return fail(`"${rate}" is no rate in baud`);
  return ok({ path, baudRate: rate === undefined ? baudRate : Number(rate) });
}

/** Reads `HOST:PORT`, an IPv6 address in brackets; with `port` also one without a port. The error says what is wrong with it. */
export function readHostPort(text: string, port?: number): Result<HostPort, string> {
  const [, bracketed, plain, written] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = written === undefined ? (port ?? 0) : Number(written);
  if (host === undefined || number < 1 || number > 65535) {
    return fail(`"${text}" is not ${port === undefined ? 'HOST:PORT' : 'HOST or HOST:PORT'}`);
  }
  return ok({ host, port: number });
}
