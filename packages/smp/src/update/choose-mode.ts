import { reverts } from './bootloader-kind.ts';
import { isRunning, placeIn, type Situation } from './situation.ts';
import type { SmpUpdateMode } from './update-types.ts';

/** The mode when none is asked for, unless there is a reason for another one. */
export const USUAL_MODE: SmpUpdateMode = 'test-and-confirm';

/**
 * The mode when none is asked for. SMP servers refuse to confirm another image than the one they run in after its trial (error 32
 * of the image group), so that it would always be reverted: such images are confirmed before the reset [spec: smp sections 4.4
 * and 5.1].
 */
export function automaticMode(situation: Situation): SmpUpdateMode {
  const { view, images } = situation;
  const isChanged = images.some((image) => image.image > 0 && !isRunning(placeIn(situation, image)));
  return isChanged && reverts(view.kind.scheme) ? 'confirm-only' : USUAL_MODE;
}
