import { readFileSync } from 'node:fs';
import { type GattLink, memoryGattLinks } from '@meshferry/bearer';
import { fromHex, toHex, VirtualClock } from '@meshferry/core';
import { expect, test } from 'vitest';
import { SmpBleTransport } from '../ble/ble-transport.ts';
import { SmpServer } from './smp-server.ts';

const { sessions } = JSON.parse(readFileSync(new URL('../vectors/smp-session.json', import.meta.url), 'utf8')) as {
  sessions: { session: string; steps: { name: string; request: string; response: string }[] }[];
};
/** The packets of the script of a user whose update did nothing, without the right request at the end. */
const script = sessions.find(({ session }) => session === 'seed-script')!.steps.slice(0, 6);

/** A server on a link, and the values that the other end notices. */
function overBle(options: { reassembles: boolean }, mtu = 498) {
  const clock = new VirtualClock();
  const server = new SmpServer({ clock, personality: 'zephyr-3.4.99', buffers: { size: 1024, count: 4 } });
  const noticed: string[] = [];
  const connect = (): GattLink => {
    const links = memoryGattLinks(clock, { mtu, valueMs: 1 });
    server.attach(
      new SmpBleTransport(links.server, clock, { side: 'server', bufferOctets: server.buffers.size, ...options }),
    );
    links.client.listen({ received: (value) => noticed.push(toHex(value)), disconnected: () => {} });
    return links.client;
  };
  let link = connect();
  return {
    server,
    noticed,
    /** Writes values one after the other, with time for an answer after each. */
    write: (...values: string[]) => {
      for (const value of values) {
        link.send(fromHex(value), () => {});
        clock.advance(100);
      }
      return noticed.splice(0);
    },
    reconnect: () => {
      link.disconnect();
      clock.advance(100);
      link = connect();
    },
  };
}

test('the failing script gets one notification on a server that puts pieces together', () => {
  const { write } = overBle({ reassembles: true });
  expect(script.map(({ request }) => write(request))).toEqual([[], [], [], [script[3]!.response], [], []]);
});

test('without that it gets an error for each of its packets', () => {
  const { write } = overBle({ reassembles: false });
  expect(script.map(({ request }) => write(request))).toEqual(script.map(({ response }) => [response]));
});

test('a half packet poisons the next one, until the link is a new one', () => {
  const echo = '0a00000500000900a161646178';
  const echoed = '0b00000600000900bf61726178ff';
  const { write, reconnect } = overBle({ reassembles: true });
  expect(write(echo.slice(0, 20), echo.slice(20))).toEqual([echoed]);
  expect(write(echo.slice(0, 20), echo)).toEqual([]);
  expect(write(echo)).toEqual([echoed]);
  expect(write(echo.slice(0, 20))).toEqual([]);
  reconnect();
  expect(write(echo)).toEqual([echoed]);
  expect(write('0a0004010000', `0a000400${'00'.repeat(300)}`, echo)).toEqual([echoed]);
});

test('octets behind an answer come in its last notification', () => {
  const { server, write } = overBle({ reassembles: true }, 23);
  server.faults.extraOctets = () => true;
  expect(write('0a00000500000900a161646178').join('')).toBe('0b00000600000900bf61726178ffdeadbeef00');
});
