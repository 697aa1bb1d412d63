import { SmpGroup } from '../../groups.ts';
import {
  SettingsCommit,
  SettingsDelete,
  SettingsLoad,
  SettingsRead,
  SettingsSave,
  SettingsWrite,
} from '../../messages/settings.ts';
import { answer, groupError, type Handler, handle, layerError, type Reply } from '../reply.ts';
import type { ServerSettings } from '../settings-store.ts';
import type { GroupGround } from './ground.ts';

const group = SmpGroup.settings;
const INVALID_VALUE = 3;
const Code = { unknown: 1, nameTooLong: 2, notFound: 3, saveNotSupported: 8 } as const;

/** The settings group [spec: smp section 4.7]. */
export function settingsHandlers(settings: ServerSettings, { personality }: GroupGround): Handler[] {
  return [
    handle(SettingsRead, ({ name, maxSize = settings.valueOctets }) => {
      const refused = badName(name);
      if (refused !== undefined || name === undefined) return refused ?? layerError(INVALID_VALUE);
      if (!settings.isHandled(name)) return groupError(group, personality.unknownRoot);
      const value = settings.get(name);
      if (value === undefined) return groupError(group, Code.notFound);
      const cut = maxSize > settings.valueOctets;
      return answer({ val: value.slice(0, maxSize), ...(cut && { maxSize: settings.valueOctets }) });
    }),
    handle(SettingsWrite, ({ name, val = new Uint8Array() }) => {
      const refused = badName(name);
      if (refused !== undefined || name === undefined) return refused ?? layerError(INVALID_VALUE);
      if (!settings.isHandled(name)) return groupError(group, personality.unknownRoot);
      if (val.length > settings.valueOctets) return groupError(group, Code.unknown);
      settings.set(name, val);
      return answer({});
    }),
    handle(SettingsDelete, ({ name }) => {
      const refused = badName(name);
      if (refused !== undefined || name === undefined) return refused ?? layerError(INVALID_VALUE);
      // A storage is content when it does not know the name.
      return settings.delete(name) || settings.canSave ? answer({}) : groupError(group, Code.notFound);
    }),
    handle(SettingsCommit, () => answer({})),
    handle(SettingsLoad, () => {
      settings.load();
      return answer({});
    }),
    handle(
      SettingsSave,
      ({ name }) => {
        if (!settings.canSave) return groupError(group, Code.saveNotSupported);
        settings.save(name);
        return answer({});
      },
      { tolerant: true },
    ),
  ];

  function badName(name: string | undefined): Reply<never> | undefined {
    if (name === undefined || name === '') return layerError(INVALID_VALUE);
    return new TextEncoder().encode(name).length >= settings.nameOctets
      ? groupError(group, Code.nameTooLong)
      : undefined;
  }
}
