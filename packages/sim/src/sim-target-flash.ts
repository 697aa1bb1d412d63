import { parseVersion } from '@meshferry/firmware';
import type { TargetCore, TargetFlashOptions } from '@meshferry/node';
import type { SimImage, SimOptions } from './uri.ts';

/** What a simulator URI says of the flash of its devices; `restart` takes the power away, and gives it back after a boot. */
export function simFlash(
  { company, version: text, slot, images, effect }: SimOptions,
  trust: NonNullable<TargetFlashOptions['trust']>,
  restart: () => void,
): Omit<TargetFlashOptions, 'store' | 'crypto' | 'log' | 'compositionPage0'> {
  const version = parseVersion(text);
  if (!version.ok) throw version.error;
  return {
    company,
    version: version.value,
    slotSize: slot,
    images: images.map((image) => CORES[image]),
    effect,
    trust,
    restart,
  };
}

const CORES: Readonly<Record<SimImage, TargetCore>> = { app: 'application', net: 'network', blob: 'blob' };
