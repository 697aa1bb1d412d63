import { SmpGroup } from '../groups.ts';
import { HandlerTable } from './handler-table.ts';
import { enumerationHandlers } from './handlers/enumeration.ts';
import { FileGroup } from './handlers/files.ts';
import type { GroupGround } from './handlers/ground.ts';
import { imageSlotHandlers } from './handlers/image-slots.ts';
import { imageStateHandlers } from './handlers/image-state.ts';
import { UploadState } from './handlers/image-upload.ts';
import { logHandlers } from './handlers/log.ts';
import { osHandlers } from './handlers/os.ts';
import { RecoveryUpload } from './handlers/recovery-upload.ts';
import { settingsHandlers } from './handlers/settings.ts';
import { basicHandlers, shellHandlers, statisticsHandlers } from './handlers/small-groups.ts';
import type { ImageHost } from './image-host.ts';
import type { Handler } from './reply.ts';

/** All groups of a server. */
export interface Groups {
  readonly handlers: HandlerTable;
  /** Undefined without image group, and in serial recovery, which resumes nothing. */
  readonly upload: UploadState | undefined;
}

/** The groups, with what they keep in RAM new: as after a start. */
export function startGroups(ground: GroupGround, reset: (bootMode: number) => void): Groups {
  const { options, personality, settings, files } = ground;
  const all: Handler[] = [...(options.handlers ?? [])];
  const has = (group: number): boolean =>
    personality.groups.includes(group) && !(options.without ?? []).includes(group);

  if (has(SmpGroup.os)) all.push(...osHandlers(ground, reset));
  const { images } = options;
  const upload = images && new UploadState(images, ground);
  if (has(SmpGroup.image) && images !== undefined && upload !== undefined) {
    all.push(...imageHandlers(images, upload, ground));
  }
  if (has(SmpGroup.statistics)) all.push(...statisticsHandlers(ground));
  if (has(SmpGroup.settings)) all.push(...settingsHandlers(settings, ground));
  if (has(SmpGroup.fileSystem)) all.push(...new FileGroup(files, ground).handlers());
  if (has(SmpGroup.shell)) all.push(...shellHandlers(ground));
  if (has(SmpGroup.basic)) all.push(...basicHandlers(settings, files));
  if (options.log !== undefined) all.push(...logHandlers(options.log, ground.buffers.size));
  if (has(SmpGroup.enumeration)) all.push(...enumerationHandlers(() => inOrder(table, personality.groups)));

  const table = new HandlerTable(
    all.filter(({ group, command }) => !personality.without.includes(`${group}.${command}`)),
  );
  return { handlers: table, upload: personality.recovery ? undefined : upload };
}

function imageHandlers(images: ImageHost, upload: UploadState, ground: GroupGround): Handler[] {
  return [
    ...imageStateHandlers(images, ground),
    ground.personality.recovery ? new RecoveryUpload(images, ground).handler() : upload.handler(),
    ...imageSlotHandlers(images, upload, ground),
  ];
}

/** Groups that are known in the order of the personality, then those of the application. */
function inOrder(table: HandlerTable, order: readonly number[]): ReadonlyMap<number, number> {
  const there = table.groups();
  const sorted = new Map<number, number>();
  for (const group of [...order, ...there.keys()]) {
    const handlers = there.get(group);
    if (handlers !== undefined) sorted.set(group, handlers);
  }
  return sorted;
}
