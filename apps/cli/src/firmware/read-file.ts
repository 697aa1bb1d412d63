import { portableCrypto } from '@meshferry/crypto';
import {
  type FirmwarePackage,
  type PublicKey,
  parsePublicKey,
  parseSigningKey,
  type ReadOptions,
  readFirmwarePackage,
} from '@meshferry/firmware';
import { input } from '../shell/exit.ts';
import { readInputFile, readInputText } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';

/** Reads a firmware file of any kind; what is wrong with it ends the command with exit code 2. */
export async function readFirmwareFile(
  io: Io,
  path: string,
  options: Omit<ReadOptions, 'crypto'> = {},
): Promise<FirmwarePackage> {
  return input(await readFirmwarePackage(readInputFile(io, path, 'firmware'), { ...options, crypto: portableCrypto }));
}

/** A public key in PEM; of a private key its public half. */
export function readPublicKeyFile(io: Io, path: string): PublicKey {
  const pem = readInputText(io, path, 'key');
  const key = parsePublicKey(pem, path);
  if (key.ok) return key.value;
  const signing = parseSigningKey(pem, path);
  return signing.ok ? signing.value.publicKey : input(key);
}
