import { describe, expect, it } from 'vitest';
import { diagnose, openingError, type System } from './diagnosis.ts';

/** A Linux of these files: their content, or null for a folder. */
function linux(files: Record<string, string | null>, env: Record<string, string> = {}): System {
  const paths = Object.keys(files);
  return {
    platform: 'linux',
    env,
    exists: (path) => paths.some((name) => name === path || name.startsWith(`${path}/`)),
    list: (path) => [
      ...new Set(
        paths.filter((name) => name.startsWith(`${path}/`)).map((name) => name.slice(path.length + 1).split('/')[0]!),
      ),
    ],
    read: (path) => files[path] ?? '',
  };
}

const BLUETOOTH = '/sys/class/bluetooth';
const STATUS = '/proc/self/status';
const ROOT = 'Name:\tnode\nCapEff:\t000001ffffffffff\n';
const NOBODY = 'Name:\tnode\nCapEff:\t0000000000000000\n';
const ADAPTER = { [`${BLUETOOTH}/hci0/address`]: 'aa', [`${BLUETOOTH}/hci0:64/address`]: '', [STATUS]: ROOT };

describe('what is wrong with a machine', () => {
  it.each([
    ['nothing', ADAPTER, undefined, undefined],
    ['a kernel without Bluetooth', { [STATUS]: ROOT }, 'bearer-unavailable', /no Bluetooth/],
    ['no adapter', { [`${BLUETOOTH}/other`]: null }, 'bearer-unavailable', /no Bluetooth adapter/],
    ['no permission', { ...ADAPTER, [STATUS]: NOBODY }, 'bearer-permission', /no permission/],
    [
      'the adapter is switched off',
      { ...ADAPTER, [`${BLUETOOTH}/hci0/rfkill3/soft`]: '1\n', [`${BLUETOOTH}/hci0/rfkill3/hard`]: '0\n' },
      'bearer-unavailable',
      /hci0 is off/,
    ],
  ])('%s', (_, files, code, message) => {
    const found = diagnose(linux(files));
    expect(found?.code).toBe(code);
    if (message !== undefined) expect(found?.message).toMatch(message);
    if (code === 'bearer-permission') expect(found?.hint).toMatch(/setcap/);
  });

  it('is asked of the adapter that was named', () => {
    expect(diagnose(linux(ADAPTER), 0)).toBeUndefined();
    expect(diagnose(linux(ADAPTER), 1)?.message).toMatch(/no Bluetooth adapter hci1/);
  });

  it('is about the serial port where the controller is on one', () => {
    const env = { BLUETOOTH_HCI_SOCKET_UART_PORT: '/dev/ttyACM0' };
    expect(diagnose(linux({ '/dev/ttyACM0': '' }, env))).toBeUndefined();
    expect(diagnose(linux({}, env))?.message).toMatch(/no serial port \/dev\/ttyACM0/);
  });

  it('is not known of other systems, or of a controller on USB', () => {
    expect(diagnose({ ...linux({}), platform: 'darwin' })).toBeUndefined();
    expect(diagnose(linux({}, { BLUETOOTH_HCI_SOCKET_USB_VID: '1' }))).toBeUndefined();
  });

  it('rights are not guessed at where the system does not tell', () => {
    const { [STATUS]: _, ...silent } = ADAPTER;
    expect(diagnose(linux(silent))).toBeUndefined();
    expect(diagnose(linux({ ...silent, [STATUS]: 'Name:\tnode\n' }))).toBeUndefined();
  });
});

it.each([
  ['EAFNOSUPPORT', 'bearer-unavailable', /this kernel has no Bluetooth/],
  ['EPERM', 'bearer-permission', /no permission/],
  ['EACCES', 'bearer-permission', /no permission/],
  ['EBUSY', 'bearer-busy', /in use/],
  ['ENODEV', 'bearer-unavailable', /no Bluetooth adapter/],
  ['EIO', 'bearer-failed', /cannot open/],
])('a library that throws %s: %s', (code, expected, message) => {
  const error = openingError(Object.assign(new Error(code), { code }));
  expect(error).toMatchObject({ code: expected, message: expect.stringMatching(message), hint: expect.any(String) });
});
