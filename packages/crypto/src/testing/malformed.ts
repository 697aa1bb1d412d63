import { inspect } from 'node:util';
import { MeshError } from '@meshferry/core';
import { expect, it } from 'vitest';
import type { CryptoProvider } from '../provider.ts';

/** The tests that every provider has to pass on inputs of a wrong shape. */
export function describeMalformedInputs(provider: CryptoProvider): void {
  const aes = provider.aes(SECRET);
  const nonce = new Uint8Array(13);

  it.each([0, 1, 15, 17, 24, 32])('refuses a key of %i octets without showing it', (length) => {
    const thrown = caught(() => provider.aes(new Uint8Array(length).fill(0xab)));
    expect(thrown.code).toBe('bad-key-length');
    expect(JSON.stringify(thrown)).not.toMatch(/abab|171/);
  });

  it('does not show the key when printed', () => {
    aes.cmac(nonce);
    expect(inspect(aes, { depth: 9, showHidden: true })).not.toMatch(/a1a1|161/);
  });

  it('is not changed by later writes to the array that held the key', () => {
    const key = SECRET.slice();
    const mine = provider.aes(key);
    key.fill(0);
    expect(mine.cmac(nonce)).toEqual(aes.cmac(nonce));
  });

  it('opens into an array of the length of the message alone', () => {
    const sealed = aes.seal(nonce, Uint8Array.of(1, 2, 3), 4);
    const into = new Uint8Array(3);
    expect(aes.open(nonce, sealed, 4, undefined, into)).toBe(into);
    expect(into).toEqual(Uint8Array.of(1, 2, 3));
    for (const length of [0, 2, 4]) expect(aes.open(nonce, sealed, 4, undefined, new Uint8Array(length))).toBeNull();
    sealed[0]! ^= 1;
    expect(aes.open(nonce, sealed, 4, undefined, into)).toBeNull();
  });

  it('opens nothing that is shorter than its MIC', () => {
    for (const mic of [4, 8] as const) {
      for (let length = 0; length < mic; length++) expect(aes.open(nonce, new Uint8Array(length), mic)).toBeNull();
    }
  });

  it('opens nothing with a nonce of another length, and seals nothing with it', () => {
    const sealed = aes.seal(nonce, Uint8Array.of(1), 4);
    for (const length of [0, 12, 14]) {
      expect(aes.open(new Uint8Array(length), sealed, 4)).toBeNull();
      expect(caught(() => aes.seal(new Uint8Array(length), Uint8Array.of(1), 4)).code).toBe('bad-nonce-length');
    }
  });

  it('knows the limits of the two-octet lengths', () => {
    const [longest, tooLong] = [new Uint8Array(0xffff), new Uint8Array(0x10000)];
    expect(aes.open(nonce, aes.seal(nonce, longest, 8), 8)).toEqual(longest);
    expect(caught(() => aes.seal(nonce, tooLong, 8)).code).toBe('message-too-long');
    expect(aes.open(nonce, new Uint8Array(0x10000 + 8), 8)).toBeNull();
    const additional = new Uint8Array(0xff00);
    expect(caught(() => aes.seal(nonce, nonce, 8, additional)).code).toBe('additional-too-long');
    expect(aes.open(nonce, new Uint8Array(20), 8, additional)).toBeNull();
  });

  it('takes empty additional data as none', () => {
    expect(aes.seal(nonce, nonce, 8, new Uint8Array(0))).toEqual(aes.seal(nonce, nonce, 8));
  });

  it.each([
    [15, 0, 16, 0],
    [16, 1, 16, 0],
    [16, -1, 16, 0],
    [16, 0, 15, 0],
    [16, 0, 32, 17],
  ])(
    'encrypts no block that does not fit: input %i from %i, output %i from %i',
    (inputs, inputAt, outputs, outputAt) => {
      const encrypt = () => aes.encryptBlock(new Uint8Array(inputs), new Uint8Array(outputs), inputAt, outputAt);
      expect(caught(encrypt).code).toBe('bad-block');
    },
  );

  it('returns arrays of its own', () => {
    const message = new Uint8Array(16);
    const results = [
      aes.seal(nonce, message, 4),
      aes.open(nonce, aes.seal(nonce, message, 4), 4)!,
      aes.cmac(message),
      provider.sha256(message),
      provider.hmacSha256(SECRET, message),
    ];
    for (const result of results) {
      expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
      expect(result.buffer.byteLength).toBe(result.length);
    }
  });
}

const SECRET = new Uint8Array(16).fill(0xa1);

function caught(run: () => unknown): MeshError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof MeshError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}
