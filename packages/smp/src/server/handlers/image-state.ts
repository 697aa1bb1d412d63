import type { CborMap, CborValue } from '../../cbor.ts';
import { SmpGroup } from '../../groups.ts';
import { type ImageEntry, type ImageList, ImageStateRead, ImageStateWrite } from '../../messages/image.ts';
import type { ImageHost } from '../image-host.ts';
import { answer, answerMap, groupError, type Handler, handle, type Reply } from '../reply.ts';
import type { ImageGroupOptions } from '../server-options.ts';
import { findByHash, imageIn, listedVersion, type SlotPlace, slotsOf } from '../slot-images.ts';
import type { GroupGround } from './ground.ts';

const group = SmpGroup.image;
const NOT_BOOTABLE = 0x10;
/** SHA-256, SHA-384, SHA-512. */
const HASH_OCTETS: readonly number[] = [32, 48, 64];

/** Errors of the image group that a state write ends with [spec: smp section 4.4]. */
const HASH_NOT_FOUND = 8;
const INVALID_HASH = 24;
const ALREADY_PENDING = 28;
const CONFIRM_DENIED = 32;
const TEST_OF_ACTIVE_DENIED = 33;

/** The image list, and what chooses the image that boots next. */
export function imageStateHandlers(host: ImageHost, ground: GroupGround): Handler[] {
  const options = ground.options.imageOptions ?? {};
  const listed = (): Reply<ImageList> => {
    if (ground.personality.recovery) return answerMap(recoveryList(host));
    return answer(imageList(host, options));
  };
  const read = handle(ImageStateRead, listed);
  if (!host.writableState) return [read];
  return [
    read,
    handle(ImageStateWrite, ({ hash, confirm = false }) => {
      const place = hash === undefined || hash.length === 0 ? running(host, confirm) : slotOf(host, hash, options);
      if (typeof place === 'number') return groupError(group, place);
      const code = choose(host, place, confirm, options);
      return code === 0 ? listed() : groupError(group, code);
    }),
  ];
}

/** The slots that hold an image, with the flags of section 4.3. */
function imageList(host: ImageHost, { frugalList = false }: ImageGroupOptions): ImageList {
  const images: ImageEntry[] = [];
  for (const { image, slot, octets } of slotsOf(host)) {
    const found = imageIn(octets);
    if (found === undefined) continue;
    const flags = { bootable: (found.flags & NOT_BOOTABLE) === 0, ...slotFlags(host, { image, slot }) };
    images.push({
      ...(host.imageCount > 1 && { image }),
      slot,
      version: listedVersion(found.version),
      hash: found.hash,
      ...(frugalList ? trueOnes(flags) : flags),
    });
  }
  return frugalList ? { images } : { images, splitStatus: 0 };
}

function slotFlags(host: ImageHost, { image, slot }: SlotPlace): Omit<ImageEntry, 'slot' | 'version' | 'bootable'> {
  const next = host.nextBoot(image);
  const active = host.activeSlot(image) === slot;
  const chosen = next.slot === slot;
  return {
    pending: !active && chosen && next.kind !== 'revert',
    confirmed: active ? next.kind !== 'revert' : chosen && next.kind === 'revert',
    active,
    permanent: !active && chosen && next.kind === 'normal',
  };
}

/** Only what is true: missing means false. */
function trueOnes<F extends object>(flags: F): F {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value === true)) as F;
}

/** MCUboot's own list, without flags. */
function recoveryList(host: ImageHost): CborMap {
  const images: CborValue[] = [];
  for (const { image, slot, octets } of slotsOf(host)) {
    const found = imageIn(octets);
    if (found === undefined) continue;
    const entry = new Map<CborValue, CborValue>();
    if (host.imageCount > 1) entry.set('image', image);
    entry.set('slot', slot).set('hash', found.hash).set('version', listedVersion(found.version));
    images.push(entry);
  }
  return new Map([['images', images]]);
}

/** Without a hash only the image that runs can be meant, and only be confirmed. */
function running(host: ImageHost, confirm: boolean): SlotPlace | number {
  return confirm ? { image: 0, slot: host.activeSlot(0) } : INVALID_HASH;
}

function slotOf(host: ImageHost, hash: Uint8Array, { hashOctets = 32 }: ImageGroupOptions): SlotPlace | number {
  const isOne = hashOctets === 'any' ? HASH_OCTETS.includes(hash.length) : hash.length === hashOctets;
  if (!isOne) return INVALID_HASH;
  return findByHash(host, hash) ?? HASH_NOT_FOUND;
}

/** The table of section 4.4, its rows in their order; 0 or an error of the image group. */
function choose(host: ImageHost, { image, slot }: SlotPlace, confirm: boolean, options: ImageGroupOptions): number {
  const active = host.activeSlot(image);
  const next = host.nextBoot(image);
  if (confirm && image !== 0 && (slot === active || options.denyConfirmOthers === true)) return CONFIRM_DENIED;
  if (!confirm && slot === active) return TEST_OF_ACTIVE_DENIED;
  switch (next.kind) {
    case 'test':
      return !confirm && slot === next.slot ? 0 : ALREADY_PENDING;
    case 'normal':
      if (confirm && slot === next.slot) return 0;
      if (next.slot !== active) return ALREADY_PENDING;
      break;
    case 'revert':
      if (confirm && slot === next.slot) return 0;
      if (!confirm) return ALREADY_PENDING;
      break;
  }
  return host.setNextBoot(image, slot, confirm);
}
