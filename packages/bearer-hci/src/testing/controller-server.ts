// Emulated controllers for tests with several processes, as btvirt does it: each connection is a new controller, all hear
// one another, and closing the connection takes it away.
//
//   tsx --conditions=@meshferry/source controller-server.ts [tcp:PORT | unix:PATH | stdio]... [KEY=NUMBER]...
//
// Says `listening tcp:127.0.0.1:PORT` or `listening unix:PATH` on its error output, one line each (port 0: any). KEY is one
// of ControllerOptions (`sets=1`, `version=8`, `extended=0`, `aclLength=251`), or `rssi`, or `crowd`: so many reports a second of
// mesh messages that begin with a number of four octets, counted up, to every host that scans. Ends when its input ends.
import { createServer, type Server } from 'node:net';
import { Duplex } from 'node:stream';
import { socketStream } from '@meshferry/byte-streams';
import { hostClock, hostRandom } from '@meshferry/core';
import { EmulatedAir } from './emulated-air.ts';
import type { ControllerOptions } from './emulated-controller.ts';

const air = new EmulatedAir(hostClock(globalThis), hostRandom(globalThis.crypto));
const settings = new Map<string, number>();
const places: string[] = [];
for (const argument of process.argv.slice(2)) {
  const [, key, value] = /^([a-zA-Z]+)=(-?\d+(?:\.\d+)?)$/.exec(argument) ?? [];
  if (key === undefined) places.push(argument);
  else settings.set(key, Number(value));
}
air.rssi = settings.get('rssi') ?? air.rssi;
const { extended, crowd = 0, ...numbers } = Object.fromEntries(settings);
const options: ControllerOptions = { ...numbers, ...(extended !== undefined && { extended: extended !== 0 }) };

for (const place of places) {
  const [, kind, rest = ''] = /^(tcp|unix|stdio)(?::(.*))?$/.exec(place) ?? [];
  if (kind === undefined) throw new Error(`not tcp:PORT, unix:PATH or stdio: ${place}`);
  if (kind === 'stdio') serveStdio();
  else if (kind === 'tcp') serve((server) => server.listen(Number(rest), '127.0.0.1'));
  else serve((server) => server.listen(rest));
}
// Whoever started it and has died leaves nothing behind.
if (!places.includes('stdio')) process.stdin.resume().on('end', () => process.exit());

if (crowd > 0) {
  let number = 0;
  const began = performance.now();
  setInterval(() => {
    for (const due = ((performance.now() - began) * crowd) / 1000; number < due; number++) {
      const data = new Uint8Array(31).fill(0x55);
      data.set([30, 0x2a, number >> 24, number >> 16, number >> 8, number]);
      for (const controller of air.controllers) controller.flood(1, data);
    }
  }, 5);
}

function serve(listen: (server: Server) => void): void {
  const server = createServer({ noDelay: true }, (socket) => air.attach(socketStream(socket, 'host'), options));
  server.on('listening', () => {
    const address = server.address();
    const where = typeof address === 'string' ? `unix:${address}` : `tcp:127.0.0.1:${address?.port}`;
    process.stderr.write(`listening ${where}\n`);
  });
  listen(server);
}

function serveStdio(): void {
  const io = Duplex.from({ readable: process.stdin, writable: process.stdout });
  io.on('close', () => process.exit());
  air.attach(
    {
      write: (octets) => io.write(octets),
      listen: ({ data }) => io.on('data', (octets: Uint8Array) => data(octets)),
      close: () => process.exit(),
    },
    options,
  );
}
