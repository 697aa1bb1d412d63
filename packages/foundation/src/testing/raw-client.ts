import type { MessageOf, MessageType } from '@meshferry/access';
import {
  RemoteProvisioningExtendedScanReport,
  RemoteProvisioningLinkOpen,
  RemoteProvisioningLinkReport,
  RemoteProvisioningLinkStatus,
  RemoteProvisioningPduOutboundReport,
  RemoteProvisioningPduReport,
  RemoteProvisioningPduSend,
  RemoteProvisioningScanReport,
  RemoteProvisioningScanStatus,
} from '../remote-provisioning-messages.ts';
import type { RemoteNode, RemoteWorld } from './remote.ts';

const SHORT_NAMES: readonly (readonly [name: string, type: MessageType<unknown>])[] = [
  ['scan status', RemoteProvisioningScanStatus as MessageType<unknown>],
  ['scan report', RemoteProvisioningScanReport as MessageType<unknown>],
  ['extended report', RemoteProvisioningExtendedScanReport as MessageType<unknown>],
  ['status', RemoteProvisioningLinkStatus as MessageType<unknown>],
  ['link report', RemoteProvisioningLinkReport as MessageType<unknown>],
  ['outbound', RemoteProvisioningPduOutboundReport as MessageType<unknown>],
  ['pdu', RemoteProvisioningPduReport as MessageType<unknown>],
];

/** A client that sends single messages, as a test wants them, and notes what the server answers. */
export class RawClient {
  /** Since the last {@link ask}: short name and the fields that are numbers or octets, in hex. */
  readonly heard: string[] = [];
  readonly #world: RemoteWorld;
  readonly #node: RemoteNode;
  readonly #server: number;

  constructor(world: RemoteWorld, node: RemoteNode, server = 0x0100) {
    this.#world = world;
    this.#node = node;
    this.#server = server;
    for (const [name, type] of SHORT_NAMES) {
      node.client.model.listen(type, (message) => this.heard.push(`${name} ${text(message)}`.trim()));
    }
  }

  /** Sends a message and gives what was heard within so many ms. */
  ask<T>(type: MessageType<T>, value: T, ms = 3000, netIndex = 0): readonly string[] {
    this.heard.length = 0;
    const route = { dst: this.#server, deviceKeyOf: this.#server, netIndex };
    this.#node.client.model.send(type, value, route);
    this.#world.clock.advance(ms);
    return [...this.heard];
  }

  open(device: Uint8Array | number, timeout?: number, ms = 3000): readonly string[] {
    return this.ask(RemoteProvisioningLinkOpen, linkOpen(device, timeout), ms);
  }

  send(outboundPduNumber: number, pdu: readonly number[], ms = 3000): readonly string[] {
    return this.ask(RemoteProvisioningPduSend, { outboundPduNumber, provisioningPdu: Uint8Array.from(pdu) }, ms);
  }
}

function linkOpen(
  device: Uint8Array | number,
  timeout: number | undefined,
): MessageOf<typeof RemoteProvisioningLinkOpen> {
  if (typeof device === 'number') return { uuid: undefined, timeout: undefined, nppiProcedure: device };
  return { uuid: device, timeout, nppiProcedure: undefined };
}

/** Fields in their order, those that are absent left out; octets by their first one. */
function text(message: unknown): string {
  return Object.values(message as object)
    .flatMap((value) => {
      if (value === undefined) return [];
      if (value instanceof Uint8Array) return [value[0]!.toString(16).padStart(2, '0')];
      if (!Array.isArray(value)) return [String(value)];
      return value.map(({ type, data }: { type: number; data: Uint8Array }) => `${type}:${data.length}`);
    })
    .join(' ');
}
