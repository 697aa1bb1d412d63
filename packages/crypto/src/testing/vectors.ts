import { concat, fromHex, toHex, utf8 } from '@meshferry/core';
import { expect } from 'vitest';
import * as crypto from '../index.ts';
import type { CryptoProvider } from '../provider.ts';
import { readVectors } from './read-vectors.ts';

type Value = string | number;

/** One entry of vectors/crypto.json: `in` and `out` hold hex unless they are counts. */
export interface CryptoCase {
  readonly id: string;
  readonly fn: string;
  readonly in: Record<string, Value>;
  readonly out: Record<string, unknown>;
}

export interface CryptoNegative {
  readonly id: string;
  readonly fn: string;
  readonly why: string;
  readonly in: Record<string, Value>;
}

interface CryptoVectors {
  readonly cases: readonly CryptoCase[];
  readonly negative: readonly CryptoNegative[];
}

export const vectors: CryptoVectors = readVectors('crypto');

/** Runs a case with the provider and compares every output that the case names. */
export function checkCase(provider: CryptoProvider, test: CryptoCase): void {
  const compute = COMPUTE[test.fn];
  if (compute === undefined) throw new Error(`no way to compute "${test.fn}" (${test.id})`);
  expect(compute(provider, new Inputs(test.in))).toMatchObject(test.out);
}

/** Runs an entry that must be refused: opening gives null, a public key is no point. */
export function checkNegative(provider: CryptoProvider, test: CryptoNegative): void {
  const input = new Inputs(test.in);
  if (test.fn === 'aesCcmDecrypt') {
    const aes = provider.aes(input.bytes('key'));
    const opened = aes.open(input.bytes('nonce'), input.bytes('ciphertextAndMic'), input.mic(), input.additional());
    expect(opened).toBeNull();
  } else if (test.fn === 'p256ValidatePublicKey') {
    const publicKey = input.bytes('publicKey');
    expect(crypto.isP256PublicKey(publicKey)).toBe(false);
    expect(crypto.p256SharedSecret(new Uint8Array(32).fill(1), publicKey)).toBeNull();
  } else {
    throw new Error(`no way to run "${test.fn}" (${test.id})`);
  }
}

class Inputs {
  readonly #values: Record<string, Value>;

  constructor(values: Record<string, Value>) {
    this.#values = values;
  }

  bytes(name: string): Uint8Array {
    return fromHex(String(this.#values[name]));
  }

  /** The number that a hex string stands for. */
  number(name: string): number {
    return Number.parseInt(String(this.#values[name]), 16);
  }

  flag(name: string): boolean {
    return this.#values[name] === 1;
  }

  mic(): 4 | 8 {
    return this.#values.micLength === 8 ? 8 : 4;
  }

  additional(): Uint8Array | undefined {
    return this.#values.additionalData === undefined ? undefined : this.bytes('additionalData');
  }
}

type Compute = (provider: CryptoProvider, input: Inputs) => Record<string, unknown>;

const COMPUTE: Record<string, Compute> = {
  e: (p, i) => {
    const block = i.bytes('plaintext');
    p.aes(i.bytes('key')).encryptBlock(block, block);
    return { ciphertext: toHex(block) };
  },
  aesCmac: (p, i) => ({ mac: toHex(p.aes(i.bytes('key')).cmac(i.bytes('message'))) }),
  hmacSha256: (p, i) => ({ mac: toHex(p.hmacSha256(i.bytes('key'), i.bytes('message'))) }),
  aesCcmEncrypt: (p, i) => {
    const aes = p.aes(i.bytes('key'));
    const sealed = aes.seal(i.bytes('nonce'), i.bytes('plaintext'), i.mic(), i.additional());
    expect(aes.open(i.bytes('nonce'), sealed, i.mic(), i.additional())).toEqual(i.bytes('plaintext'));
    return { ciphertextAndMic: toHex(sealed) };
  },
  s1: (p, i) => ({ salt: toHex(crypto.s1(p, i.bytes('M'))) }),
  s2: (p, i) => ({ salt: toHex(crypto.s2(p, i.bytes('M'))) }),
  k1: (p, i) => {
    const [n, salt] = [i.bytes('N'), i.bytes('salt')];
    return { T: toHex(p.aes(salt).cmac(n)), output: toHex(crypto.k1(p, n, salt, i.bytes('P'))) };
  },
  k2: (p, i) => {
    const [n, pOctets] = [i.bytes('N'), i.bytes('P')];
    const t = p.aes(crypto.s1(p, utf8('smk2'))).cmac(n);
    const t1 = p.aes(t).cmac(concat(pOctets, Uint8Array.of(1)));
    const result = hexCredentials(crypto.k2(p, n, pOctets));
    return { T: toHex(t), T1: toHex(t1), T2: result.encryptionKey, T3: result.privacyKey, ...result };
  },
  k3: (p, i) => {
    const { t, cmac } = twoSteps(p, 'smk3', i.bytes('N'), 'id64');
    return { T: t, cmac, networkId: toHex(crypto.k3(p, i.bytes('N'))) };
  },
  k4: (p, i) => {
    const { t, cmac } = twoSteps(p, 'smk4', i.bytes('N'), 'id6');
    return { T: t, cmac, aid: octet(crypto.k4(p, i.bytes('N'))) };
  },
  k5: (p, i) => {
    const [n, salt] = [i.bytes('N'), i.bytes('salt')];
    return { T: toHex(p.hmacSha256(salt, n)), output: toHex(crypto.k5(p, n, salt, i.bytes('P'))) };
  },
  netKeyDerivatives: (p, i) => {
    const netKey = i.bytes('netKey');
    return {
      managedFlooding: hexCredentials(crypto.networkCredentials(p, netKey)),
      directed: hexCredentials(crypto.directedCredentials(p, netKey)),
      networkId: toHex(crypto.networkId(p, netKey)),
      identityKey: toHex(crypto.identityKey(p, netKey)),
      beaconKey: toHex(crypto.beaconKey(p, netKey)),
      privateBeaconKey: toHex(crypto.privateBeaconKey(p, netKey)),
    };
  },
  appKeyDerivatives: (p, i) => ({ aid: octet(crypto.aid(p, i.bytes('appKey'))) }),
  virtualAddress: (p, i) => {
    const label = i.bytes('labelUuid');
    const cmac = toHex(p.aes(crypto.s1(p, utf8('vtad'))).cmac(label));
    return { cmac, address: crypto.virtualAddress(p, label).toString(16).padStart(4, '0') };
  },
  networkNonce: (_, i) => ({
    nonce: toHex(
      crypto.networkNonce(i.flag('ctl'), i.number('ttl'), i.number('seq'), i.number('src'), i.number('ivIndex')),
    ),
  }),
  applicationNonce: (_, i) => ({
    nonce: toHex(
      crypto.applicationNonce(
        i.flag('szmic'),
        i.number('seq'),
        i.number('src'),
        i.number('dst'),
        i.number('ivIndex'),
        dirty(),
      ),
    ),
  }),
  deviceNonce: (_, i) => ({
    nonce: toHex(
      crypto.deviceNonce(
        i.flag('szmic'),
        i.number('seq'),
        i.number('src'),
        i.number('dst'),
        i.number('ivIndex'),
        dirty(),
      ),
    ),
  }),
  proxyNonce: (_, i) => ({
    nonce: toHex(crypto.proxyNonce(i.number('seq'), i.number('src'), i.number('ivIndex'), dirty())),
  }),
  proxySolicitationNonce: (_, i) => ({
    nonce: toHex(crypto.proxySolicitationNonce(i.number('sseq'), i.number('ssrc'), dirty())),
  }),
  obfuscate: (p, i) => {
    const plaintext = concat(new Uint8Array(5), i.bytes('ivIndex'), i.bytes('privacyRandom'));
    const block = new Uint8Array(16);
    p.aes(i.bytes('privacyKey')).encryptBlock(plaintext, block);
    const obfuscated = i.bytes('header').map((x, at) => x ^ block[at]!);
    return { privacyPlaintext: toHex(plaintext), pecb: toHex(block.slice(0, 6)), obfuscated: toHex(obfuscated) };
  },
  p256PublicKey: (_, i) => ({ publicKey: toHex(crypto.p256PublicKey(i.bytes('privateKey'))) }),
  p256SharedSecret: (_, i) => {
    const secret = crypto.p256SharedSecret(i.bytes('privateKey'), i.bytes('peerPublicKey'));
    return { secret: secret && toHex(secret) };
  },
  p256ValidatePublicKey: (_, i) => ({ valid: crypto.isP256PublicKey(i.bytes('publicKey')) }),
  fcs: (_, i) => ({ fcs: octet(crypto.fcs(i.bytes('data'))) }),
};

/** What stands in a reused nonce buffer must not shine through. */
function dirty(): Uint8Array {
  return new Uint8Array(13).fill(0xff);
}

function octet(value: number): string {
  return value.toString(16).padStart(2, '0');
}

function hexCredentials(credentials: crypto.NetworkCredentials): Record<string, string> {
  const { nid, encryptionKey, privacyKey } = credentials;
  return { nid: octet(nid), encryptionKey: toHex(encryptionKey), privacyKey: toHex(privacyKey) };
}

/** k3 and k4 written out with their salt computed, where the package holds it as a literal. */
function twoSteps(p: CryptoProvider, salt: string, n: Uint8Array, id: string): { t: string; cmac: string } {
  const t = p.aes(crypto.s1(p, utf8(salt))).cmac(n);
  return { t: toHex(t), cmac: toHex(p.aes(t).cmac(concat(utf8(id), Uint8Array.of(1)))) };
}
