import type { ServerFiles } from '../files.ts';
import type { Personality } from '../personality.ts';
import type { SmpServerFaults } from '../server-faults.ts';
import type { ServerTiming, SmpServerOptions } from '../server-options.ts';
import type { ServerSettings } from '../settings-store.ts';

/** What every group of handlers is built on. */
export interface GroupGround {
  readonly options: SmpServerOptions;
  readonly personality: Personality;
  readonly timing: ServerTiming;
  readonly faults: SmpServerFaults;
  readonly buffers: { readonly size: number; readonly count: number };
  readonly settings: ServerSettings;
  readonly files: ServerFiles;
  /** The power fails: nothing more is answered, see `SmpServer`. */
  powerCut(): void;
}
