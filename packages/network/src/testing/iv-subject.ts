import { portableCrypto } from '@meshferry/crypto';
import { NetKeyMaterial, type SubnetSecurity } from '../key-material.ts';
import type { NetworkChange } from '../network-change.ts';
import type { NetworkLayer } from '../network-layer.ts';
import type { NetworkLayerOptions } from '../options.ts';
import { decodeNetworkPdu } from '../pdu.ts';
import { HOUR, secureBeacon } from './beacon.ts';
import { appMessage, NET_KEY } from './node.ts';
import { ScriptedNode } from './scripted-node.ts';

/** What secures the PDUs of these nodes. */
export const FLOODING: SubnetSecurity = new NetKeyMaterial(portableCrypto, 0, NET_KEY).flooding;

/** A node whose peer is the test, and what it tells of changes. */
export class Subject {
  readonly scripted: ScriptedNode;
  readonly changes: NetworkChange[] = [];

  constructor(options: Partial<NetworkLayerOptions>) {
    this.scripted = new ScriptedNode(options);
    this.layer.changes.subscribe((change) => this.changes.push(change));
  }

  get layer(): NetworkLayer {
    return this.scripted.node.layer;
  }

  get state(): [number, boolean] {
    const { ivIndex, updating } = this.layer.ivUpdate;
    return [ivIndex, updating];
  }

  advance(hours: number): void {
    this.scripted.clock.advance(hours * HOUR);
  }

  hear(ivIndex: number, ivUpdate: boolean, netKey: Uint8Array = NET_KEY): void {
    this.scripted.bearer.hear(secureBeacon(netKey, { ivIndex, ivUpdate }), 0x2b);
  }

  /** IV Index of the PDU that the node sends now. */
  transmitsWith(): number {
    this.layer.send({ ...appMessage(1, 0x7000, 5), ttl: 2 });
    const { data } = this.scripted.bearer.sent.at(-1)!;
    const { ivIndex } = this.layer;
    return [ivIndex, ivIndex - 1].find((index) => decodeNetworkPdu(data, FLOODING, index).ok) ?? -1;
  }

  /** Whether it reads a PDU that was sent with this IV Index. */
  accepts(ivIndex: number): boolean {
    const { received } = this.layer.counters;
    const control = { format: 'unsegmented-control', opcode: 0x22, parameters: new Uint8Array(2) } as const;
    this.scripted.say(control, { src: 0x300 + (ivIndex % 50), ivIndex, dst: 0x7000 });
    return this.layer.counters.received > received;
  }
}
