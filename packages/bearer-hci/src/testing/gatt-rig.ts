import { type GattAdvertisement, type GattLink, type GattService, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { MeshError, toHex } from '@meshferry/core';
import { HciCentral } from '../gatt/central.ts';
import { Connections } from '../gatt/connections.ts';
import { HciPeripheral } from '../gatt/peripheral.ts';
import type { HciHost } from '../host.ts';
import type { Radio } from '../radio.ts';
import type { ControllerOptions, EmulatedController } from './emulated-controller.ts';
import { Rig } from './rig.ts';

/** A controller with GATT on it. */
export interface GattEnd extends Radio {
  readonly host: HciHost;
  readonly controller: EmulatedController;
  readonly connections: Connections;
  readonly central: HciCentral;
  readonly peripheral: HciPeripheral;
}

/** What an end of a link tells. */
export interface Watched {
  readonly link: GattLink;
  readonly values: string[];
  ended: number;
}

export function watch(link: GattLink): Watched {
  const watched: Watched = { link, values: [], ended: 0 };
  link.listen({
    received: (value) => void watched.values.push(toHex(value)),
    disconnected: () => void watched.ended++,
  });
  return watched;
}

/** Hosts with GATT on emulated controllers, on simulated time. */
export class GattRig extends Rig {
  end(options: ControllerOptions = {}): GattEnd {
    const radio = this.radio(options);
    const connections = new Connections(radio.host);
    const central = new HciCentral(radio.host, radio.scanner, connections);
    const peripheral = new HciPeripheral(radio.host, radio, connections);
    return Object.assign(radio, { connections, central, peripheral });
  }

  /** Serves and advertises; the links as they come. */
  serve(end: GattEnd, service: GattService = MESH_PROXY_SERVICE, privateAddress = false): Watched[] {
    const links: Watched[] = [];
    end.peripheral.serve(service, (link) => void links.push(watch(link)));
    const uuid = typeof service.uuid === 'number' ? service.uuid : MESH_PROXY_SERVICE.uuid;
    const data = new Uint8Array(17).fill(end.controller.publicAddress[2]!);
    end.peripheral.advertise({ service: Number(uuid), data, intervalMs: 100, privateAddress });
    return links;
  }

  /** The first advertisement of the service within 5 s. */
  discover(end: GattEnd, service = 0x1828): GattAdvertisement {
    let found: GattAdvertisement | undefined;
    const stop = end.central.discover([service], (advertisement) => {
      found ??= advertisement;
    });
    for (let i = 0; i < 50 && found === undefined; i++) this.clock.advance(100);
    stop();
    if (found === undefined) throw new Error('nothing was found');
    return found;
  }

  /** The outcome of connecting, after as long as it takes. */
  connect(end: GattEnd, peer: string, service: GattService = MESH_PROXY_SERVICE, ms = 60_000): GattLink | MeshError {
    let outcome: GattLink | MeshError | undefined;
    end.central.connect(peer, service, (result) => {
      outcome = result;
    });
    const until = this.clock.now + ms;
    while (outcome === undefined && this.clock.now < until) this.clock.advance(10);
    if (outcome === undefined) throw new Error('connecting had no outcome');
    return outcome;
  }

  /** A link from `central` to `peripheral`, both ends. */
  linked(central: GattEnd, peripheral: GattEnd, service: GattService = MESH_PROXY_SERVICE): [Watched, Watched] {
    const links = this.serve(peripheral, service);
    const outcome = this.connect(central, this.discover(central).peer, service);
    if (outcome instanceof MeshError) throw outcome;
    this.clock.advance(100);
    return [watch(outcome), links[0]!];
  }
}
