import { hexNumber } from '@meshferry/cdb';
import { MeshError, SeededRandom, type Unsubscribe } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { makeFirmware } from '@meshferry/firmware';
import { Shell } from '../shell/shell.ts';
import { chooseGroup } from '../update/group.ts';
import { type Mesh, withMesh } from '../update/mesh.ts';
import type { CaptureKeys } from './capture-keys.ts';
import type { CaptureEvent } from './capture-writer.ts';

/** Octets of the image of an update that is simulated to have traffic. */
const PAYLOAD = 4 * 1024;
const VERSION = { major: 1, minor: 0, revision: 0, build: 0 };

/** Calls `heard` for every advertising event of the network, whoever sends it, when it ends. */
export function listenToAir({ world }: Mesh, heard: (event: CaptureEvent) => void): Unsubscribe {
  return world.radio.tap(({ node, at, type, data }) => heard({ t: Math.round(at * 1000), device: node, type, data }));
}

/** The keys of the simulated network; in a Key Refresh the new ones. */
export function keysOfAir({ network }: Mesh): CaptureKeys {
  const { netKeys, appKeys, nodes } = network.document;
  const lower = (key: string) => key.toLowerCase();
  return {
    ivIndex: network.ivIndex,
    netKeys: netKeys.map(({ index, key }) => ({ index, key: lower(key) })),
    appKeys: appKeys.map(({ index, boundNetKey, key }) => ({ index, key: lower(key), boundNetKey })),
    devKeys: nodes.flatMap(({ unicastAddress, deviceKey }) =>
      deviceKey === undefined ? [] : [{ addr: hexNumber(unicastAddress), key: lower(deviceKey) }],
    ),
  };
}

/**
 * Opens the simulated network of `--bearer` for a listener and has it update the firmware of its targets, so that there is
 * something to hear: until the update is over, or for so many simulated seconds. Gives the simulated seconds. Leaves
 * nothing behind: a `--state` is not touched.
 */
export function hearSimulatedUpdate(
  given: Shell,
  seconds: number | undefined,
  listen: (mesh: Mesh) => (event: CaptureEvent) => void,
): Promise<number> {
  const { state: _, ...options } = given.options;
  const shell = new Shell(given.io, options);
  return withMesh(shell, async (mesh) => {
    const targets = mesh.chooseTargets(undefined);
    const unlisten = listenToAir(mesh, listen(mesh));
    const made = await makeFirmware({
      payload: new SeededRandom('meshferry capture').bytes(PAYLOAD),
      version: VERSION,
      company: mesh.sim.company,
      crypto: portableCrypto,
    });
    const group = chooseGroup(undefined, targets.length);
    const update = mesh.job.run({
      image: made.image,
      metadata: made.metadata,
      firmwareId: made.firmwareId,
      targets,
      appIndex: mesh.appIndex,
      ...group,
    });
    try {
      await mesh.run<unknown>(seconds === undefined ? update : timeIsUp(mesh, seconds, update), interrupted);
      return mesh.world.clock.now / 1000;
    } finally {
      unlisten();
    }
  });
}

/** After so many simulated seconds, whatever becomes of the update. */
function timeIsUp({ world }: Mesh, seconds: number, update: Promise<unknown>): Promise<void> {
  update.catch(() => {}); // it ends with the network, unfinished, when time is up before
  return new Promise((resolve) => world.clock.after(1000 * seconds, () => resolve()));
}

function interrupted(): MeshError {
  return new MeshError('interrupted', 'interrupted: what was heard until then is complete', {
    hint: 'Give --seconds N to listen for so long.',
  });
}
