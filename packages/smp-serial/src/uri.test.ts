import { hostClock, hostRandom, type MeshError, silent } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { parseSmpSerialUri, smpPlugin } from './index.ts';
import { usualPace } from './usual-pace.ts';

const ground = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };

describe('the URI of a serial port', () => {
  it.each([
    ['serial:/dev/ttyACM0', { kind: 'serial', path: '/dev/ttyACM0', baudRate: 115_200, raw: false, rtscts: false }],
    ['serial:COM7,1000000', { kind: 'serial', path: 'COM7', baudRate: 1_000_000, pace: 'auto', name: 'COM7' }],
    ['serial:/dev/ttyUSB0?raw&rtscts', { raw: true, rtscts: true }],
    ['serial:/dev/ttyUSB0,9600?pace=2.5', { baudRate: 9600, pace: 2.5 }],
    ['serial:/dev/ttyUSB0?pace=none', { pace: 0 }],
    ['serial:tcp:127.0.0.1:4444?pace=auto', { kind: 'tcp', host: '127.0.0.1', port: 4444, pace: 'auto' }],
    ['serial:tcp:[::1]:4444?raw', { kind: 'tcp', host: '::1', port: 4444, raw: true, name: 'tcp:[::1]:4444' }],
  ])('%s', (uri, expected) => {
    expect(parseSmpSerialUri(uri)).toMatchObject(expected);
  });

  it.each([
    'serial:',
    'serial:?raw',
    'serial:,115200',
    'serial:/dev/ttyACM0,fast',
    'serial:/dev/ttyACM0?colour=red',
    'serial:/dev/ttyACM0?pace=soon',
    'serial:tcp:127.0.0.1',
    'serial:tcp:127.0.0.1:4444?rtscts',
    'udp:127.0.0.1',
  ])('%s is none', (uri) => {
    expect(() => smpPlugin.route(uri, ground)).toThrow(
      expect.objectContaining({ code: 'bad-smp-uri', hint: expect.stringContaining('serial:/dev/ttyACM0') }),
    );
  });

  it('as the plugin shows it can be typed', () => {
    for (const uri of smpPlugin.uris) parseSmpSerialUri(uri.replace('HOST:PORT', 'localhost:4444'));
    expect(smpPlugin.scheme).toBe('serial');
  });
});

describe('the usual pace', () => {
  it.each([
    ['/dev/pts/3', { pauseMs: 1.5 }],
    ['/dev/ttys004', { pauseMs: 1.5 }],
    ['/dev/ttyACM0', {}],
    ['/dev/cu.usbmodem14201', {}],
    ['/dev/ttyUSB0', { baudRate: 115_200 }],
    ['/dev/ttyS0', { baudRate: 115_200 }],
    ['COM3', { baudRate: 115_200 }],
  ])('of %s', async (path, pace) => {
    expect(await usualPace(path, 115_200)).toEqual(pace);
  });
});

it.each(['serial:/dev/meshferry-none', 'serial:tcp:127.0.0.1:1'])('%s is not there', async (uri) => {
  const route = smpPlugin.route(uri, ground);
  const outcome = await new Promise((resolve) => route.open(resolve));
  expect(outcome).toMatchObject({ code: 'bearer-unavailable', hint: expect.any(String) } satisfies Partial<MeshError>);
  const cancel = route.open(() => expect.fail('it was cancelled'));
  cancel();
  route.close();
});
