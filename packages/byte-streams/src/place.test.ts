import { describe, expect, it } from 'vitest';
import { readHostPort, readSerialPlace } from './place.ts';

describe('the place of a serial port', () => {
  it.each([
    ['/dev/ttyACM0', { path: '/dev/ttyACM0', baudRate: 9600 }],
    ['COM7,115200', { path: 'COM7', baudRate: 115_200 }],
    ['\\\\.\\COM12', { path: '\\\\.\\COM12', baudRate: 9600 }],
  ])('%s', (text, value) => {
    expect(readSerialPlace(text, 9600)).toEqual({ ok: true, value });
  });

  it.each(['', ',115200', '/dev/x,', '/dev/x,fast', '/dev/x,99', '/dev/x,1e6', '/dev/x,115200,8N1'])(
    '"%s" is none',
    (text) => {
      expect(readSerialPlace(text, 9600)).toMatchObject({ ok: false, error: expect.any(String) });
    },
  );
});

describe('the place of a socket', () => {
  it.each([
    ['127.0.0.1:9000', { host: '127.0.0.1', port: 9000 }],
    ['[::1]:1', { host: '::1', port: 1 }],
    ['board.local:65535', { host: 'board.local', port: 65535 }],
  ])('%s', (text, value) => {
    expect(readHostPort(text)).toEqual({ ok: true, value });
    expect(readHostPort(text, 1337)).toEqual({ ok: true, value });
  });

  it.each(['board.local', '[::1]', '127.0.0.1'])('%s has a port only where there is one by default', (text) => {
    expect(readHostPort(text)).toMatchObject({ ok: false });
    expect(readHostPort(text, 1337)).toMatchObject({ ok: true, value: { port: 1337 } });
  });

  it.each(['', ':1', '::1:1', 'a:0', 'a:65536', 'a:', 'a:b', '[]:1', 'a:1:2', '[::1'])('"%s" is none', (text) => {
    expect(readHostPort(text, 1337)).toMatchObject({ ok: false, error: expect.stringContaining(text) });
  });
});
