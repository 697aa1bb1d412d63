import { type BlobSource, sourceOf } from '@meshferry/blob';
import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase, UploadPhase } from './distribution-codes.ts';
import { metadataOf } from './testing/device.ts';
import { InitiatorNode, runUntil, Scene, TO } from './testing/distribution-mesh.ts';
import { IMAGE, NEW_ID } from './testing/mesh.ts';
import { UpdatePhase as Phase } from './update-codes.ts';

/* An image replaced during its upload to a Distributor; see bad-endings.test.ts for the others. */

const NEW = toHex(NEW_ID);
const OLD = '590001';
const OTHER_ID = Uint8Array.of(0x59, 0, 9);
const OTHER_IMAGE = IMAGE.map((octet) => octet ^ 0xff);

const stored = ({ distributor }: Scene): string[] =>
  distributor.slots.images.map(({ firmwareId }) => toHex(firmwareId));

/** An upload of which some blocks have arrived. */
function uploading(source: BlobSource = sourceOf(IMAGE)): Scene {
  const scene = new Scene([{}, {}]);
  scene.upload({ source });
  runUntil(scene.mesh, () =>
    scene.uploadEvents.some((event) => event.type === 'blob' && event.event.type === 'block' && event.event.number > 0),
  );
  return scene;
}

describe('image replaced during upload', () => {
  it('another Initiator brings another image: it is told to wait, the first upload is not disturbed', () => {
    const scene = uploading();
    const second = new InitiatorNode(scene.mesh, 0x0030);
    const events = scene.uploadEvents.length;
    scene.upload(
      { firmwareId: OTHER_ID, metadata: metadataOf(OTHER_IMAGE, OTHER_ID), source: sourceOf(OTHER_IMAGE) },
      second,
    );
    runUntil(scene.mesh, () => scene.uploadEvents.slice(events).filter(({ type }) => type === 'done').length === 2);
    const ends = scene.uploadEvents.flatMap((event) => (event.type === 'done' ? [event.outcome] : []));
    expect(ends.map((end) => (end.ok ? 'stored' : end.error.code)).sort()).toEqual(['distributor-busy', 'stored']);
    expect(stored(scene)).toEqual([NEW]);
  });

  it('another Initiator cancels the upload and brings its own: the first is told, what is stored is whole', () => {
    const scene = uploading();
    const second = new InitiatorNode(scene.mesh, 0x0030);
    second.answer((done) => second.client.uploadCancel(TO, done));
    expect(scene.distributor.server.uploadPhase).toBe(UploadPhase.idle);
    const before = scene.uploadEvents.length;
    scene.upload(
      { firmwareId: OTHER_ID, metadata: metadataOf(OTHER_IMAGE, OTHER_ID), source: sourceOf(OTHER_IMAGE) },
      second,
    );
    runUntil(scene.mesh, () => scene.uploadEvents.slice(before).filter(({ type }) => type === 'done').length === 2);
    const ends = scene.uploadEvents.flatMap((event) => (event.type === 'done' ? [event.outcome] : []));
    const failed = ends.find((end) => !end.ok);
    expect(ends.filter((end) => end.ok)).toHaveLength(1);
    expect(failed).toMatchObject({ ok: false, error: { hint: expect.any(String) } });
    expect(stored(scene)).toEqual([toHex(OTHER_ID)]);
    expect(scene.distributor.slots.source(0).read(0, OTHER_IMAGE.length)).toEqual(OTHER_IMAGE);
  });

  it('the file changes under the upload: no target applies the mixture', () => {
    let image = IMAGE;
    const scene = uploading({ size: IMAGE.length, read: (offset, size) => image.subarray(offset, offset + size) });
    image = OTHER_IMAGE;
    const outcome = scene.uploaded();
    if (outcome.ok) {
      scene.fill();
      scene.start();
      scene.until(DistributionPhase.failed);
      expect(scene.receiverPhases).toEqual([Phase.verificationFailed, Phase.verificationFailed]);
    }
    expect(scene.mesh.firmware).toEqual([OLD, OLD]);
    for (const { device } of scene.mesh.targets) expect(device.calls).not.toContain('apply');
  });

  it('a newer image is uploaded while the older one is distributed: the targets get the one that was started', () => {
    const scene = new Scene([{}, {}]);
    scene.prepare();
    scene.start();
    scene.upload({ firmwareId: OTHER_ID, metadata: metadataOf(OTHER_IMAGE, OTHER_ID), source: sourceOf(OTHER_IMAGE) });
    expect(scene.uploaded().ok).toBe(true);
    scene.until(DistributionPhase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW]);
    for (const { device } of scene.mesh.targets) expect(device.running).toEqual(IMAGE);
  });
});
