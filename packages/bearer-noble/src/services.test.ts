import { type GattDevice, type GattLink, type GattService, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Watched, watch } from '../../bearer-hci/src/testing/gatt-rig.ts';
import { type ScriptedPeer, scriptedPeripheral } from '../../bearer-hci/src/testing/scripted-peer.ts';
import { BOTH } from './testing/fake-bindings.ts';
import { HciRig } from './testing/hci-rig.ts';
import { NobleRig } from './testing/rig.ts';

const SMP: GattService = {
  uuid: '8d53dc1d-1db7-4cd3-868b-8a527460aa84',
  dataIn: 'da2e7828-fbce-4e01-ae9e-261174997c48',
  dataOut: 'da2e7828-fbce-4e01-ae9e-261174997c48',
};

// The libraries complain of packets that they cannot read.
vi.spyOn(console, 'warn').mockImplementation(() => {});

afterEach(() => HciRig.closeAll());

describe.each(BOTH)('%s', (lib) => {
  /** A peripheral with both services, which shows the long one, and a noble that has found it. */
  async function setUp() {
    const rig = new HciRig();
    const peripheral = rig.end();
    const served: Record<string, Watched[]> = { smp: [], proxy: [] };
    peripheral.peripheral.serve(SMP, (link) => served.smp!.push(watch(link)));
    peripheral.peripheral.serve(MESH_PROXY_SERVICE, (link) => served.proxy!.push(watch(link)));
    const offer = { service: SMP.uuid, name: 'Lamp', data: new Uint8Array(), intervalMs: 100, privateAddress: false };
    peripheral.peripheral.advertise(offer);
    const { bearer, controller } = await rig.noble(lib);
    let device: GattDevice | undefined;
    const stop = bearer.central.scan((heard) => {
      if (heard.name !== null && heard.services.length > 0) device = heard;
    });
    await rig.until(() => device !== undefined);
    stop();
    const open = async (service: GattService, peer = device!.peer) => watch(await rig.linkTo(bearer, peer, service));
    return { rig, bearer, controller, served, device: device!, open, peripheral };
  }

  it('hears name, service and address of a device, and connects by that address, also when it is connected', async () => {
    const { device, open, rig, bearer } = await setUp();
    expect(device).toMatchObject({ name: 'Lamp', services: [SMP.uuid], rssi: -60, connectable: true });
    expect(device.address).toMatch(/^([0-9A-F]{2}:){5}[0-9A-F]{2}$/);
    const smp = await open(SMP, device.address!);
    const proxy = await open(MESH_PROXY_SERVICE, device.address!);
    expect([smp.link.mtu, proxy.link.mtu]).toEqual([498, 498]);
    await expect(rig.linkTo(bearer, device.peer, SMP)).rejects.toMatchObject({ code: 'connect-failed' });
  });

  it('has links of two services over one connection: each ends alone, the connection with the last', async () => {
    const { open, rig, served, controller } = await setUp();
    const [smp, proxy] = [await open(SMP), await open(MESH_PROXY_SERVICE)];
    smp.link.send(new Uint8Array(495).fill(1), () => {});
    proxy.link.send(Uint8Array.of(2), () => {});
    served.smp![0]!.link.send(new Uint8Array(495).fill(3), () => {});
    served.proxy![0]!.link.send(Uint8Array.of(4), () => {});
    await rig.pass(3000);
    expect([served.smp![0]!.values, served.proxy![0]!.values]).toEqual([['01'.repeat(495)], ['02']]);
    expect([smp.values, proxy.values]).toEqual([['03'.repeat(495)], ['04']]);
    smp.link.disconnect();
    expect(smp.ended).toBe(0);
    await rig.pass(2000);
    expect([smp.ended, served.smp![0]!.ended, proxy.ended, served.proxy![0]!.ended]).toEqual([1, 1, 0, 0]);
    const anew = await open(SMP);
    served.smp![1]!.link.send(Uint8Array.of(5), () => {});
    proxy.link.disconnect();
    await rig.pass(2000);
    expect([anew.values, anew.ended, proxy.ended, controller.connections.handles.length]).toEqual([['05'], 0, 1, 1]);
    anew.link.disconnect();
    await rig.pass(2000);
    expect([anew.ended, served.smp![1]!.ended, controller.connections.handles.length]).toEqual([1, 1, 0]);
  });

  it('keeps the controller supplied with values of the greatest length', async () => {
    const rig = new HciRig();
    const options = { aclLength: 251, aclPackets: 10, packetsPerEvent: 10 };
    const far = rig.serve(rig.end(options));
    const { bearer } = await rig.noble(lib, options);
    const link = await rig.linkTo(bearer, await rig.discovered(bearer));
    const start = rig.clock.now;
    let sent = 0;
    const next = (): void => {
      if (sent++ < 200) link.send(new Uint8Array(495).fill(sent), next);
    };
    next();
    await rig.until(() => far[0]!.values.length === 200);
    // Five values, of two packets each, in a connection event of 7.5 ms: 300 ms, seen every 50 ms.
    expect(rig.clock.now - start).toBeLessThan(450);
  });

  it('is asked for two services at once, and connects once', async () => {
    const { rig, bearer, controller, device } = await setUp();
    const links: GattLink[] = [];
    const errors: string[] = [];
    for (const service of [SMP, MESH_PROXY_SERVICE, SMP])
      bearer.central.connect(device.peer, service, (outcome) => {
        if (outcome instanceof MeshError) errors.push(outcome.message);
        else links.push(outcome);
      });
    await rig.pass(10_000);
    expect([links.length, controller.connections.handles.length]).toEqual([2, 1]);
    expect(errors).toEqual([expect.stringMatching(/with this service in use/)]);
  });

  it('goes on with one service when the other is cancelled, at whatever moment, and can have it again', async () => {
    const { rig, bearer, device, open, served } = await setUp();
    const proxy = await open(MESH_PROXY_SERVICE);
    for (let after = 0; after < 500; after += 23) {
      let outcome: GattLink | MeshError | undefined;
      const cancel = bearer.central.connect(device.peer, SMP, (result) => {
        outcome = result;
      });
      await rig.pass(after);
      cancel();
      if (outcome !== undefined) (outcome as GattLink).disconnect();
      const smp = await open(SMP);
      served.smp!.at(-1)!.link.send(Uint8Array.of(7), () => {});
      await rig.pass(500);
      expect([after, smp.values, smp.ended, proxy.ended, served.smp!.at(-1)!.ended]).toEqual([after, ['07'], 0, 0, 0]);
      expect(served.smp!.slice(0, -1).every(({ ended }) => ended === 1)).toBe(true);
      smp.link.disconnect();
      await rig.pass(100);
    }
  });

  it('loses all links of a connection with it, and when the server ends it', async () => {
    const { open, rig, served, peripheral } = await setUp();
    for (const end of [
      () => served.smp!.at(-1)!.link.disconnect(),
      () => peripheral.connections.of('peripheral')[0]!.disconnect(),
    ]) {
      const both = [await open(SMP), await open(MESH_PROXY_SERVICE)];
      end();
      await rig.pass(2000);
      expect(both.map(({ ended }) => ended)).toEqual([1, 1]);
    }
  });

  describe('a device that keeps its service for those that are paired', () => {
    /** It answers the subscription with `error`, and the request for pairing that follows with `pairing`, a frame. */
    async function refusing(error: string, pairing?: string) {
      const rig = new HciRig();
      const answers: [string, string][] = [
        ['02', '03f201'],
        ['100100', '11060a000f002818'],
        ['101000', '011010000a'],
        ['080a000f000328', '09070b00040c00dd2a0d00100e00de2a'],
        ['080f000f000328', '01080f000a'],
        ['08', '09040f000000'],
        ['12', `01120f00${error}`],
      ];
      const peer: ScriptedPeer = scriptedPeripheral(rig, (pdu) => {
        const answer = answers.find(([request]) => pdu.startsWith(request));
        if (pdu.startsWith('12') && pairing !== undefined) rig.clock.after(200, () => peer.frame(pairing));
        return answer === undefined ? [] : [answer[1]];
      });
      const { bearer } = await rig.noble(lib);
      const outcome = await rig.linkTo(bearer, await rig.discovered(bearer)).catch((thrown: unknown) => thrown);
      return { outcome, rig, peer };
    }

    it.each([
      ['05', '020006000505'],
      ['0f', '020006000505'],
      ['0c', undefined],
    ])('is told with pairing-needed when it answers %s', async (error, pairing) => {
      const { outcome } = await refusing(error, pairing);
      expect(outcome).toMatchObject({ code: 'pairing-needed', hint: expect.stringMatching(/[Pp]air/) });
    });

    it('is told too when it does not answer to the pairing', async () => {
      expect((await refusing('05')).outcome).toMatchObject({ code: 'pairing-needed' });
    });

    it('is not mistaken for one that refuses for another reason, which is told at once', async () => {
      const { outcome, rig } = await refusing('03');
      expect(outcome).toMatchObject({ code: 'connect-failed', message: expect.stringMatching(/error 0x03/) });
      expect(rig.clock.now).toBeLessThan(9000);
    });
  });

  it('understands what the bindings of macOS and Windows say of pairing, and shows no address there', async () => {
    const rig = await new NobleRig(lib).open();
    const devices: GattDevice[] = [];
    rig.bearer.central.scan((heard) => void devices.push(heard));
    await rig.advance(10);
    const device = rig.bindings.proxy('c0:ff:ee:00:00:01');
    rig.bindings.devices.set(device.id, { ...device, address: '' });
    rig.bindings.advertise({ ...device, address: '' });
    expect(devices).toMatchObject([{ address: null, name: null, services: [0x1828] }]);
    rig.bindings.discoverServices = () => {
      throw new Error('Encryption is insufficient.');
    };
    const observed = rig.connect(devices[0]!.peer);
    await rig.advance(100);
    expect(observed.error?.code).toBe('pairing-needed');
  });
});
