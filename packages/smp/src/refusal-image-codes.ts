import type { CodeRow } from './refusal-row.ts';

const FLASH =
  'Look at the log of the device: its flash or its flash map (partitions) is at fault. Reset it and try again.';
const NOT_SIGNED = 'Send the signed image (app_update.bin or *.signed.bin) and look at it with "meshferry fw inspect".';
const CHUNK = 'The first chunk must hold off, len and at least 32 octets of data.';
const FINISH =
  'Finish what is under way: reset the device so that the pending image boots, or confirm the one that runs, then try again.';

/** Codes of the image group in words [spec: smp section 3.2]. */
export const IMAGE_CODES: readonly CodeRow[] = [
  [
    1,
    1,
    'unknown error',
    'Read the image list: an erase of a slot that is empty ends so on older servers. Else look at the log of the device.',
  ],
  [2, 1, 'the configuration of the flash cannot be read', FLASH],
  [3, 5, 'there is no image in the slot', 'Upload an image first.'],
  [4, 5, 'the image in the slot has no TLVs', NOT_SIGNED],
  [5, 1, 'a TLV of the image in the slot is invalid', 'Erase the slot and upload the image again.'],
  [6, 1, 'the image in the slot has several hash TLVs', 'Sign the image again: it must have one hash.'],
  [7, 1, 'a TLV of the image in the slot has a wrong size', 'Erase the slot and upload the image again.'],
  [
    8,
    1,
    'no slot holds an image of this hash',
    'Upload the image first; the hash is that of its TLV, not of the file: see "meshferry fw inspect".',
  ],
  [9, 6, 'there is no free slot', `The other slot is pending, on trial or in use. ${FINISH}`],
  [
    10,
    1,
    'the flash area cannot be opened',
    'Look whether the device has this slot and image; else its flash map is at fault.',
  ],
  [11, 1, 'the flash cannot be read', FLASH],
  [12, 1, 'the flash cannot be written', FLASH],
  [13, 1, 'the flash cannot be erased', FLASH],
  [14, 3, 'there is no such slot', 'List the slots; they are counted over all images: 2 × image + slot.'],
  [15, 2, 'out of memory', 'Send fewer requests at once (a smaller window); reset the device when it lasts.'],
  [16, 1, 'the flash context is set already', 'Reset the device and try again.'],
  [17, 1, 'the flash context is not set', 'Reset the device and try again.'],
  [18, 1, 'there is no flash device', FLASH],
  [19, 3, 'the offset of the flash page is invalid', FLASH],
  [20, 3, 'the offset is missing', CHUNK],
  [21, 3, 'the length of the image is missing', CHUNK],
  [22, 3, 'the first chunk is shorter than the header of an image', `${CHUNK} Use larger packets (MTU).`],
  [23, 1, 'this is no MCUboot image: the magic number of its header is wrong', NOT_SIGNED],
  [
    24,
    3,
    'the hash is missing or has a wrong length',
    "Give the hash of the image's TLV: 32 or 64 octets, as the image list has it.",
  ],
  [
    25,
    3,
    'the image was linked for another address than that of the slot',
    'Send the build for this slot (direct-XIP has one for each).',
  ],
  [
    26,
    1,
    'the version of the running image cannot be read',
    'Leave "upgrade only" out, or look at the image in slot 0.',
  ],
  [
    27,
    6,
    'the running image has the same or a newer version',
    'Allow downgrades (leave "upgrade only" out), or sign the image with a higher version.',
  ],
  [28, 6, 'another image is pending already', FINISH],
  [29, 1, 'the vector table of the image is invalid', 'Send a build for this board and this slot.'],
  [
    30,
    1,
    'the image is too large for the slot',
    'Make the image smaller; "slot info" tells the size of the slot, where the swap needs some of it.',
  ],
  [31, 1, 'more data than the length that was announced', 'Start the upload again with the size of this file.'],
  [
    32,
    1,
    'this image cannot be confirmed',
    "It does not run: the device confirms another core's image only in its other slot, before the reset.",
  ],
  [33, 1, 'the image that runs cannot be tested', 'It runs already: confirm it, or test the one in the other slot.'],
  [
    34,
    1,
    'the device does not know which slot is active',
    'Reset the device; else its bootloader does not tell the application where it was started from.',
  ],
];
