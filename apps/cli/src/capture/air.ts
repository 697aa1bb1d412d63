import { hexNumber } from '@meshferry/cdb';
import { MeshError, SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { makeFirmware } from '@meshferry/firmware';
import { chooseWay } from '../bearers/way.ts';
import { requireNetwork, withSession } from '../network/open.ts';
import type { Session } from '../network/session.ts';
import { Shell } from '../shell/shell.ts';
import { chooseGroup } from '../update/group.ts';
import { type Mesh, withMesh } from '../update/mesh.ts';
import type { CaptureKeys } from './capture-keys.ts';
import type { CaptureEvent } from './capture-writer.ts';

/** Octets of the image of an update that is simulated to have traffic. */
const PAYLOAD = 4 * 1024;
const VERSION = { major: 1, minor: 0, revision: 0, build: 0 };

/** Given the session that it is heard in, takes every advertising event. */
export type Listener = (session: Session) => (event: CaptureEvent) => void;

/** The keys of the network that is kept, in a Key Refresh the new ones; none while there is no network. */
export function keysOfAir({ state, network }: Session): CaptureKeys {
  const { netKeys = [], appKeys = [], nodes = [] } = state?.document ?? {};
  const lower = (key: string) => key.toLowerCase();
  return {
    ivIndex: network?.ivIndex ?? 0,
    netKeys: netKeys.map(({ index, key }) => ({ index, key: lower(key) })),
    appKeys: appKeys.map(({ index, boundNetKey, key }) => ({ index, key: lower(key), boundNetKey })),
    devKeys: nodes.flatMap(({ unicastAddress, deviceKey }) =>
      deviceKey === undefined ? [] : [{ addr: hexNumber(unicastAddress), key: lower(deviceKey) }],
    ),
  };
}

/**
 * Listens to what `--bearer` names, for so many seconds of its time: a real radio until Ctrl-C without them, a simulated
 * network until an update is over. Gives the seconds.
 */
export function hearAir(shell: Shell, seconds: number | undefined, listen: Listener): Promise<number> {
  return chooseWay(shell).sim === undefined
    ? hearRadio(shell, seconds, listen)
    : hearSimulatedUpdate(shell, seconds, listen);
}

/** The node of this process, if there is one, only listens. */
function hearRadio(shell: Shell, seconds: number | undefined, listen: Listener): Promise<number> {
  const hear = async (session: Session): Promise<number> => {
    const { clock, traffic } = session;
    // A proxy tells only its clients in the network.
    if (!traffic.isOnAir) requireNetwork(shell, session);
    const begun = clock.now;
    const unlisten = traffic.listen(listen(session));
    const timeIsUp = new Promise<void>((resolve) => {
      if (seconds !== undefined) clock.after(1000 * seconds, () => resolve());
    });
    try {
      await session.run(timeIsUp, interrupted);
      return (clock.now - begun) / 1000;
    } finally {
      unlisten();
    }
  };
  return withSession(shell, hear, { node: 'listener' });
}

/**
 * Has the network update the firmware of its targets, so that there is something to hear. Leaves nothing behind: a
 * `--state` is not touched.
 */
function hearSimulatedUpdate(given: Shell, seconds: number | undefined, listen: Listener): Promise<number> {
  const { state: _, ...options } = given.options;
  const shell = new Shell(given.io, options);
  return withMesh(shell, async (mesh) => {
    const { session } = mesh;
    const targets = mesh.chooseTargets(undefined);
    const unlisten = session.traffic.listen(listen(session));
    const made = await makeFirmware({
      payload: new SeededRandom('meshferry capture').bytes(PAYLOAD),
      version: VERSION,
      company: mesh.company,
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
      return session.clock.now / 1000;
    } finally {
      unlisten();
    }
  });
}

/** After so many simulated seconds, whatever becomes of the update. */
function timeIsUp({ session }: Mesh, seconds: number, update: Promise<unknown>): Promise<void> {
  update.catch(() => {}); // it ends with the network, unfinished, when time is up before
  return new Promise((resolve) => session.clock.after(1000 * seconds, () => resolve()));
}

function interrupted(): MeshError {
  return new MeshError('interrupted', 'interrupted: what was heard until then is complete', {
    hint: 'Give --seconds N to listen for so long.',
  });
}
