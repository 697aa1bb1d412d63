/** AES-128 bound to one key, with the modes that mesh uses [spec: FIPS-197, RFC 3610 with L = 2, RFC 4493]. Synchronous. */
export interface Aes {
  /** One block of 16 octets, from `input` at `inputAt` to `output` at `outputAt` (default 0; may be the same array). */
  encryptBlock(input: Uint8Array, output: Uint8Array, inputAt?: number, outputAt?: number): void;
  /** AES-CCM: ciphertext ‖ MIC. `nonce` 13 octets, `micLength` 4 or 8, `message` may be empty. */
  seal(nonce: Uint8Array, message: Uint8Array, micLength: 4 | 8, additional?: Uint8Array): Uint8Array;
  /**
   * The message of `sealed` (ciphertext ‖ MIC), or null when the MIC is wrong or there is no room for one. Never throws.
   * `into`: an array of the length of the message, which then holds it and is returned; what it holds after null is void.
   * Default: a new one.
   */
  open(
    nonce: Uint8Array,
    sealed: Uint8Array,
    micLength: 4 | 8,
    additional?: Uint8Array,
    into?: Uint8Array,
  ): Uint8Array | null;
  /** AES-CMAC of a message of any length: 16 octets. */
  cmac(message: Uint8Array): Uint8Array;
}

/** Where the primitives come from: portable TypeScript (this package) or node:crypto (`@meshferry/crypto-node`). */
export interface CryptoProvider {
  /** `key`: 16 octets; throws `bad-key-length` otherwise (the message never shows the key). */
  aes(key: Uint8Array): Aes;
  /** SHA-256: 32 octets. */
  sha256(message: Uint8Array): Uint8Array;
  /** HMAC-SHA-256: 32 octets. */
  hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array;
}
