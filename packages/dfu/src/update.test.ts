import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { GROUP, IMAGE, Mesh, NEW_ID } from './testing/mesh.ts';
import { UpdateEffect, UpdatePhase, UpdateStatus } from './update-codes.ts';

const NEW = toHex(NEW_ID);

describe('a firmware update of several targets', () => {
  for (const group of [undefined, GROUP]) {
    it(`goes through all steps ${group === undefined ? 'by unicast' : 'with the image by group'}`, () => {
      const mesh = new Mesh([{}, {}, {}]);
      mesh.client.start(group === undefined ? {} : { group });
      mesh.run();
      expect(mesh.client.outcome).toBe('complete');
      expect(mesh.client.phases).toEqual([
        'starting',
        'transferring',
        'refreshing',
        'verified',
        'applying',
        'confirming',
        'done',
      ]);
      for (const receiver of mesh.client.run?.receivers ?? []) {
        expect(receiver).toMatchObject({
          phase: UpdatePhase.applySuccess,
          updateStatus: UpdateStatus.success,
          transferStatus: 0,
          progress: 100,
          effect: UpdateEffect.unchanged,
          error: undefined,
          firmwareId: NEW_ID,
        });
      }
      for (const { device } of mesh.targets) expect(device.running).toEqual(IMAGE);
      expect(mesh.firmware).toEqual([NEW, NEW, NEW]);
      expect(mesh.client.update.saved()).toBeUndefined();
    });
  }
});
