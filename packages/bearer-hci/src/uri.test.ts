import { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { parseHciUri, URIS } from './uri.ts';

describe('hci: URIs', () => {
  it('name a serial port, a TCP address or a UNIX socket', () => {
    const none = new Map();
    expect(parseHciUri('hci:serial:/dev/ttyACM0,115200')).toEqual({
      kind: 'serial',
      path: '/dev/ttyACM0',
      baudRate: 115_200,
      flowControl: true,
      options: none,
    });
    expect(parseHciUri('hci:serial:COM3')).toMatchObject({ path: 'COM3', baudRate: 1_000_000 });
    expect(parseHciUri('hci:tcp:127.0.0.1:9000')).toEqual({
      kind: 'tcp',
      host: '127.0.0.1',
      port: 9000,
      options: none,
    });
    expect(parseHciUri('hci:tcp:[::1]:9000')).toMatchObject({ host: '::1', port: 9000 });
    expect(parseHciUri('hci:tcp:radio.example:1')).toMatchObject({ host: 'radio.example', port: 1 });
    expect(parseHciUri('hci:unix:/run/hci')).toEqual({ kind: 'unix', path: '/run/hci', options: none });
    for (const uri of URIS) expect(parseHciUri(uri).options.size).toBe(0);
  });

  it('keep what stands behind the question mark for whom it concerns', () => {
    const { options } = parseHciUri('hci:unix:/run/hci?peer=C0:01:02:03:04:05/random&mtu=247');
    expect([...options]).toEqual([
      ['peer', 'C0:01:02:03:04:05/random'],
      ['mtu', '247'],
    ]);
    expect(parseHciUri('hci:serial:/dev/ttyS0,115200?peer=x&flow=none')).toMatchObject({
      path: '/dev/ttyS0',
      baudRate: 115_200,
      flowControl: false,
    });
  });

  it.each([
    'hci:',
    'hci:usb:0',
    'hci:serial:',
    'hci:serial:,9600',
    'hci:serial:/dev/ttyACM0,fast',
    'hci:serial:/dev/ttyACM0,0',
    'hci:serial:/dev/ttyACM0,123456789',
    'hci:tcp:',
    'hci:tcp:localhost',
    'hci:tcp:localhost:0',
    'hci:tcp:localhost:65536',
    'hci:tcp:::1:9000',
    'hci:unix:',
    'hci:unix:?peer=x',
    'hci:unix:/run/hci?',
    'hci:serial:/dev/ttyS0?flow=maybe',
    'hci:unix:/run/hci?peer',
    'noble:',
  ])('%s is none', (uri) => {
    expect(() => parseHciUri(uri)).toThrow(MeshError);
    try {
      parseHciUri(uri);
    } catch (error) {
      expect(error).toMatchObject({ code: 'bad-bearer-uri', hint: expect.stringContaining('hci:serial:') });
      expect((error as MeshError).message).toContain(uri);
    }
  });
});
