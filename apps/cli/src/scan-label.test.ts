import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type Json, meshferry, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

test('scan tells what is on the label of simulated devices; with it they are provisioned, and authenticated', async () => {
  const world = ['--bearer', 'sim:targets=0,unprovisioned=2,radio=ideal,oob=static+publickey'];
  const all = [...world, '--state', join(folder.path, 'state')];
  await meshferry(['net', 'create', ...all, '--json']);
  const { result } = await meshferry(['scan', ...all, '--json']);
  const [device]: Json[] = result.devices;
  expect(device.label).toEqual([
    expect.stringMatching(/^static:[0-9a-f]{32}$/),
    expect.stringMatching(/^publickey:[0-9a-f]{128}$/),
  ]);
  const text = await meshferry(['scan', ...all]);
  for (const oob of device.label) expect(text.stdout).toContain(`--oob ${oob}`);
  const options = device.label.flatMap((oob: string) => ['--oob', oob]);
  const provisioned = await meshferry(['provision', device.uuid, ...options, ...all, '--json']);
  expect(provisioned.exit).toBe(0);
  expect(provisioned.result.nodes).toEqual([expect.objectContaining({ security: 'secure' })]);
});

test('scan tells nothing of a label on which there is nothing', async () => {
  const { result } = await meshferry(['scan', '--bearer', 'sim:targets=0,unprovisioned=1,oob=output', '--json']);
  expect(result.devices).toHaveLength(1);
  expect(result.devices[0]).not.toHaveProperty('label');
});
