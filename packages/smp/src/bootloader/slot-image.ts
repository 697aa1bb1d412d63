import {
  ImageFlag,
  imageDependencies,
  isEncrypted,
  type McubootImage,
  type PublicKey,
  parseImage,
  readVersion,
  securityCounter,
  type Version,
  verifyImageHash,
  verifySignature,
} from '@meshferry/firmware';
import type { FlashArea } from './flash.ts';

/** Keys whose signature an image needs; `any`: images need none. */
export type Trust = readonly PublicKey[] | 'any';

/** The first octets of a slot as a bootloader reads them, whether or not an image follows. */
export interface SlotHeader {
  readonly magic: 'good' | 'bad' | 'erased';
  readonly flags: number;
  readonly loadAddr: number;
  readonly version: Version;
}

/** Reads the header at an offset, which must leave room for its 32 octets [spec: mcuboot-image section 1]. */
export function readSlotHeader({ octets }: FlashArea, offset: number): SlotHeader {
  const view = new DataView(octets.buffer, octets.byteOffset + offset, HEADER_LENGTH);
  const magic = view.getUint32(0, true);
  return {
    magic: magic === IMAGE_MAGIC ? 'good' : magic === 0xffff_ffff ? 'erased' : 'bad',
    flags: view.getUint32(16, true),
    loadAddr: view.getUint32(4, true),
    version: readVersion(octets, offset + 20),
  };
}

/** The image at an offset of an area, undefined when there is none or it is not whole. Its hash and signature were not checked. */
export function readSlotImage({ octets }: FlashArea, offset: number): McubootImage | undefined {
  const parsed = parseImage(octets.subarray(offset));
  return parsed.ok ? parsed.value : undefined;
}

/** What an image must be to run. */
export interface ImageRules {
  readonly trust: Trust;
  /** Largest size with TLVs that leaves room for the trailer, octets. */
  readonly maxSize: number;
  /** The counter that the device has stored; undefined: images need no security counter. */
  readonly minCounter: number | undefined;
}

/** Why the image at an offset may not run: its header, hash, size, counter or signature; null when it may. */
export function imageFault(area: FlashArea, offset: number, rules: ImageRules): string | null {
  const parsed = parseImage(area.octets.subarray(offset));
  if (!parsed.ok) return parsed.error.message;
  const image = parsed.value;
  if (isEncrypted(image)) return 'it is encrypted, and there is no key to decrypt it';
  if ((image.flags & (ImageFlag.lzma1 | ImageFlag.lzma2)) !== 0) return 'it is compressed';
  if (image.imageEnd > rules.maxSize)
    return `${image.imageEnd} octets leave no room for the trailer (${rules.maxSize})`;
  const hash = verifyImageHash(image);
  if (!hash.ok) return hash.error.message;
  const counter = securityCounter(image);
  if (rules.minCounter !== undefined && (counter === undefined || counter < rules.minCounter)) {
    return `its security counter ${counter ?? '(none)'} is lower than the stored ${rules.minCounter}`;
  }
  return signatureFault(image, rules.trust);
}

/** Whether other images have the versions that an image asks for; `versionOf` gives the one that will run. */
export function dependencyFault(
  image: McubootImage,
  versionOf: (image: number) => Version | undefined,
  compare: (a: Version, b: Version) => number,
): string | null {
  for (const { image: number, minVersion } of imageDependencies(image)) {
    const version = versionOf(number);
    if (version === undefined || compare(version, minVersion) < 0) {
      return `it needs image ${number} in version ${minVersion.major}.${minVersion.minor}.${minVersion.revision} or later`;
    }
  }
  return null;
}

const HEADER_LENGTH = 32;
const IMAGE_MAGIC = 0x96f3b83d;

function signatureFault(image: McubootImage, trust: Trust): string | null {
  if (trust === 'any') return null;
  const { state } = verifySignature(image, trust);
  if (state === 'valid') return null;
  if (state === 'unsigned') return 'it is not signed';
  return state === 'unknown-key' ? 'it is signed with a key that is not trusted' : 'its signature is invalid';
}
