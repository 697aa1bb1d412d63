import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { portableCrypto } from './portable.ts';
import type { Aes, CryptoProvider } from './provider.ts';
import { sharedCrypto } from './shared.ts';
import { describeMalformedInputs } from './testing/malformed.ts';

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const NONCE = Uint8Array.from({ length: 13 }, (_, i) => 13 * i);

describe('sharedCrypto on malformed inputs', () => describeMalformedInputs(sharedCrypto(portableCrypto)));

describe('sharedCrypto', () => {
  it('opens the same octets once for all who have the key', () => {
    const { provider, calls } = counting();
    const shared = sharedCrypto(provider);
    const sealed = shared.aes(KEY).seal(NONCE, Uint8Array.of(1, 2, 3), 4);
    for (let node = 0; node < 10; node++) {
      expect(shared.aes(KEY.slice()).open(NONCE, sealed.slice(), 4)).toEqual(Uint8Array.of(1, 2, 3));
    }
    expect(calls).toEqual({ aes: 1, open: 1, encryptBlock: 0 });
  });

  it('encrypts the same block once', () => {
    const { provider, calls } = counting();
    const shared = sharedCrypto(provider);
    const expected = new Uint8Array(16);
    portableCrypto.aes(KEY).encryptBlock(KEY, expected);
    for (let node = 0; node < 10; node++) {
      const inPlace = KEY.slice();
      shared.aes(KEY).encryptBlock(inPlace, inPlace);
      expect(inPlace).toEqual(expected);
    }
    expect(calls.encryptBlock).toBe(1);
  });

  it('remembers as well what does not authenticate', () => {
    const { provider, calls } = counting();
    const aes = sharedCrypto(provider).aes(KEY);
    const forged = new Uint8Array(20);
    expect([aes.open(NONCE, forged, 4), aes.open(NONCE, forged, 4)]).toEqual([null, null]);
    expect(calls.open).toBe(1);
    expect(aes.open(NONCE, forged, 8)).toBeNull();
    expect(calls.open).toBe(2);
  });

  it('gives everyone a copy, and is not touched by what becomes of arguments and results', () => {
    const aes = sharedCrypto(portableCrypto).aes(KEY);
    const sealed = aes.seal(NONCE, Uint8Array.of(1, 2, 3), 4);
    const [nonce, octets] = [NONCE.slice(), sealed.slice()];
    const first = aes.open(nonce, octets, 4);
    first?.fill(0xff);
    nonce.fill(0xff);
    octets.fill(0xff);
    const second = aes.open(NONCE, sealed, 4);
    expect(second).toEqual(Uint8Array.of(1, 2, 3));
    second?.fill(0xff);
    expect(aes.open(NONCE, sealed, 4)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('answers as the provider itself, whatever came before', () => {
    // Few different octets, so that most calls find something that is nearly, or exactly, theirs.
    const octets = (length: number) =>
      fc.uint8Array({ minLength: length, maxLength: length, max: 1 }).map((bytes) => bytes.map((bit) => bit * 64));
    const call = fc.record({
      key: fc.nat(1),
      kind: fc.constantFrom('open', 'block', 'seal', 'cmac'),
      nonce: octets(13),
      octets: fc.constantFrom(4, 5, 8, 9, 16, 20).chain(octets),
      micLength: fc.constantFrom(4 as const, 8 as const),
      additional: fc.option(octets(2), { nil: undefined }),
      genuine: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
        const shared = sharedCrypto(portableCrypto);
        for (const { key, kind, nonce, octets, micLength, additional, genuine } of calls) {
          const run = (provider: CryptoProvider): unknown => {
            const aes = provider.aes(new Uint8Array(16).fill(key));
            if (kind === 'seal') return aes.seal(nonce, octets, micLength, additional);
            if (kind === 'cmac') return aes.cmac(octets);
            if (kind === 'block') return blockOf(aes, octets);
            const sealed = genuine ? aes.seal(nonce, octets, micLength, additional) : octets;
            return aes.open(nonce, sealed, micLength, additional);
          };
          expect(run(shared)).toEqual(run(portableCrypto));
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** The block, or the code of the error for too few octets. */
function blockOf(aes: Aes, octets: Uint8Array): unknown {
  const output = new Uint8Array(18);
  try {
    aes.encryptBlock(octets, output, octets.length - 16, 2);
    return output;
  } catch (thrown) {
    return (thrown as { code?: string }).code;
  }
}

/** The portable provider, and how often it was asked. */
function counting(): { provider: CryptoProvider; calls: { aes: number; open: number; encryptBlock: number } } {
  const calls = { aes: 0, open: 0, encryptBlock: 0 };
  const provider: CryptoProvider = {
    ...portableCrypto,
    aes: (key) => {
      calls.aes++;
      const aes = portableCrypto.aes(key);
      return {
        encryptBlock: (input, output, inputAt, outputAt) => {
          calls.encryptBlock++;
          aes.encryptBlock(input, output, inputAt, outputAt);
        },
        seal: (nonce, message, micLength, additional) => aes.seal(nonce, message, micLength, additional),
        open: (nonce, sealed, micLength, additional) => {
          calls.open++;
          return aes.open(nonce, sealed, micLength, additional);
        },
        cmac: (message) => aes.cmac(message),
      };
    },
  };
  return { provider, calls };
}
