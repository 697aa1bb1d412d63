import { createCipheriv, createDecipheriv } from 'node:crypto';
import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { AirEvent } from './advertiser.ts';
import { firmware, UpdateWorld } from './testing/update-world.ts';
import { worldKeys } from './world-keys.ts';

const MESH_MESSAGE = 0x2a;

describe('the air between two nodes', () => {
  it('carries the image: found with the keys and node:crypto alone', async () => {
    const made = await firmware(20_000);
    const run = new UpdateWorld('sim:targets=2,seed=5,loss=0.05');
    const observer = new Observer(5);
    run.world.radio.tap((event) => {
      if (event.node === 0 && event.type === MESH_MESSAGE) observer.hear(event);
    });
    await run.update(made);
    expect(run.running(made)).toEqual(['new', 'new']);
    expect(observer.unreadable).toBe(0);
    expect(toHex(observer.image.subarray(0, made.image.length))).toBe(toHex(made.image));
    // And nowhere in clear: no part of the application is on the air as it stands.
    const air = Buffer.concat(observer.heard);
    for (let at = 600; at + 8 < made.image.length; at += 997)
      expect(air.includes(Buffer.from(made.image.subarray(at, at + 8)))).toBe(false);
  });
});

/**
 * Reads what the updater sends, written from the specification without a line of the stack: k2 and k4 on a CMAC of its
 * own, OpenSSL's AES-CCM, segments, and the two BLOB messages that say where an octet belongs.
 */
class Observer {
  readonly image = Buffer.alloc(1 << 20);
  readonly heard: Buffer[] = [];
  unreadable = 0;
  readonly #nid: number;
  readonly #encryptionKey: Buffer;
  readonly #privacyKey: Buffer;
  readonly #appKey: Buffer;
  readonly #seen = new Set<string>();
  readonly #messages = new Map<string, { seq: number; segments: Buffer[]; last: number }>();
  #blockSize = 0;
  #block = { number: 0, chunkSize: 0 };

  constructor(seed: number) {
    const { netKeys, appKeys } = worldKeys(seed, 0x0001);
    const netKey = Buffer.from(netKeys[0]!.key);
    this.#appKey = Buffer.from(appKeys[0]!.key);
    const t = cmac(cmac(Buffer.alloc(16), Buffer.from('smk2')), netKey);
    const t1 = cmac(t, Buffer.from([0x00, 0x01]));
    this.#nid = t1[15]! & 0x7f;
    this.#encryptionKey = cmac(t, Buffer.concat([t1, Buffer.from([0x00, 0x02])]));
    this.#privacyKey = cmac(t, Buffer.concat([this.#encryptionKey, Buffer.from([0x00, 0x03])]));
  }

  hear(event: AirEvent): void {
    const pdu = Buffer.from(event.data);
    if (this.#seen.has(pdu.toString('hex'))) return;
    this.#seen.add(pdu.toString('hex'));
    this.heard.push(pdu);
    if ((pdu[0]! & 0x7f) !== this.#nid) this.unreadable++;
    const ivIndex = Buffer.alloc(4);
    const pecb = ecb(this.#privacyKey, Buffer.concat([Buffer.alloc(5), ivIndex, pdu.subarray(7, 14)]));
    const header = Buffer.from(pdu.subarray(1, 7).map((octet, i) => octet ^ pecb[i]!));
    const control = (header[0]! & 0x80) !== 0;
    const nonce = Buffer.concat([Buffer.from([0]), header, Buffer.alloc(2), ivIndex]);
    const clear = ccm(this.#encryptionKey, nonce, pdu.subarray(7), control ? 8 : 4);
    if (clear === undefined) this.unreadable++;
    else if (!control) this.#transport(header, clear.readUInt16BE(0), clear.subarray(2), ivIndex);
  }

  #transport(header: Buffer, dst: number, pdu: Buffer, ivIndex: Buffer): void {
    const seq = header.readUIntBE(1, 3);
    const app = (pdu[0]! & 0x40) !== 0;
    if (!app) return;
    if ((pdu[0]! & 0x80) === 0) {
      this.#upper(seq, header, dst, pdu.subarray(1), ivIndex);
      return;
    }
    const seqZero = ((pdu[1]! & 0x7f) << 6) | (pdu[2]! >> 2);
    const segO = ((pdu[2]! & 0x03) << 3) | (pdu[3]! >> 5);
    const first = seq - ((seq - seqZero) & 0x1fff);
    const name = `${dst}/${first}`;
    const message = this.#messages.get(name) ?? { seq: first, segments: [], last: pdu[3]! & 0x1f };
    this.#messages.set(name, message);
    message.segments[segO] = pdu.subarray(4);
    if (Object.keys(message.segments).length <= message.last) return;
    this.#upper(first, header, dst, Buffer.concat(message.segments), ivIndex);
    this.#messages.delete(name);
  }

  #upper(seq: number, header: Buffer, dst: number, pdu: Buffer, ivIndex: Buffer): void {
    const nonce = Buffer.alloc(13);
    nonce[0] = 0x01;
    nonce.writeUIntBE(seq, 2, 3);
    header.copy(nonce, 5, 4, 6);
    nonce.writeUInt16BE(dst, 7);
    ivIndex.copy(nonce, 9);
    const message = ccm(this.#appKey, nonce, pdu, 4);
    if (message === undefined) this.unreadable++;
    else this.#access(message);
  }

  #access(message: Buffer): void {
    const opcode = message.readUInt16BE(0);
    if (opcode === 0x8301) this.#blockSize = 2 ** message[15]!;
    if (opcode === 0x8304) this.#block = { number: message.readUInt16LE(2), chunkSize: message.readUInt16LE(4) };
    if (message[0] !== 0x66) return;
    const at = this.#block.number * this.#blockSize + message.readUInt16LE(1) * this.#block.chunkSize;
    message.copy(this.image, at, 3);
  }
}

function ecb(key: Buffer, block: Buffer): Buffer {
  return createCipheriv('aes-128-ecb', key, null).setAutoPadding(false).update(block);
}

/** RFC 4493. */
function cmac(key: Buffer, message: Buffer): Buffer {
  const double = (block: Buffer): Buffer => {
    const value = (BigInt(`0x${block.toString('hex')}`) << 1n) & ((1n << 128n) - 1n);
    const carried = (block[0]! & 0x80) === 0 ? value : value ^ 0x87n;
    return Buffer.from(carried.toString(16).padStart(32, '0'), 'hex');
  };
  const k1 = double(ecb(key, Buffer.alloc(16)));
  const whole = message.length > 0 && message.length % 16 === 0;
  const padded = whole
    ? Buffer.from(message)
    : Buffer.concat([message, Buffer.from([0x80]), Buffer.alloc(15 - (message.length % 16))]);
  const mask = whole ? k1 : double(k1);
  for (let i = 0; i < 16; i++) padded[padded.length - 16 + i]! ^= mask[i]!;
  return createCipheriv('aes-128-cbc', key, Buffer.alloc(16)).setAutoPadding(false).update(padded).subarray(-16);
}

function ccm(key: Buffer, nonce: Buffer, sealed: Buffer, micLength: number): Buffer | undefined {
  const decipher = createDecipheriv('aes-128-ccm', key, nonce, { authTagLength: micLength });
  decipher.setAuthTag(sealed.subarray(sealed.length - micLength));
  try {
    const message = decipher.update(sealed.subarray(0, sealed.length - micLength));
    decipher.final();
    return message;
  } catch {
    return undefined;
  }
}
