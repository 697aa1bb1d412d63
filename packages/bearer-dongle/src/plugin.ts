import type { Bearer, BearerGround, BearerPlugin } from '@meshferry/bearer';
import { listSerialPorts } from '@meshferry/byte-streams';
import { MeshError } from '@meshferry/core';
import { openDongle } from './dongle.ts';
import { openStream } from './open-stream.ts';
import { parseDongleUri, URIS } from './uri.ts';

/** The bearer plugin of the scheme `dongle:`. */
export const bearer: BearerPlugin = {
  scheme: 'dongle',
  summary: 'a USB dongle with the Meshferry firmware: exact times, a queue on the dongle, transmit reports',
  uris: URIS,
  check,
  open,
};

async function check(): Promise<MeshError | null> {
  try {
    const ports = await listSerialPorts(); // where they cannot be listed, one may be there
    // A port of the board itself has no vendor, and no dongle behind it.
    return ports?.every(({ vendorId }) => vendorId === undefined) ? noPort() : null;
  } catch (thrown) {
    return thrown as MeshError; // nothing else is thrown
  }
}

async function open(uri: string, ground: BearerGround): Promise<Bearer> {
  const where = parseDongleUri(uri);
  const stream = await openStream(where);
  const { name, power } = where;
  return openDongle(stream, ground, power === undefined ? { name } : { name, power });
}

function noPort(): MeshError {
  return new MeshError('bearer-unavailable', 'no serial port is plugged in over USB', {
    hint: 'Plug in a dongle with the firmware in the folder `firmware` of the package @meshferry/bearer-dongle.',
  });
}
