import { describe, expect, test } from 'vitest';
import { testImage } from '../bootloader/testing/boot-bench.ts';
import { SmpGroup } from '../groups.ts';
import { BootloaderInfo } from '../messages/os.ts';
import { imagesOf, NEW, OLD, UpdateBench } from './testing/update-bench.ts';

const images = await imagesOf(testImage(NEW));

describe('what the device is asked before', () => {
  const isModeQuery = (packet: Uint8Array) =>
    packet[5] === SmpGroup.os && packet[7] === BootloaderInfo.command && packet.length > 12;

  test.each([1, 3])('and does not answer is asked again before it is taken for unknown: %i lost', async (most) => {
    const bench = new UpdateBench({ mode: 'loader', old: [testImage(OLD)] });
    bench.device.powerOff();
    bench.device.program(0, 1, testImage('0.0.1+0'));
    bench.device.powerOn();
    bench.clock.advance(1000);
    let lost = 0;
    bench.carries = (packet, from) => from === 'server' || !isModeQuery(packet) || ++lost > most;
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated', error: null });
  });

  test('and never answers it is done without', async () => {
    const bench = new UpdateBench();
    bench.carries = (packet, from) => from === 'server' || !isModeQuery(packet);
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated', error: null, stats: { links: 2 } });
  });
});
