import type { Unicast } from '@meshferry/core';
import { requireProvisioner } from './addresses.ts';
import { change, kept, mapped, refused, unknown } from './change.ts';
import { hex4, hexNumber } from './forms.ts';
import type { NetworkDocument, SceneEntry } from './model.ts';

/** The document with one more scene, 1 to 0xFFFF; throws `scene-exists`, `bad-number`. */
export function addScene(document: NetworkDocument, number: number, name: string): NetworkDocument {
  const hex = hex4(number);
  if (number === 0) throw refused('bad-number', 'a scene cannot have the number 0', 'Give 1 to 0xFFFF.');
  if (document.scenes.some((scene) => scene.number === hex)) {
    throw refused('scene-exists', `the network has scene ${hex} already`, 'Ask freeSceneNumber for a number.');
  }
  return change(document, { scenes: [...document.scenes, { number: hex, name, addresses: [] }] });
}

export function renameScene(document: NetworkDocument, number: number, name: string): NetworkDocument {
  return withScene(document, number, (scene) => change(scene, { name }));
}

/** The document without a scene; throws `unknown-scene`, and `scene-in-use` while elements have it stored. */
export function removeScene(document: NetworkDocument, number: number): NetworkDocument {
  const scene = requireScene(document, number);
  if (scene.addresses.length > 0) {
    const message = `scene "${scene.name}" is stored on ${scene.addresses.join(', ')}`;
    throw refused('scene-in-use', message, 'Delete it from these elements first.');
  }
  return change(document, { scenes: document.scenes.filter((one) => one !== scene) });
}

/** An element has stored the scene (or deleted it: `stored` false). */
export function recordScene(
  document: NetworkDocument,
  number: number,
  element: Unicast,
  stored: boolean,
): NetworkDocument {
  const address = hex4(element);
  return withScene(document, number, (scene) => {
    const others = kept(scene.addresses, (one) => one !== address);
    if (!stored) return change(scene, { addresses: others });
    return others === scene.addresses ? change(scene, { addresses: [...others, address].sort() }) : scene;
  });
}

/** The first scene number in the provisioner's ranges that no scene has; throws `addresses-exhausted`. */
export function freeSceneNumber(document: NetworkDocument, provisioner: string): number {
  const { provisionerName, allocatedSceneRange } = requireProvisioner(document, provisioner);
  const taken = new Set(document.scenes.map((scene) => scene.number));
  for (const { firstScene, lastScene } of allocatedSceneRange) {
    for (let number = hexNumber(firstScene); number <= hexNumber(lastScene); number++) {
      if (!taken.has(hex4(number))) return number;
    }
  }
  const message = `provisioner "${provisionerName}" has no free scene number`;
  throw refused('addresses-exhausted', message, 'Give it another range of scenes, or remove scenes.');
}

function requireScene({ scenes }: NetworkDocument, number: number): SceneEntry {
  const hex = hex4(number);
  const found = scenes.find((scene) => scene.number === hex);
  if (found !== undefined) return found;
  throw unknown('scene', hex, 'Add the scene first.');
}

function withScene(document: NetworkDocument, number: number, to: (scene: SceneEntry) => SceneEntry): NetworkDocument {
  const before = requireScene(document, number);
  return change(document, { scenes: mapped(document.scenes, (scene) => (scene === before ? to(scene) : scene)) });
}
