import { SmpGroup } from '../groups.ts';
import { command, type Empty, type SmpCommand } from '../message.ts';

/** Erases the storage of the settings. */
export const EraseStorage: SmpCommand<Empty, Empty> = command({
  name: 'erase storage',
  group: SmpGroup.basic,
  command: 0,
  op: 'write',
  source: 'smp section 4.7',
});
