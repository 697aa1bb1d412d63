import { type GattLink, type MemoryGattOptions, memoryGattLinks } from '@meshferry/bearer';
import { MemoryStore, type Unsubscribe } from '@meshferry/core';
import type { NetworkLayerOptions } from '../options.ts';
import type { ProxyClientConnection, ProxyClientEvent, ProxyClientOptions } from '../proxy-client.ts';
import { TestMesh, TestNode } from './node.ts';

/** A connection between two nodes, and what its client was told. */
export interface TestConnection {
  readonly client: ProxyClientConnection;
  readonly events: ProxyClientEvent[];
  readonly link: GattLink;
  readonly disconnect: Unsubscribe;
}

/** Nodes in one air, and nodes without a radio that reach them through a proxy. */
export class ProxyMesh extends TestMesh {
  /** A node without advertising. */
  addClient(address: number, options: Partial<NetworkLayerOptions> = {}): TestNode {
    const random = this.random.fork(`node ${address}`);
    return new TestNode({ clock: this.clock, store: new MemoryStore(), random, ...options, address });
  }

  connect(
    client: TestNode,
    server: TestNode,
    options: Omit<ProxyClientOptions, 'listener'> & MemoryGattOptions = {},
  ): TestConnection {
    const links = memoryGattLinks(this.clock, options);
    const events: ProxyClientEvent[] = [];
    const listener = (event: ProxyClientEvent) => void events.push(event);
    const connection = client.layer.attachProxyServer(links.client, { ...options, listener });
    const disconnect = server.layer.attachProxyClient(links.server);
    return { client: connection, events, link: links.client, disconnect };
  }
}
