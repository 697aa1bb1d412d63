import { SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { SmpClient } from '../client/client.ts';
import { PacketLink, type PacketLinkOptions, settled } from '../client/testing/packet-link.ts';
import { TestDevice, type TestDeviceOptions } from '../client/testing/test-device.ts';
import { startImageUpload } from './image-upload.ts';

const content = new SeededRandom('image').bytes(20_000);

function bench(device: TestDeviceOptions = {}, link: PacketLinkOptions = {}) {
  const clock = new VirtualClock();
  const target = new TestDevice(clock, device);
  const transport = new PacketLink(clock, target.receive, link);
  const client = new SmpClient(transport, clock);
  return { clock, target, transport, client };
}

describe('uploading an image', () => {
  it('brings every octet', async () => {
    const { clock, target, client } = bench();
    const report = await settled(clock, startImageUpload(client, content).finished);
    expect(report).toEqual({ total: 20_000, moved: 20_000, match: undefined });
    expect(target.content).toEqual(content);
  });
});
