import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { type Arrival, GROUP, Mesh, NEW_ID, type TargetNode, type TargetTraits } from './testing/mesh.ts';
import { UpdatePhase as Phase } from './update-codes.ts';

/*
 * Targets as other stacks build them, each with what it does in its own way [blob.md 13, firmware-update.md 7 and 8,
 * conformance/dfu.md 3, E2E/02]: the update completes.
 */

const NEW = toHex(NEW_ID);
const CLIENT = 1;
const TRANSFER_START = '8301';
const TRANSFER_STATUS = '8303';
const INFORMATION_STATUS = '8307';
const CHUNK = '66';
const BLOCK_STATUS = '67';

const octets = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (octet) => Number.parseInt(octet, 16));
const replace = (hex: string, at: number, by: string): string =>
  hex.slice(0, 2 * at) + by + hex.slice(2 * at + by.length);

/** Rewrites messages by their octets, as hex; undefined: it is lost. */
function rewriting(mesh: Mesh, rewrite: (hex: string, to: number, target?: TargetNode) => string | undefined): Arrival {
  return ({ payload, src }, to, deliver) => {
    const target = mesh.targets.find(({ address }) => address === (to === CLIENT ? src : to));
    const hex = rewrite(toHex(payload), to, target);
    if (hex !== undefined) deliver(octets(hex));
  };
}

function updated(mesh: Mesh, parameters: Parameters<Mesh['client']['start']>[0] = {}): void {
  mesh.client.start(parameters);
  mesh.run();
  expect(mesh.client.errors).toEqual(mesh.targets.map(() => undefined));
  expect(mesh.firmware).toEqual(mesh.targets.map(() => NEW));
}

describe.each([
  ['push by unicast', {}],
  ['push by group', { group: GROUP }],
  ['pull', { mode: 'pull' as const }],
])('E2E/02: %s', (_, parameters) => {
  it('MTU 384: counts the TransMIC where 380 is the largest', () => {
    const mesh = new Mesh([{}, {}]);
    let isSeen = 0;
    mesh.onArrival = rewriting(mesh, (hex) => {
      if (hex.startsWith(INFORMATION_STATUS)) {
        isSeen++;
        // MTU 384, and chunks of 381 to match.
        return replace(replace(hex, 2 + 10, '8001'), 2 + 4, '7d01');
      }
      if (hex.startsWith(TRANSFER_STATUS) && hex.length >= 2 * 19) return replace(hex, 2 + 15, '8001');
      if (hex.startsWith(CHUNK)) expect(hex.length / 2).toBeLessThanOrEqual(380);
      return hex;
    });
    updated(mesh, parameters);
    expect(isSeen).toBe(2);
  });

  it('MTU 384 from the client, too', () => {
    const mesh = new Mesh([{}]);
    let isSeen = 0;
    mesh.onArrival = rewriting(mesh, (hex) => {
      if (!hex.startsWith(TRANSFER_START)) return hex;
      isSeen++;
      return replace(hex, 2 + 14, '8001');
    });
    updated(mesh, parameters);
    expect(isSeen).toBeGreaterThan(0);
  });

  it('the last-chunk rule: drops the last chunk of a block that chunks fill whole', () => {
    const mesh = new Mesh([{ capabilities: { maxChunkSize: 64 } }, { capabilities: { maxChunkSize: 128 } }]);
    let chunkSize = 0;
    mesh.onArrival = rewriting(mesh, (hex) => {
      if (hex.startsWith('8304')) chunkSize = Number.parseInt(hex.slice(10, 12) + hex.slice(8, 10), 16);
      if (!hex.startsWith(CHUNK)) return hex;
      // The image has blocks of 256, 256 and 88 octets.
      const number = Number.parseInt(hex.slice(4, 6) + hex.slice(2, 4), 16);
      const isDropped = 256 % chunkSize === 0 && number === 256 / chunkSize - 1;
      return isDropped ? undefined : hex;
    });
    updated(mesh, parameters);
  });

  it('RFU bits that are set in every status', () => {
    const mesh = new Mesh([{}, {}]);
    mesh.onArrival = rewriting(mesh, (hex, to) => {
      if (to !== CLIENT) return hex;
      const or = (at: number, bits: number): string =>
        replace(hex, at, (Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16) | bits).toString(16).padStart(2, '0'));
      if (hex.startsWith(TRANSFER_STATUS)) return or(2, 0x30);
      if (hex.startsWith(BLOCK_STATUS)) return or(1, 0x30);
      if (hex.startsWith('8310')) return or(2, 0x18);
      return hex;
    });
    updated(mesh, parameters);
  });
});

describe('Zephyr', () => {
  /** Its defaults: one block size, 256 chunks, time-out base of the phone app. */
  const ZEPHYR: TargetTraits = {
    capabilities: { minBlockSizeLog: 12, maxBlockSizeLog: 12, maxChunksNumber: 256, maxChunkSize: 377 },
  };

  it('one block size alone, chunks of a fixed least size, time-out base 118', () => {
    updated(new Mesh([ZEPHYR, ZEPHYR]), { timeoutBase: 118, group: GROUP, ttl: 0xff });
  });

  it('does not verify again after a restart: it is told apart, and the others are updated', () => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start({ policy: 'verify' });
    mesh.run(mesh.client, () => run.phase === 'verified');
    const [target] = mesh.targets;
    target!.powerOff();
    // What was verified counts for nothing any more.
    target!.device.slot = new Uint8Array(600);
    target!.powerOn();
    expect(target!.update.phase).toBe(Phase.verificationFailed);
    run.apply();
    mesh.run();
    expect(mesh.client.errors).toEqual(['verification-failed', undefined]);
    expect(mesh.firmware).toEqual(['590001', NEW]);
  });

  it('answers an empty list for the first index beyond it', () => {
    const mesh = new Mesh([{}]);
    let entries = -1;
    mesh.client.update.informationGet(0x0100, 0, (outcome) => {
      entries = outcome.ok ? outcome.value.entries.length : -2;
    });
    mesh.onArrival = ({ payload }, _, deliver) => {
      const hex = toHex(payload);
      // It says that there are two, and gives one.
      deliver(hex.startsWith('830901') ? octets(replace(hex, 2, '02')) : undefined);
    };
    mesh.run(mesh.client, () => entries !== -1);
    expect(entries).toBe(1);
  });

  it('a list of which each message brings one entry', () => {
    const images = [2, 3, 4].map((version) => ({ firmwareId: Uint8Array.of(0x59, 0, version) }));
    const mesh = new Mesh([{ moreImages: images }]);
    mesh.onArrival = ({ payload }, to, deliver) => {
      const hex = toHex(payload);
      deliver(to !== CLIENT && hex.startsWith('8308') ? octets(replace(hex, 3, '01')) : undefined);
    };
    const found: string[] = [];
    mesh.client.update.informationGet(0x0100, 0, (outcome) => {
      if (outcome.ok) found.push(...outcome.value.entries.map(({ firmwareId }) => toHex(firmwareId)));
    });
    mesh.run(mesh.client, () => found.length > 0);
    expect(found).toEqual(['590001', '590002', '590003', '590004']);
    updated(mesh);
  });
});

describe('an answer with octets that nobody sends', () => {
  it.each(['83', '8310', '8310e0', '831040', '831040ff', '8309', '830901', '8309ff00ff'])('%s is ignored', (hex) => {
    const mesh = new Mesh([{}]);
    const left = new Set(['830d', '830c', '830f', '8308']);
    mesh.onArrival = ({ payload, src }, _, deliver) => {
      const request = toHex(payload.subarray(0, 2));
      deliver();
      // Once to each request, from the target itself.
      if (src === CLIENT && left.delete(request)) {
        mesh.clock.after(5, () =>
          mesh.targets[0]!.update.model.send(
            { name: 'raw', opcode: 0, encode: () => octets(hex) } as never,
            undefined,
            { dst: CLIENT, appIndex: 0 },
          ),
        );
      }
    };
    updated(mesh);
    expect(left.size).toBe(0);
  });
});
