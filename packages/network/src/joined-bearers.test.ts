import { joinBearers, memoryAir, memoryGatt } from '@meshferry/bearer';
import { describe, expect, it } from 'vitest';
import { appMessage, type TestNode } from './testing/node.ts';
import { ProxyMesh } from './testing/proxy-mesh.ts';

const CLIENT = 0x0700;

describe('a bridge of bearers', () => {
  it('brings a node into two airs at once: what comes over both is taken once', () => {
    const mesh = new ProxyMesh('two airs');
    const other = memoryAir(mesh.clock, mesh.random);
    const [a, b, c] = [mesh.add(), mesh.add(), mesh.addClient(3)];
    b.layer.attach(other.join().advertising);
    c.layer.attach(other.join().advertising);
    const bridge = joinBearers([other.join(), memoryGatt(mesh.clock).join()], mesh.clock);
    bridge.attachTo({ attach: (advertising) => a.layer.attach(advertising), serve: () => {} });
    for (const dst of [2, 3]) a.layer.send(appMessage(1, dst, 100));
    mesh.clock.advance(10_000);
    expect([b.received.length, c.received.length]).toEqual([1, 1]);
    expect([bridge.advertisings.length, bridge.peripherals.length, bridge.centrals.length]).toEqual([1, 1, 1]);
  });

  it('connects a node to three proxies, each another one, and what all of them pass on is taken once', () => {
    const mesh = new ProxyMesh('three proxies');
    const gatt = memoryGatt(mesh.clock, { mtu: 69 });
    const client = mesh.addClient(CLIENT);
    const servers: TestNode[] = [];
    for (let i = 0; i < 4; i++) {
      const server = mesh.add({ gattProxy: true });
      server.layer.proxy.serve(gatt.peripheral({ connections: 3 }));
      servers.push(server);
    }
    const bridge = joinBearers([gatt.join()], mesh.clock, { proxies: 3 });
    for (const central of bridge.centrals) client.layer.proxy.connect(central);
    const clients = () => servers.map(({ layer }) => layer.proxy.clients);
    mesh.clock.advance(30_000);
    expect(clients().sort()).toEqual([0, 1, 1, 1]);
    client.layer.send(appMessage(CLIENT, 0xffff, 5));
    mesh.clock.advance(5000);
    expect(servers.map(({ received }) => received.length)).toEqual([1, 1, 1, 1]);
    servers[0]!.layer.send(appMessage(1, CLIENT, 100));
    mesh.clock.advance(5000);
    expect(client.received.map(({ dst }) => dst)).toEqual([0xffff, CLIENT]); // the first is its own
    // One proxy goes: its place is taken by the one that was left.
    const going = clients().indexOf(1);
    servers[going]!.layer.close();
    mesh.clock.advance(60_000);
    expect(clients().filter((count, i) => i !== going && count === 1).length).toBe(3);
    bridge.close();
    mesh.clock.advance(1000);
    expect(clients()).toEqual([0, 0, 0, 0]);
  });
});
