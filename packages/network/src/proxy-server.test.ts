import { memoryGattLinks } from '@meshferry/bearer';
import { friendshipCredentials, portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { NetKeyMaterial } from './key-material.ts';
import { encodeNetworkPdu } from './pdu.ts';
import { FailingStore } from './testing/failing-store.ts';
import { appMessage, NET_KEY } from './testing/node.ts';
import { ProxyMesh } from './testing/proxy-mesh.ts';
import { ScriptedProxyClient } from './testing/scripted-proxy-client.ts';

describe('a Proxy Server', () => {
  function scripted(seed: string, options: Parameters<ProxyMesh['add']>[0] = { gattProxy: true }) {
    const mesh = new ProxyMesh(seed);
    const [server, far] = [mesh.add(options), mesh.add()];
    const { client, server: link } = memoryGattLinks(mesh.clock, { mtu: 69 });
    server.layer.attachProxyClient(link);
    const peer = new ScriptedProxyClient(mesh.clock, client, 0x0500);
    mesh.clock.advance(100);
    return { mesh, clock: mesh.clock, server, far, peer };
  }

  it('lets nothing pass before the client has sent something, then what is for it', () => {
    const { clock, far, peer } = scripted('filter');
    expect(peer.take()).toEqual([{ beacon: '01' }]);
    far.layer.send(appMessage(2, 0x0500, 8));
    far.layer.send(appMessage(2, 0xffff, 8));
    clock.advance(1000);
    expect(peer.take()).toEqual([]);
    peer.sendNetworkPdu(2);
    clock.advance(100);
    far.layer.send(appMessage(2, 0x0500, 8));
    far.layer.send(appMessage(2, 0x0501, 8));
    clock.advance(1000);
    expect(peer.take()).toEqual([{ network: { src: 2, dst: 0x0500, ttl: 4 } }]);
  });

  it('learns a client by a message that it heard over the air before', () => {
    const { mesh, clock, far, peer } = scripted('learn');
    const security = new NetKeyMaterial(portableCrypto, 0, NET_KEY).flooding;
    const message = { ctl: true, ttl: 9, seq: 0, src: 0x0500, dst: 2, transportPdu: Uint8Array.of(0x7f, 1) };
    mesh.bearers[1]?.send(
      { type: 0x2a, data: encodeNetworkPdu(message, security, 0) },
      { count: 1, intervalMs: 20 },
      () => {},
    );
    clock.advance(100);
    peer.take();
    peer.sendNetworkPdu(2); // SEQ 0, too
    clock.advance(100);
    far.layer.send(appMessage(2, 0x0500, 8));
    clock.advance(1000);
    expect(peer.take()).toEqual([{ network: { src: 2, dst: 0x0500, ttl: 4 } }]);
  });

  it('answers with the filter as it is, ignores what is not for a server and what is replayed', () => {
    const { clock, server, peer } = scripted('answers');
    peer.take();
    peer.configure({ type: 'add-addresses', addresses: [0xc000, 0, 0xc001] });
    peer.configure({ type: 'remove-addresses', addresses: [0xc001, 0xc002] });
    peer.configure({ type: 'filter-status', filterType: 'accept', listSize: 9 });
    peer.configure({ type: 'directed-proxy-control', range: undefined });
    peer.configure({ type: 'set-filter-type', filterType: 'reject' });
    clock.advance(1000);
    const status = (filterType: string, listSize: number) => ({
      configuration: { type: 'filter-status', filterType, listSize },
    });
    expect(peer.take()).toEqual([status('accept', 2), status('accept', 1), status('reject', 0)]);
    const { client, server: link } = memoryGattLinks(clock, { mtu: 69 });
    server.layer.attachProxyClient(link);
    const replayer = new ScriptedProxyClient(clock, client, 0x0500); // its SEQ begins at 0 again
    replayer.configure({ type: 'set-filter-type', filterType: 'reject' });
    const self = new ScriptedProxyClient(clock, client, 1);
    self.configure({ type: 'set-filter-type', filterType: 'reject' });
    clock.advance(1000);
    expect([...replayer.take(), ...self.take()]).toEqual([{ beacon: '01' }]);
    expect(server.layer.counters).toMatchObject({ replayed: 1, malformed: 1 });
  });

  it('keeps no more sources of configuration messages than the replay list has room for', () => {
    const { clock, server, peer } = scripted('full', { gattProxy: true, limits: { rplEntries: 0 } });
    peer.configure({ type: 'set-filter-type', filterType: 'reject' });
    clock.advance(1000);
    expect(peer.take()).toEqual([{ beacon: '01' }]);
    expect(server.layer.counters.replayListFull).toBe(1);
  });

  it('does nothing that it cannot remember', () => {
    const store = new FailingStore(Number.POSITIVE_INFINITY);
    const { clock, peer } = scripted('no store', { gattProxy: true, store });
    peer.take();
    store.left = 0;
    peer.configure({ type: 'set-filter-type', filterType: 'reject' });
    clock.advance(1000);
    expect(peer.take()).toEqual([]);
    store.left = Number.POSITIVE_INFINITY;
    peer.configure({ type: 'add-addresses', addresses: [1, 2] });
    clock.advance(1000);
    expect(peer.take()).toEqual([{ configuration: { type: 'filter-status', filterType: 'accept', listSize: 2 } }]);
  });

  it('switched off while it is reached by Node Identity takes messages for itself only', () => {
    const { clock, server, far, peer } = scripted('node identity', {});
    server.layer.proxy.states.setNodeIdentity(0, true);
    peer.sendNetworkPdu(1);
    peer.sendNetworkPdu(2);
    far.layer.send(appMessage(2, 0x0500, 8));
    clock.advance(1000);
    expect(server.layer.counters).toMatchObject({ received: 3, relayed: 0 });
    server.layer.send(appMessage(1, 0x0500, 8));
    clock.advance(1000);
    expect(peer.take()).toEqual([{ beacon: '01' }, { network: { src: 1, dst: 0x0500, ttl: 5 } }]);
    expect(far.layer.counters.received).toBe(1); // that of the server itself
  });

  it('relays from GATT with Network Transmit although it is no relay, but nothing with TTL 1', () => {
    const { clock, server, far, peer } = scripted('relay', { gattProxy: true, transmit: { count: 2, intervalMs: 20 } });
    peer.sendNetworkPdu(2, { ttl: 1 });
    peer.sendNetworkPdu(2, { ttl: 2 });
    clock.advance(1000);
    expect(server.layer.counters).toMatchObject({ received: 2, relayed: 1 });
    expect(far.layer.counters).toMatchObject({ received: 1, duplicates: 1 }); // two transmissions
  });

  it('takes and gives nothing secured with friendship credentials over GATT', () => {
    const { clock, server, peer } = scripted('friendship');
    const netKey = new NetKeyMaterial(portableCrypto, 0, NET_KEY);
    const parameters = { lpnAddress: 0x0500, friendAddress: 1, lpnCounter: 0, friendCounter: 0 };
    const security = netKey.secure('friendship', friendshipCredentials(portableCrypto, NET_KEY, parameters));
    const pdu = { ctl: true, ttl: 5, seq: 77, src: 0x0500, dst: 1, transportPdu: Uint8Array.of(0x7f, 1) };
    peer.channel.send(0, encodeNetworkPdu(pdu, security, 0));
    clock.advance(1000);
    expect(server.layer.counters).toMatchObject({ received: 0, undecryptable: 1 });
  });

  it('gives every client a beacon of each subnet, and again of what has changed', () => {
    const { clock, server, peer } = scripted('beacons');
    peer.take();
    server.layer.addNetKey(5, new Uint8Array(16).fill(0x55));
    clock.advance(100);
    expect(peer.take()).toEqual([{ beacon: '01' }]);
    server.layer.keys.updateNetKey(5, new Uint8Array(16).fill(0x56));
    clock.advance(100);
    expect(peer.take()).toEqual([]); // Phase 1 is not in a beacon
    server.layer.keys.setPhase(5, 2);
    clock.advance(100);
    expect(peer.take()).toEqual([{ beacon: '01' }]);
    server.layer.ivUpdate.testMode = true;
    server.layer.ivUpdate.test(true);
    clock.advance(100);
    expect(peer.take()).toEqual([{ beacon: '01' }, { beacon: '01' }]);
    server.layer.removeNetKey(5);
    server.layer.ivUpdate.test(false);
    clock.advance(100);
    expect(peer.take()).toEqual([{ beacon: '01' }]);
  });

  it('is one of all-proxies', () => {
    const { clock, server, far, peer } = scripted('all-proxies');
    far.layer.send(appMessage(2, 0xfffc, 8));
    clock.advance(1000);
    server.layer.proxy.states.gattProxy = false;
    far.layer.send(appMessage(2, 0xfffc, 8));
    clock.advance(200);
    expect(server.received.length).toBe(1);
    expect(peer.closed).toBe(false);
  });
});
