import { hostClock, hostRandom, type MeshError, silent } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { bearer } from './plugin.ts';
import { parseDongleUri } from './uri.ts';

describe('the URI of a dongle', () => {
  it.each([
    ['dongle:/dev/ttyACM1', { kind: 'serial', path: '/dev/ttyACM1', baudRate: 1_000_000, name: '/dev/ttyACM1' }],
    ['dongle:COM7,115200', { kind: 'serial', path: 'COM7', baudRate: 115_200, name: 'COM7' }],
    ['dongle:/dev/ttyACM1?power=-20', { kind: 'serial', path: '/dev/ttyACM1', power: -20 }],
    ['dongle:tcp:127.0.0.1:9000', { kind: 'tcp', host: '127.0.0.1', port: 9000, name: 'tcp:127.0.0.1:9000' }],
    ['dongle:tcp:[::1]:9000?power=4', { kind: 'tcp', host: '::1', port: 9000, power: 4 }],
    ['dongle:unix:/run/dongle', { kind: 'unix', path: '/run/dongle' }],
  ])('%s', (uri, expected) => {
    expect(parseDongleUri(uri)).toMatchObject(expected);
  });

  it.each([
    'dongle:',
    'dongle:?power=1',
    'dongle:,115200',
    'dongle:/dev/ttyACM1,fast',
    'dongle:/dev/ttyACM1,99',
    'dongle:/dev/ttyACM1?power=loud',
    'dongle:/dev/ttyACM1?power=200',
    'dongle:/dev/ttyACM1?colour=red',
    'dongle:tcp:127.0.0.1',
    'dongle:tcp:127.0.0.1:99999',
    'dongle:unix:',
    'hci:serial:/dev/ttyACM1',
  ])('%s is none', (uri) => {
    expect(() => parseDongleUri(uri)).toThrow(expect.objectContaining({ code: 'bad-bearer-uri' }));
  });

  it.each(bearer.uris)('%s, as the plugin shows it, looks like one', (uri) => {
    expect(uri).toMatch(/^dongle:/);
  });
});

it('the plugin says whether it can be used here', async () => {
  const reason = await bearer.check();
  expect([undefined, 'bearer-unavailable']).toContain(reason?.code);
  expect(reason?.hint).not.toBe('');
});

describe('what cannot be opened', () => {
  const open = (uri: string) => {
    const ground = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };
    return bearer.open(uri, ground).then(
      () => 'open',
      (error: MeshError) => error.code,
    );
  };

  it('says why', async () => {
    expect(await open('dongle:')).toBe('bad-bearer-uri');
    expect(await open('dongle:/dev/meshferry-none')).toBe('bearer-unavailable');
    expect(await open('dongle:unix:/run/meshferry-none')).toBe('bearer-unavailable');
    expect(await open('dongle:tcp:127.0.0.1:1')).toBe('bearer-unavailable');
  });
});
