import { AD_PB_ADV } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { decodePbAdvPdu, type ProvisioningLink, pbAdv } from '@meshferry/provisioning';
import { parseSimUri } from '@meshferry/sim';
import { expect, test } from 'vitest';
import { SimSession } from './network/sim-session.ts';
import type { Io } from './shell/io.ts';
import { Shell } from './shell/shell.ts';
import { meshferry, temporaryFolder } from './testing/cli.ts';

test('Ctrl-C takes leave on the air before the command ends: the device takes another link at once', async () => {
  let interrupt = (): void => {};
  const listen = (listener: () => void) => {
    interrupt = listener;
    return () => {};
  };
  const io = { signals: { listen }, env: {}, cwd: '/', stdout: { write: () => {} } } as unknown as Io;
  const session = new SimSession(new Shell(io, {}), parseSimUri('sim:targets=0,unprovisioned=1,radio=ideal'));
  const { world } = session;
  const bearer = pbAdv(world, world.advertising!);
  const open = (): Promise<ProvisioningLink> =>
    new Promise((resolve, reject) => {
      bearer.open(world.devices[0]!.label.uuid, (link) => (link instanceof MeshError ? reject(link) : resolve(link)));
    });
  const closes: number[] = [];
  world.radio.tap((ad) => {
    const pdu = ad.type === AD_PB_ADV ? decodePbAdvPdu(ad.data) : undefined;
    if (pdu?.ok === true && pdu.value.generic.kind === 'link-close') closes.push(pdu.value.linkId);
  });
  const link = await session.run(open(), () => new MeshError('never', ''));
  const working = session.run(
    new Promise<never>(() => void world.clock.after(100, () => interrupt())),
    () => new MeshError('interrupted', 'interrupted'),
    () => link.close('fail'),
  );
  await expect(working).rejects.toMatchObject({ exit: 130 });
  expect(closes.length).toBeGreaterThan(0);
  const since = world.clock.now;
  await session.run(open(), () => new MeshError('never', ''));
  expect(world.clock.now - since).toBeLessThan(3000);
  await session.close();
});

test.each(['', ',link=gatt'])(
  'provision%s, interrupted: nothing is left behind, and the same command makes a node',
  async (more) => {
    const folder = temporaryFolder();
    const options = ['--bearer', `sim:targets=0,unprovisioned=1,radio=ideal${more}`, '--state', folder.path, '--json'];
    await meshferry(['net', 'create', ...options]);
    const [{ uuid }] = (await meshferry(['scan', ...options])).result.devices;
    const { exit, result, stdout } = await meshferry(['provision', uuid, ...options], {
      interruptWhen: (printed) => printed.includes('wait-confirmation'),
    });
    expect([exit, result.error.code]).toEqual([130, 'interrupted']);
    expect(result.error.hint).toContain('same command again');
    expect(stdout).toContain('"state":"ended"');
    expect((await meshferry(['node', 'list', ...options])).result.pending).toEqual([]);
    expect((await meshferry(['provision', uuid, ...options])).result.nodes).toMatchObject([{ address: '0x0002' }]);
    folder.remove();
  },
);
