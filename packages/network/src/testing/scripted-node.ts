import { type Address, fail, MemoryStore, ok, type Result, SeededRandom, VirtualClock } from '@meshferry/core';
import { networkCredentials, portableCrypto } from '@meshferry/crypto';
import { decodeLowerTransportPdu, encodeLowerTransportPdu, type LowerTransportPdu } from '../lower-transport-pdu.ts';
import type { NetworkLayerOptions } from '../options.ts';
import { decodeNetworkPdu, encodeNetworkPdu, type NetworkSecurity, networkSecurity } from '../pdu.ts';
import { NET_KEY, TestNode } from './node.ts';
import { ScriptedAdvertising } from './scripted-advertising.ts';

const flooding = networkSecurity(portableCrypto, networkCredentials(portableCrypto, NET_KEY));

/** A node at 0x0001 whose peer is the test: it hears and says single Lower Transport PDUs. Time starts at 0. */
export class ScriptedNode {
  readonly clock = new VirtualClock();
  readonly bearer: ScriptedAdvertising = new ScriptedAdvertising(this.clock);
  readonly node: TestNode;
  /** Of a friendship with the test: what the node says under them is read, too. */
  friendship: NetworkSecurity | undefined;
  #seq = 0;
  #taken = 0;

  constructor(options: Partial<NetworkLayerOptions> = {}) {
    const { clock } = this;
    this.node = new TestNode({ clock, random: new SeededRandom(1), store: new MemoryStore(), address: 1, ...options });
    this.node.layer.attach(this.bearer);
  }

  /** The node hears this PDU; SEQ counts up unless given. */
  say(
    pdu: LowerTransportPdu,
    how: { src: Address; dst?: Address; ttl?: number; seq?: number; ivIndex?: number; security?: NetworkSecurity },
  ): void {
    const { src, dst = 1, ttl = 5, seq = this.#seq, ivIndex = 0, security = flooding } = how;
    this.#seq = Math.max(this.#seq, seq) + 1;
    const ctl = pdu.format.includes('control') || pdu.format === 'segment-acknowledgment';
    const transportPdu = encodeLowerTransportPdu(pdu);
    this.bearer.hear(encodeNetworkPdu({ ctl, ttl, seq, src, dst, transportPdu }, security, ivIndex));
  }

  /** What the node has said since the last call. */
  take(): { at: number; src: Address; dst: Address; ttl: number; seq: number; pdu: LowerTransportPdu }[] {
    const fresh = this.bearer.sent.slice(this.#taken);
    this.#taken = this.bearer.sent.length;
    return fresh.map(({ at, data }) => {
      const decoded = readPdu(data, this.friendship);
      if (!decoded.ok) throw new Error(decoded.error);
      return { at, ...decoded.value };
    });
  }
}

function readPdu(
  data: Uint8Array,
  friendship: NetworkSecurity | undefined,
): Result<{ src: Address; dst: Address; ttl: number; seq: number; pdu: LowerTransportPdu }, string> {
  const flooded = decodeNetworkPdu(data, flooding, 0);
  const network = flooded.ok || friendship === undefined ? flooded : decodeNetworkPdu(data, friendship, 0);
  if (!network.ok) return fail(network.error.reason);
  const { ctl, src, dst, ttl, seq, transportPdu } = network.value;
  const transport = decodeLowerTransportPdu(ctl, transportPdu);
  return transport.ok ? ok({ src, dst, ttl, seq, pdu: transport.value }) : fail(transport.error.reason);
}
