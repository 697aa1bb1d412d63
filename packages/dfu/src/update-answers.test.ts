import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { Mesh } from './testing/mesh.ts';
import { UpdateEffect, UpdatePhase, UpdateStatus } from './update-codes.ts';

describe('single requests', () => {
  it('reads a list of 255 images page by page', () => {
    const moreImages = Array.from({ length: 254 }, (_, i) => ({
      firmwareId: Uint8Array.of(0x59, 0, 0xff, i),
      updateUri: i % 50 === 0 ? `https://example.com/${i}` : '',
    }));
    const mesh = new Mesh([{ moreImages }]);
    let entries: readonly { firmwareId: Uint8Array; updateUri: string }[] = [];
    mesh.client.update.informationGet(0x0100, 0, (outcome) => {
      if (outcome.ok) entries = outcome.value.entries;
    });
    mesh.run(mesh.client, () => entries.length > 0);
    expect(entries.slice(1).map(({ firmwareId }) => toHex(firmwareId))).toEqual(
      moreImages.map(({ firmwareId }) => toHex(firmwareId)),
    );
    expect(entries[51]?.updateUri).toBe('https://example.com/50');
    expect(mesh.heard.filter(({ hex }) => hex.startsWith('8309')).length).toBeGreaterThan(3);
  });

  it('reads a list image by image when asked to', () => {
    const mesh = new Mesh([{ moreImages: [{ firmwareId: Uint8Array.of(0x59, 0, 7) }] }]);
    let count = 0;
    mesh.client.update.informationGet(
      0x0100,
      0,
      (outcome) => {
        if (outcome.ok) count = outcome.value.entries.length;
      },
      1,
    );
    mesh.run(mesh.client, () => count === 2);
    const asked = mesh.heard.filter(({ hex }) => hex.startsWith('8308')).map(({ hex }) => hex);
    expect(asked).toEqual(['83080001', '83080101']);
  });

  it('checks metadata without changing anything, and tells silence', () => {
    const mesh = new Mesh([{ effect: UpdateEffect.unprovisioned }, { refuseMetadata: true }, {}]);
    mesh.targets[2]!.powerOff();
    const { metadata } = mesh.parameters();
    const outcomes: unknown[] = [];
    for (const { address } of mesh.targets) {
      mesh.client.update.metadataCheck(address, 0, 0, metadata, (outcome) => outcomes.push(outcome));
    }
    mesh.client.update.metadataCheck(0x0100, 0, 9, metadata, (outcome) => outcomes.push(outcome));
    mesh.run(mesh.client, () => outcomes.length === 4);
    expect(outcomes).toEqual(
      expect.arrayContaining([
        { ok: true, value: { status: UpdateStatus.success, effect: UpdateEffect.unprovisioned } },
        { ok: true, value: { status: UpdateStatus.metadataCheckFailed, effect: 0 } },
        { ok: true, value: { status: UpdateStatus.wrongFirmwareIndex, effect: 0 } },
        { ok: false, error: expect.objectContaining({ code: 'no-response' }) },
      ]),
    );
    expect(mesh.targets[0]!.device.calls).toEqual([]);
  });

  it('asks for and cancels whatever update a node is in', () => {
    const mesh = new Mesh([{ holdVerification: true }]);
    mesh.client.start();
    mesh.run(mesh.client, () => mesh.targets[0]!.update.phase === UpdatePhase.verifyingUpdate);
    mesh.client.run?.stop();
    const phases: (number | string)[] = [];
    mesh.client.update.updateGet(0x0100, 0, (outcome) => {
      phases.push(outcome.ok ? outcome.value.phase : outcome.error.code);
      mesh.client.update.updateCancel(0x0100, 0, (after) =>
        phases.push(after.ok ? after.value.phase : after.error.code),
      );
    });
    mesh.run(mesh.client, () => phases.length === 2);
    expect(phases).toEqual([UpdatePhase.verifyingUpdate, UpdatePhase.idle]);
    expect(mesh.targets[0]!.update.phase).toBe(UpdatePhase.idle);
  });

  it('finds the new firmware id on a later page when it confirms', () => {
    const images = Array.from({ length: 80 }, (_, i) => ({ firmwareId: new Uint8Array(60).fill(i + 1) }));
    const mesh = new Mesh([{ moreImages: [...images, { firmwareId: Uint8Array.of(0x77, 0, 9) }] }]);
    mesh.client.start({ firmwareId: Uint8Array.of(0x77, 0, 9) });
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined]);
  });
});
