import { knownGroupName, SmpGroup } from '../../groups.ts';
import {
  EnumerationCount,
  EnumerationDetails,
  EnumerationList,
  EnumerationSingle,
} from '../../messages/enumeration.ts';
import { answer, groupError, type Handler, handle } from '../reply.ts';

const INDEX_TOO_LARGE = 4;
const NAMES: ReadonlyMap<number, string> = new Map([
  [SmpGroup.os, 'os mgmt'],
  [SmpGroup.image, 'img mgmt'],
  [SmpGroup.statistics, 'stat mgmt'],
  [SmpGroup.settings, 'settings mgmt'],
  [SmpGroup.log, 'log mgmt'],
  [SmpGroup.fileSystem, 'fs mgmt'],
  [SmpGroup.shell, 'shell mgmt'],
  [SmpGroup.enumeration, 'enum mgmt'],
  [SmpGroup.basic, 'zephyr basic mgmt'],
]);

/** The enumeration group; `groups` gives the groups in their order, with how many handlers they have. */
export function enumerationHandlers(groups: () => ReadonlyMap<number, number>): Handler[] {
  return [
    handle(EnumerationCount, () => answer({ count: groups().size })),
    handle(EnumerationList, () => answer({ groups: [...groups().keys()] })),
    handle(EnumerationSingle, ({ index = 0 }) => {
      const all = [...groups().keys()];
      const group = all[index];
      if (group === undefined) return groupError(SmpGroup.enumeration, INDEX_TOO_LARGE);
      return answer({ group, ...(index === all.length - 1 && { end: true }) });
    }),
    handle(EnumerationDetails, ({ groups: asked }) => {
      const details = [];
      for (const [group, handlers] of groups()) {
        if (asked !== undefined && !asked.includes(group)) continue;
        details.push({ group, name: NAMES.get(group) ?? knownGroupName(group) ?? `group ${group}`, handlers });
      }
      return answer({ groups: details });
    }),
  ];
}
