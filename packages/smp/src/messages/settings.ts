import { bytes, key, optional, text, uint } from '../fields.ts';
import { SmpGroup } from '../groups.ts';
import { command, type Empty, type SmpCommand } from '../message.ts';

const group = SmpGroup.settings;
const source = 'smp section 4.7';

/** Parameters of {@link SettingsRead}. */
export interface SettingsRead {
  /** Such as "app/val". */
  readonly name: string;
  /** Most octets that the answer may have. */
  readonly maxSize?: number | undefined;
}

/** Answer to {@link SettingsRead}. */
export interface SettingsValue {
  readonly val: Uint8Array;
  /** Told when the size that was asked for was cut down to this. */
  readonly maxSize?: number | undefined;
}

/** Asks for the value of a setting. */
export const SettingsRead: SmpCommand<SettingsRead, SettingsValue> = command({
  name: 'settings read',
  group,
  command: 0,
  op: 'read',
  source,
  request: { name: text(), maxSize: optional(key('max_size', uint())) },
  response: { val: bytes(), maxSize: optional(key('max_size', uint())) },
});

/** Parameters of {@link SettingsWrite}. */
export interface SettingsWrite {
  readonly name: string;
  readonly val: Uint8Array;
}

/** Gives a setting a value; {@link SettingsSave} keeps it. */
export const SettingsWrite: SmpCommand<SettingsWrite, Empty> = command({
  name: 'settings write',
  group,
  command: 0,
  op: 'write',
  source,
  request: { name: text(), val: bytes() },
});

/** Deletes a setting. */
export const SettingsDelete: SmpCommand<{ readonly name: string }, Empty> = command({
  name: 'settings delete',
  group,
  command: 1,
  op: 'write',
  source,
  request: { name: text() },
});

/** Lets what was written take effect. */
export const SettingsCommit: SmpCommand<Empty, Empty> = command({
  name: 'settings commit',
  group,
  command: 2,
  op: 'write',
  source,
});

/** Loads the settings from the storage. */
export const SettingsLoad: SmpCommand<Empty, Empty> = command({
  name: 'settings load',
  group,
  command: 3,
  op: 'read',
  source,
});

/** Parameters of {@link SettingsSave}. */
export interface SettingsSave {
  /** The subtree or setting to keep, on newer servers; left out: all. */
  readonly name?: string | undefined;
}

/** Keeps the settings in the storage. */
export const SettingsSave: SmpCommand<SettingsSave, Empty> = command({
  name: 'settings save',
  group,
  command: 3,
  op: 'write',
  source,
  request: { name: optional(text()) },
});
