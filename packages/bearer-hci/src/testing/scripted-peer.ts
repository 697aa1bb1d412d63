import { encodeServiceAdvertisement } from '@meshferry/bearer';
import { fromHex, toHex } from '@meshferry/core';
import type { Connection } from '../gatt/connection.ts';
import { Connections } from '../gatt/connections.ts';
import { Initiator } from '../gatt/initiator.ts';
import type { Peer } from '../gatt/peer.ts';
import type { ControllerOptions, EmulatedController } from './emulated-controller.ts';
import type { GattRig } from './gatt-rig.ts';

/** What a peer answers to a PDU, each in hex; nothing: it stays silent. */
export type Script = (pdu: string) => readonly string[];

/** A peer that does what a test tells it: ATT PDUs and frames as it likes. */
export interface ScriptedPeer {
  readonly controller: EmulatedController;
  /** The connections so far, the latest last. */
  readonly connections: Connection[];
  /** ATT PDUs that it got, in hex. */
  readonly heard: string[];
  script: Script;
  /** Sends an ATT PDU. */
  send(pdu: string): void;
  /** Sends an L2CAP frame as it is, header included. */
  frame(frame: string | Uint8Array): void;
  disconnect(): void;
}

/** A peripheral that advertises 0x1828 and answers by a script. */
export function scriptedPeripheral(rig: GattRig, script: Script, options: ControllerOptions = {}): ScriptedPeer {
  const radio = rig.radio(options);
  const connections = new Connections(radio.host);
  const peer = newPeer(radio.controller, script);
  const data = encodeServiceAdvertisement({ service: 0x1828, data: new Uint8Array(9) });
  const offer = (): void => {
    const connectable = { data, scanResponse: new Uint8Array(), intervalMs: 100, newAddress: false };
    radio.advertising.offer({ ...connectable, connected: offer });
  };
  offer();
  connections.acceptor = (connection) => take(peer, connection);
  return peer;
}

/** A central that is connected to `address` and asks what a test wants. */
export function scriptedCentral(rig: GattRig, target: Peer, options: ControllerOptions = {}): ScriptedPeer {
  const radio = rig.radio(options);
  const connections = new Connections(radio.host);
  const peer = newPeer(radio.controller, () => []);
  new Initiator(radio.host, radio.scanner, connections).connect(target, (outcome) => {
    if ('connection' in outcome) take(peer, outcome.connection);
  });
  for (let i = 0; i < 100 && peer.connections.length === 0; i++) rig.clock.advance(100);
  return peer;
}

function newPeer(controller: EmulatedController, script: Script): ScriptedPeer {
  const latest = () => peer.connections.at(-1);
  const peer: ScriptedPeer = {
    controller,
    connections: [],
    heard: [],
    script,
    send: (pdu) => latest()?.sendAtt(fromHex(pdu.replaceAll(' ', '')), () => {}),
    frame: (frame) => {
      const octets = typeof frame === 'string' ? fromHex(frame.replaceAll(' ', '')) : frame;
      const connection = latest();
      connection?.host.acl.send(connection.handle, octets, () => {});
    },
    disconnect: () => latest()?.disconnect(),
  };
  return peer;
}

/** All PDUs of a connection go to the script, responses too. */
function take(peer: ScriptedPeer, connection: Connection): void {
  peer.connections.push(connection);
  const hear = (pdu: Uint8Array) => {
    peer.heard.push(toHex(pdu));
    for (const answer of peer.script(toHex(pdu))) connection.sendAtt(fromHex(answer.replaceAll(' ', '')), () => {});
  };
  connection.server = { receive: hear };
  connection.client.receive = hear;
  connection.values = (handle, value) => {
    peer.heard.push(`value ${handle.toString(16)} ${toHex(value)}`);
  };
}
