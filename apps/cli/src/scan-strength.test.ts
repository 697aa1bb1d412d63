import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { meshferry, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** A radio without a measure of signals: 127 in advertising, the weakest that there is where peers are compared. */
const PLUGIN = `
const data = new Uint8Array(18).fill(7);
const devices = {
  discover: (services, found) => {
    for (const service of services) found({ service, data, peer: 'x', rssi: -127, at: 0 });
    return () => {};
  },
  connect: () => () => {},
};
const beacons = {
  sets: 1,
  minIntervalMs: 20,
  send: () => () => {},
  receive: (types, heard) => {
    if (types.includes(0x2b)) heard({ type: 0x2b, data: new Uint8Array(19).fill(9).fill(0, 0, 1), rssi: 127, at: 0 });
    return () => {};
  },
};
export const bearer = {
  scheme: 'deaf',
  summary: 'hears everything, and not how well',
  uris: ['deaf:'],
  check: async () => null,
  open: async () => ({ central: devices, advertising: beacons, close: () => {} }),
};
`;

test('scan does not tell how well devices are heard where the radio does not know', async () => {
  const plugin = ['--bearer', 'deaf:', '--bearer-plugin', folder.write('deaf.mjs', PLUGIN)];
  const argv = ['scan', '--seconds', '1', ...plugin, '--state', join(folder.path, 'state')];
  const { result } = await meshferry([...argv, '--json']);
  expect(result.devices).toMatchObject([
    { bearer: expect.any(String), rssi: null },
    { bearer: expect.any(String), rssi: null },
  ]);
  expect((await meshferry(argv)).stdout).not.toContain('dBm');
});
