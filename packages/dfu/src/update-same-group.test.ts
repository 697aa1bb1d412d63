import { sourceOf } from '@meshferry/blob';
import { MemoryStore, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { metadataOf } from './testing/device.ts';
import { ClientNode, GROUP, IMAGE, Mesh, NEW_ID } from './testing/mesh.ts';

const OTHER_ID = Uint8Array.of(0x59, 0, 3, 0);
const OTHER_IMAGE = IMAGE.map((octet) => octet ^ 0xff);

describe('two updates to the same group at the same time', () => {
  const course = [0, 200, 1500].flatMap((ms) => [['push', ms] as const, ['pull', ms] as const]);

  it.each(course)('each reach their own targets, in %s mode, the second %s ms later', (mode, ms) => {
    const mesh = new Mesh([{}, {}, {}, {}]);
    const second = new ClientNode(mesh, new MemoryStore(), 2);
    const receivers = (from: number) => [0, 1].map((i) => ({ address: 0x0100 + from + i, imageIndex: 0 }));
    mesh.client.start({ mode, group: GROUP, receivers: receivers(0) });
    mesh.clock.advance(ms);
    second.start({
      mode,
      group: GROUP,
      blobId: 99n,
      receivers: receivers(2),
      metadata: metadataOf(OTHER_IMAGE, OTHER_ID),
      firmwareId: OTHER_ID,
      source: sourceOf(OTHER_IMAGE),
    });
    mesh.run(mesh.client, () => mesh.client.outcome !== undefined && second.outcome !== undefined);
    expect([mesh.client.outcome, second.outcome]).toEqual(['complete', 'complete']);
    expect(mesh.firmware).toEqual([NEW_ID, NEW_ID, OTHER_ID, OTHER_ID].map((id) => toHex(id)));
  });
});
