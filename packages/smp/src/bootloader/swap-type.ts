import type { SwapType, TrailerState } from '@meshferry/firmware';

/**
 * What the trailers of two slots ask a bootloader that swaps (or copies) for: the first row that fits, the secondary slot
 * before the primary one [spec: mcuboot-image section 7]. `usingOffset`: the table of swap using offset.
 */
export function swapTypeOf(primary: TrailerState, secondary: TrailerState, usingOffset = false): SwapType {
  if (secondary.magic === 'good') {
    if (usingOffset && secondary.imageOk === 'unset' && secondary.copyDone === 'set') return 'revert';
    if (secondary.imageOk === 'unset') return 'test';
    if (secondary.imageOk === 'set') return 'perm';
  }
  const isUnderTest = primary.magic === 'good' && primary.imageOk === 'unset' && primary.copyDone === 'set';
  return isUnderTest ? 'revert' : 'none';
}
