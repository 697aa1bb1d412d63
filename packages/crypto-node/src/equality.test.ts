import { type CryptoProvider, portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from './node-crypto.ts';

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const mic = fc.constantFrom(4 as const, 8 as const);
const additional = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined });
// Beyond 512 octets the native provider leaves its preallocated input: both sides of that edge matter.
const message = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ minLength: 440, maxLength: 600 }));

// These are ciphers, not codecs: fewer cases, as each takes several uses of both providers.
describe('both providers give the same', () => {
  it('CCM, and each opens what the other sealed', () => {
    fc.assert(
      fc.property(octets(16), octets(13), message, mic, additional, (key, nonce, m, micLength, aad) => {
        const [portable, native] = [portableCrypto.aes(key), nodeCrypto.aes(key)];
        const sealed = portable.seal(nonce, m, micLength, aad);
        expect(native.seal(nonce, m, micLength, aad)).toEqual(sealed);
        expect(native.open(nonce, sealed, micLength, aad)).toEqual(m);
        expect(portable.open(nonce, sealed, micLength, aad)).toEqual(m);
      }),
      { numRuns: 500 },
    );
  });

  it('refusal of any flipped bit', () => {
    fc.assert(
      fc.property(octets(16), octets(13), message, mic, fc.nat(), (key, nonce, m, micLength, where) => {
        for (const provider of [portableCrypto, nodeCrypto]) {
          const aes = provider.aes(key);
          const sealed = aes.seal(nonce, m, micLength);
          const bit = where % (8 * sealed.length);
          sealed[bit >> 3]! ^= 1 << (bit & 7);
          expect(aes.open(nonce, sealed, micLength)).toBeNull();
          sealed[bit >> 3]! ^= 1 << (bit & 7);
          expect(aes.open(nonce, sealed, micLength)).toEqual(m); // and the failure left nothing behind
        }
      }),
      { numRuns: 300 },
    );
  });

  it('answer to anything that claims to be sealed', () => {
    fc.assert(
      fc.property(octets(16), fc.uint8Array({ maxLength: 20 }), message, mic, additional, (key, nonce, m, n, aad) => {
        const answer = portableCrypto.aes(key).open(nonce, m, n, aad);
        expect(nodeCrypto.aes(key).open(nonce, m, n, aad)).toEqual(answer);
      }),
    );
  });

  it('blocks at any offset, in place too', () => {
    fc.assert(
      fc.property(octets(16), octets(40), fc.nat(24), fc.nat(24), (key, bytes, from, to) => {
        const results = [portableCrypto, nodeCrypto].map((provider) => {
          const both = bytes.slice();
          provider.aes(key).encryptBlock(both, both, from, to);
          return both;
        });
        expect(results[0]).toEqual(results[1]);
      }),
    );
  });

  it('CMAC, SHA-256 and HMAC', () => {
    fc.assert(
      fc.property(octets(16), fc.uint8Array({ maxLength: 80 }), message, (key, hmacKey, m) => {
        expect(nodeCrypto.aes(key).cmac(m)).toEqual(portableCrypto.aes(key).cmac(m));
        expect(nodeCrypto.sha256(m)).toEqual(portableCrypto.sha256(m));
        expect(nodeCrypto.hmacSha256(hmacKey, m)).toEqual(portableCrypto.hmacSha256(hmacKey, m));
      }),
      { numRuns: 300 },
    );
  });

  it('results when uses of several keys are interleaved', () => {
    const use = fc.record({ key: fc.nat(2), kind: fc.constantFrom('block', 'seal', 'cmac'), m: message });
    fc.assert(
      fc.property(fc.array(octets(16), { minLength: 3, maxLength: 3 }), fc.array(use), (keys, uses) => {
        const run = (provider: CryptoProvider) => {
          const ciphers = keys.map((key) => provider.aes(key));
          return uses.map(({ key, kind, m }) => {
            const aes = ciphers[key]!;
            if (kind === 'seal') return aes.seal(new Uint8Array(13), m, 4);
            if (kind === 'cmac') return aes.cmac(m);
            const block = new Uint8Array(16);
            aes.encryptBlock(block, block);
            return block;
          });
        };
        expect(run(nodeCrypto)).toEqual(run(portableCrypto));
      }),
      { numRuns: 300 },
    );
  });
});
