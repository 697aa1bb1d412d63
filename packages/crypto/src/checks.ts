import { MeshError } from '@meshferry/core';

// What every provider checks at its door, in one place so that all of them answer alike.

/** Throws `bad-key-length` unless the key has 16 octets. The message tells the length, never the key. */
export function checkKeyLength(key: Uint8Array): void {
  if (key.length !== 16) {
    throw new MeshError('bad-key-length', `an AES-128 key has 16 octets, not ${key.length}`, {
      hint: 'Give a NetKey, AppKey or device key as 16 octets (32 hex digits).',
    });
  }
}

/** Throws `bad-block` unless both arrays hold 16 octets from the given offsets on. */
export function checkBlock(input: Uint8Array, inputAt: number, output: Uint8Array, outputAt: number): void {
  if (inputAt < 0 || outputAt < 0 || inputAt + 16 > input.length || outputAt + 16 > output.length) {
    throw new MeshError(
      'bad-block',
      `no room for a block of 16 octets: input ${input.length} from ${inputAt}, output ${output.length} from ${outputAt}`,
      { hint: 'Give arrays that hold 16 octets from the offset on.' },
    );
  }
}

/** Throws `bad-nonce-length`, `message-too-long` or `additional-too-long` when these cannot be sealed. */
export function checkSealable(nonce: Uint8Array, message: Uint8Array, additional: Uint8Array | undefined): void {
  if (nonce.length !== 13) {
    throw new MeshError('bad-nonce-length', `a mesh nonce has 13 octets, not ${nonce.length}`, {
      hint: 'Build nonces with networkNonce, applicationNonce, deviceNonce or proxyNonce.',
    });
  }
  if (message.length > MAX_MESSAGE) {
    throw new MeshError('message-too-long', `AES-CCM takes up to ${MAX_MESSAGE} octets here, not ${message.length}`, {
      hint: 'Split the message: L = 2 leaves two octets for its length.',
    });
  }
  if (additional !== undefined && additional.length > MAX_ADDITIONAL) {
    throw new MeshError('additional-too-long', `additional data of ${additional.length} > ${MAX_ADDITIONAL} octets`, {
      hint: 'In mesh the additional data is a Label UUID of 16 octets.',
    });
  }
}

/** Whether the lengths can belong to a sealed message at all; the counterpart of {@link checkSealable} that never throws. */
export function isOpenable(
  nonce: Uint8Array,
  sealed: Uint8Array,
  micLength: number,
  additional?: Uint8Array,
  into?: Uint8Array,
): boolean {
  const length = sealed.length - micLength;
  return (
    nonce.length === 13 &&
    length >= 0 &&
    length <= MAX_MESSAGE &&
    (additional === undefined || additional.length <= MAX_ADDITIONAL) &&
    (into === undefined || into.length === length)
  );
}

const MAX_MESSAGE = 0xffff;
const MAX_ADDITIONAL = 0xfeff; // from 0xFF00 on RFC 3610 writes the length in another way
