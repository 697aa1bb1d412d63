import { VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { McumgrParameters } from '../messages/os.ts';
import { decodeHeader } from '../packet.ts';
import type { SmpLimitOptions } from './capacity.ts';
import { SmpClient } from './client.ts';
import { PacketLink, type PacketLinkOptions, settled } from './testing/packet-link.ts';
import { refusal } from './testing/test-device.ts';

const SERIAL = { limit: Number.POSITIVE_INFINITY, bufferOverhead: 4, lossy: true };
const UDP = { limit: 1472, lossy: true };

/** What a client makes of a device with these buffers; none: it does not tell. */
function limits(
  buffers: readonly [size: number, count: number] | undefined,
  link: PacketLinkOptions,
  options?: SmpLimitOptions,
) {
  const clock = new VirtualClock();
  const transport = new PacketLink(
    clock,
    (packet, answer) => {
      const header = decodeHeader(packet)!;
      if (buffers === undefined) answer(refusal(header, 8));
      else answer(McumgrParameters.encodeResponse({ bufSize: buffers[0], bufCount: buffers[1] }, header));
    },
    link,
  );
  return settled(clock, new SmpClient(transport, clock).capacity.limits(options));
}

describe('how much a device takes at a time', () => {
  it('over a serial line is its buffer without the frame, and little where it does not tell', async () => {
    expect(await limits([384, 4], SERIAL)).toEqual({ packet: 380, window: 3 });
    expect(await limits([1024, 1], SERIAL)).toEqual({ packet: 1020, window: 1 });
    expect(await limits(undefined, SERIAL)).toEqual({ packet: 256, window: 1 });
  });

  it('over UDP is its buffer or the path, whichever is shorter', async () => {
    expect(await limits([2048, 2], UDP)).toEqual({ packet: 1472, window: 1 });
    expect(await limits([600, 5], UDP)).toEqual({ packet: 600, window: 4 });
    expect(await limits(undefined, UDP)).toEqual({ packet: 1472, window: 1 });
  });

  it('is what the user says, within what the device has buffers for', async () => {
    expect(await limits(undefined, SERIAL, { bufferSize: 1024, window: 4 })).toEqual({ packet: 1020, window: 1 });
    expect(await limits([384, 4], SERIAL, { bufferSize: 128, window: 2 })).toEqual({ packet: 124, window: 2 });
    expect(await limits([384, 4], SERIAL, { window: 9 })).toEqual({ packet: 380, window: 3 });
  });

  it('has an end, whatever the device says', async () => {
    expect(await limits([4_000_000_000, 4_000_000_000], SERIAL)).toEqual({ packet: 65_535, window: 16 });
    expect((await limits([1024, 0], UDP)).window).toBe(1);
  });

  it('is not known where the answer makes no sense', async () => {
    const clock = new VirtualClock();
    const link = new PacketLink(
      clock,
      (packet, answer) => answer(refusal(decodeHeader(packet)!, 1).with(8, 0x1f)),
      UDP,
    );
    const client = new SmpClient(link, clock);
    expect(await settled(clock, client.capacity.limits())).toEqual({ packet: 1472, window: 1 });
  });

  it('is asked again after silence', async () => {
    const clock = new VirtualClock();
    let isAwake = false;
    const link = new PacketLink(clock, (packet, answer) => {
      if (isAwake) answer(McumgrParameters.encodeResponse({ bufSize: 512, bufCount: 3 }, decodeHeader(packet)!));
    });
    const { capacity } = new SmpClient(link, clock);
    await expect(settled(clock, capacity.limits())).rejects.toMatchObject({ code: 'smp-timeout' });
    isAwake = true;
    expect(await settled(clock, capacity.limits())).toEqual({ packet: 512, window: 2 });
  });
});
