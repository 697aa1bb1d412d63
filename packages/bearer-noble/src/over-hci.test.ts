import { describe, expect, it } from 'vitest';
import { watch } from '../../bearer-hci/src/testing/gatt-rig.ts';
import { BOTH } from './testing/fake-bindings.ts';
import { HciRig } from './testing/hci-rig.ts';

describe.each(BOTH)('%s on an emulated controller, with its own HCI, L2CAP and ATT', (lib) => {
  it('finds a proxy, connects and carries values both ways', async () => {
    const rig = new HciRig();
    const proxy = rig.end();
    const links = rig.serve(proxy);
    const { bearer } = await rig.noble(lib);
    const peer = await rig.discovered(bearer);
    const link = watch(await rig.linkTo(bearer, peer));
    await rig.pass(100);
    expect(link.link.mtu).toBeGreaterThan(69);
    link.link.send(Uint8Array.of(1, 2, 3), () => {});
    links[0]?.link.send(new Uint8Array(100).fill(7), () => {});
    await rig.pass(500);
    expect([links[0]?.values, link.values]).toEqual([['010203'], ['07'.repeat(100)]]);
    bearer.close();
    await rig.pass(1000);
    expect([link.ended, links[0]?.ended]).toEqual([1, 1]);
  });
});
