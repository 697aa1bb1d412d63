import { equalConstantTime } from '@meshferry/core';
import { type P256KeyPair, p256SharedSecret } from '@meshferry/crypto';
import { authValueOctets } from './auth-value.ts';
import type { ProvisioningGround } from './ground.ts';
import { KeyExchange } from './key-exchange.ts';
import { encodeStart, type ProvisioningStart } from './start.ts';

/** What was said before the public keys: the parameters of the PDUs as they were on the link. */
export interface Preliminaries {
  /** 1 octet. */
  readonly invite: Uint8Array;
  /** 11 octets. */
  readonly capabilities: Uint8Array;
  readonly start: ProvisioningStart;
}

/** One side's way from its key pair to the exchange of confirmations [Mesh Protocol 1.1, 5.4.2.3, 5.4.2.4]. */
export class Handshake {
  readonly publicKey: Uint8Array;
  readonly #ground: ProvisioningGround;
  readonly #role: 'provisioner' | 'device';
  readonly #said: Preliminaries;
  readonly #privateKey: Uint8Array;
  #peerPublicKey: Uint8Array | undefined;
  #ecdhSecret: Uint8Array | undefined;
  #exchange: KeyExchange | undefined;

  /** The private key of `keyPair` is overwritten as soon as it has been used. */
  constructor(
    ground: ProvisioningGround,
    role: 'provisioner' | 'device',
    said: Preliminaries,
    { privateKey, publicKey }: P256KeyPair,
  ) {
    this.#ground = ground;
    this.#role = role;
    this.#said = said;
    this.#privateKey = privateKey;
    this.publicKey = publicKey;
  }

  /**
   * Takes the peer's public key, or says why it is refused. A key with the own X coordinate is an echo, whatever its Y: the
   * negated point gives the same secret.
   */
  agree(peerPublicKey: Uint8Array): 'own-public-key' | 'bad-public-key' | undefined {
    if (equalConstantTime(this.publicKey.subarray(0, 32), peerPublicKey.subarray(0, 32))) return 'own-public-key';
    const secret = p256SharedSecret(this.#privateKey, peerPublicKey);
    this.#privateKey.fill(0);
    if (secret === null) return 'bad-public-key';
    this.#peerPublicKey = peerPublicKey;
    this.#ecdhSecret = secret;
    return undefined;
  }

  /** Draws the own Random and makes the own Confirmation; after {@link agree}. */
  confirm(authValue: Uint8Array): KeyExchange {
    const { invite, capabilities, start } = this.#said;
    const isProvisioner = this.#role === 'provisioner';
    this.#exchange = new KeyExchange(this.#ground.crypto, {
      algorithm: start.algorithm,
      inputs: {
        invite,
        capabilities,
        start: encodeStart(start),
        publicKeyProvisioner: isProvisioner ? this.publicKey : this.#peerPublicKey!,
        publicKeyDevice: isProvisioner ? this.#peerPublicKey! : this.publicKey,
      },
      ecdhSecret: this.#ecdhSecret!,
      authValue,
      ownRandom: this.#ground.random.bytes(authValueOctets(start.algorithm)),
    });
    return this.#exchange;
  }

  /** The exchange that {@link confirm} began. */
  get exchange(): KeyExchange {
    return this.#exchange!;
  }

  /** Overwrites the secrets. */
  forget(): void {
    this.#privateKey.fill(0);
    this.#ecdhSecret?.fill(0);
    this.#exchange?.forget();
  }
}
