import { crc32, digest } from '@meshferry/firmware';
import { describe, expect, test } from 'vitest';
import { decodeMap } from '../cbor.ts';
import { EraseStorage } from '../messages/basic.ts';
import { EnumerationCount, EnumerationDetails, EnumerationSingle } from '../messages/enumeration.ts';
import { FileClose, FileDownload, FileHash, FileStatus, FileUpload } from '../messages/file-system.ts';
import { LogClear, LogLevels, LogList, LogModules, LogShow, type LogShowAnswer } from '../messages/log.ts';
import {
  BootloaderInfo,
  DateTimeRead,
  DateTimeWrite,
  McumgrParameters,
  MemoryPools,
  OsInfo,
  Reset,
  TaskStatistics,
} from '../messages/os.ts';
import { SettingsDelete, SettingsLoad, SettingsRead, SettingsSave, SettingsWrite } from '../messages/settings.ts';
import { ShellExecute } from '../messages/shell.ts';
import { StatisticsList, StatisticsRead } from '../messages/statistics.ts';
import { ServerFiles } from './files.ts';
import { ServerSettings } from './settings-store.ts';
import { Bench } from './testing/bench.ts';

/** `len` of an answer. */
function lenOf(packet: Uint8Array): unknown {
  const map = decodeMap(packet.subarray(8));
  return map.ok ? map.value.get('len') : undefined;
}

const octets = (...values: number[]) => Uint8Array.from(values);

describe('OS', () => {
  test('reset comes 250 ms after the answer, unless the application objects and is not overruled', () => {
    const resets: [number, number][] = [];
    const bench: Bench = new Bench({
      reset: (mode) => resets.push([mode, bench.clock.now]),
      refuseReset: () => ({ group: 0, code: 1 }),
    });
    expect(bench.code(Reset, {})).toEqual([0, 1]);
    const begin = bench.clock.now;
    expect(bench.code(Reset, { force: true, bootMode: 1 })).toBe(0);
    expect(resets).toEqual([[1, begin + 250]]);
  });

  test('parameters and the bootloader may be kept to itself', () => {
    const bench = new Bench({ parameters: false });
    expect(bench.code(McumgrParameters, {})).toBe(8);
    expect(bench.code(BootloaderInfo, {})).toBe(8);
    expect(bench.code(MemoryPools, {})).toBe(8);
    expect(bench.code(DateTimeRead, {})).toBe(8);
  });

  test.for([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])('bootloader mode %i', (mode) => {
    const bench = new Bench({ bootloader: { mode, noDowngrade: mode === 2, activeB0Slot: 1 } });
    expect(bench.value(BootloaderInfo, {})).toMatchObject({ bootloader: 'MCUboot' });
    expect(bench.value(BootloaderInfo, { query: 'mode' })).toEqual({ mode, ...(mode === 2 && { noDowngrade: true }) });
    expect(bench.value(BootloaderInfo, { query: 'active_b0_slot' })).toMatchObject({ active: 1 });
    expect(bench.code(BootloaderInfo, { query: 'age' })).toEqual([0, 3]);
  });

  test('a mode that is not told is a query without an answer', () => {
    expect(new Bench({ bootloader: {} }).code(BootloaderInfo, { query: 'mode' })).toEqual([0, 3]);
    const old = new Bench({ bootloader: {}, personality: 'zephyr-3.4.99' });
    expect(old.code(BootloaderInfo, { query: 'active_b0_slot' })).toBe(3);
  });

  test('info is put together in its own order', () => {
    const bench = new Bench({ info: { nodeName: 'lamp', platform: 'nrf52840dk' } });
    expect(bench.value(OsInfo, { format: 'in' })).toEqual({ output: 'lamp nrf52840dk' });
    expect(bench.value(OsInfo, {})).toEqual({ output: 'Zephyr' });
    expect(bench.code(OsInfo, { format: 'b' })).toEqual([0, 2]);
  });

  test('threads, as long as there are not too many', () => {
    const task = { prio: -1, tid: 0, state: 2, stksiz: 512, stkuse: 6 };
    const tasks = new Map([['main', task]]);
    expect(new Bench({ tasks }).value(TaskStatistics, {})).toEqual({ tasks });
    expect(new Bench({ tasks, taskLimit: 0 }).code(TaskStatistics, {})).toBe(7);
  });

  test('the date is unset, then runs', () => {
    const bench = new Bench({ dateTime: true });
    expect(bench.code(DateTimeRead, {})).toEqual([0, 4]);
    for (const datetime of [
      'yesterday',
      '2026-13-01T00:00:00',
      '2026-07-01T12:34:56.123456+02:00',
      '2026-07-01 12:34:56',
    ]) {
      expect(bench.code(DateTimeWrite, { datetime })).toBe(3);
    }
    expect(bench.code(DateTimeWrite, { datetime: '2026-07-01T12:34:56+02:00' })).toBe(0);
    const { datetime } = bench.value(DateTimeRead, {});
    expect(datetime).toBe('2026-07-01T12:44:56');
  });
});

describe('files', () => {
  const whole = Uint8Array.from({ length: 3000 }, (_, i) => i * 7);
  const name = '/lfs1/f.bin';

  function put(bench: Bench): void {
    for (let off = 0; off < whole.length; ) {
      const data = whole.subarray(off, off + 700);
      ({ off } = bench.value(FileUpload, { name, off, data, ...(off === 0 && { len: whole.length }) }));
    }
  }

  test('go up, come back in the chunks that fit a buffer, and are hashed', () => {
    const bench = new Bench();
    put(bench);
    const first = bench.value(FileDownload, { name, off: 0 });
    expect(first).toEqual({ off: 0, data: whole.subarray(0, 980), len: 3000 });
    expect(bench.value(FileDownload, { name, off: 2900 })).toEqual({ off: 2900, data: whole.subarray(2900) });
    expect(bench.value(FileStatus, { name })).toEqual({ len: 3000 });
    expect(bench.value(FileHash, { name })).toEqual({ type: 'crc32', len: 3000, output: crc32(whole) });
    expect(bench.value(FileHash, { name, type: 'sha256', off: 2990, len: 99 })).toEqual({
      type: 'sha256',
      off: 2990,
      len: 10,
      output: digest('SHA256', whole.subarray(2990)),
    });
  });

  test('a chunk that comes twice is told where the file is, and the upload goes on', () => {
    const bench = new Bench();
    const upload = { name, data: octets(1, 2, 3) };
    bench.value(FileUpload, { ...upload, off: 0, len: 9 });
    bench.value(FileUpload, { ...upload, off: 3 });
    const again = bench.ask(FileUpload, { ...upload, off: 3 });
    expect(again).toMatchObject({ error: { refusal: { group: 8, code: 11 } } });
    expect(again?.ok === false && again.error.kind === 'refused' && again.error.refusal.fields.get('len')).toBe(6);
    expect(bench.value(FileUpload, { ...upload, off: 6 })).toEqual({ off: 9 });
    expect(bench.code(FileClose, {})).toBe(0);
    expect(bench.value(FileUpload, { ...upload, off: 0, len: 3 })).toEqual({ off: 3 });
    expect(bench.value(FileStatus, { name })).toEqual({ len: 3 });
  });

  test('what was written is seen when the file is closed: complete, by command, or left alone', () => {
    const bench = new Bench({ files: new ServerFiles({ files: [['/lfs1/old', octets(1)]] }) });
    const upload = { off: 0, len: 9, data: octets(1, 2, 3) };
    const len = (of: string) => bench.value(FileStatus, { name: of });
    const packets = (of: string) => [
      bench.packet(FileUpload, { ...upload, name: of }),
      bench.packet(FileStatus, { name: of }),
    ];
    expect(bench.exchange(...packets(name)).map(lenOf)).toEqual([undefined, 0]);
    expect(len(name)).toEqual({ len: 3 });
    expect(bench.exchange(...packets('/lfs1/old')).map(lenOf)).toEqual([undefined, 1]);
    expect(bench.exchange(...packets(name), bench.packet(FileClose, {}))).toHaveLength(3);
  });

  test('an empty file is one', () => {
    const bench = new Bench();
    bench.value(FileUpload, { name, off: 0, len: 0, data: octets() });
    expect(bench.value(FileStatus, { name })).toEqual({ len: 0 });
    expect(bench.code(FileHash, { name })).toEqual([8, 16]);
    expect(bench.code(FileClose, {})).toBe(0);
  });

  test('what cannot be, by its code', () => {
    const bench = new Bench({ files: new ServerFiles({ capacity: 10, files: [['/lfs1/d/f', octets(1)]] }) });
    expect(bench.code(FileStatus, { name: '/lfs1/x' })).toEqual([8, 3]);
    expect(bench.code(FileStatus, { name: '/sd/x' })).toEqual([8, 3]);
    expect(bench.code(FileStatus, { name: 'x' })).toEqual([8, 2]);
    expect(bench.code(FileStatus, { name: '/lfs1/d' })).toEqual([8, 4]);
    expect(bench.code(FileDownload, { name: '/lfs1', off: 0 })).toEqual([8, 4]);
    expect(bench.code(FileStatus, { name: '' })).toBe(3);
    expect(bench.code(FileStatus, { name: `/lfs1/${'x'.repeat(60)}` })).toBe(3);
    expect(bench.code(FileUpload, { name: '/sd/x', off: 0, len: 1, data: octets(1) })).toEqual([8, 14]);
    expect(bench.code(FileUpload, { name: '/lfs1/e/x', off: 0, len: 1, data: octets(1) })).toEqual([8, 14]);
    expect(bench.code(FileUpload, { name: '/lfs1/d/x', off: 0, len: 1, data: octets(1) })).toBe(0);
    expect(bench.code(FileUpload, { name: 'x', off: 0, len: 1, data: octets(1) })).toEqual([8, 2]);
    expect(bench.code(FileUpload, { name: '/lfs1/d', off: 0, len: 1, data: octets(1) })).toEqual([8, 1]);
    expect(bench.code(FileUpload, { name: '/lfs1/x', off: 0, data: octets(1) })).toBe(3);
    expect(bench.code(FileUpload, { name: '/lfs1/x', off: 0, len: 10, data: new Uint8Array(10) })).toEqual([8, 10]);
    expect(bench.code(FileHash, { name: '/lfs1/d/f', type: 'md5' })).toEqual([8, 13]);
    expect(bench.code(FileHash, { name: '/lfs1/d/f', type: 'shake-256' })).toBe(3);
    expect(bench.code(FileHash, { name: '/lfs1/d/f', off: 1 })).toEqual([8, 12]);
    expect(bench.code(FileHash, { name: '/lfs1/d/f', len: 0 })).toBe(3);
  });

  test('in the area of the settings are lost with it, and formatted at the next start', () => {
    const files = new ServerFiles({ inStorage: true, files: [[name, octets(1)]] });
    const bench = new Bench({ files });
    expect(bench.code(FileStatus, { name })).toBe(0);
    expect(bench.code(EraseStorage, {})).toBe(0);
    expect(bench.code(FileStatus, { name })).toEqual([8, 1]);
    expect(bench.code(FileUpload, { name, off: 0, len: 1, data: octets(1) })).toEqual([8, 1]);
    bench.server.stop();
    bench.server.start();
    bench.link = bench.connect();
    expect(bench.code(FileStatus, { name })).toEqual([8, 3]);
    expect(files.all.size).toBe(0);
  });
});

describe('settings', () => {
  test('outlive a reset when they were saved', () => {
    let saved: ReadonlyMap<string, Uint8Array> = new Map();
    const settings = new ServerSettings({ changed: (all) => (saved = new Map(all)) });
    const bench = new Bench({ settings });
    bench.value(SettingsWrite, { name: 'fw_loader/adv_name', val: new TextEncoder().encode('FL_1') });
    bench.value(SettingsSave, {});
    bench.value(SettingsWrite, { name: 'app/val', val: octets(1) });
    expect([...saved.keys()]).toEqual(['fw_loader/adv_name']);
    expect(bench.code(SettingsLoad, {})).toBe(0);
    expect(bench.code(SettingsRead, { name: 'app/val' })).toBe(0);
    bench.server.stop();
    bench.server.start();
    bench.link = bench.connect();
    expect(bench.code(SettingsRead, { name: 'app/val' })).toEqual([3, 3]);
    expect(bench.value(SettingsRead, { name: 'fw_loader/adv_name', maxSize: 2 }).val).toEqual(
      new TextEncoder().encode('FL'),
    );
    expect(bench.code(SettingsDelete, { name: 'fw_loader/adv_name' })).toBe(0);
    expect(saved.size).toBe(0);
  });

  test('a subtree is saved alone', () => {
    const settings = new ServerSettings();
    const bench = new Bench({ settings });
    for (const name of ['a/b', 'a/c', 'ab']) bench.value(SettingsWrite, { name, val: octets(1) });
    bench.value(SettingsSave, { name: 'a' });
    expect([...settings.saved.keys()]).toEqual(['a/b', 'a/c']);
    bench.value(EraseStorage, {});
    expect(settings.saved.size).toBe(0);
  });

  test('what cannot be, by its code', () => {
    const bench = new Bench({ settings: new ServerSettings({ roots: ['app'], canSave: false }) });
    expect(bench.code(SettingsRead, { name: 'x' })).toEqual([3, 5]);
    expect(bench.code(SettingsWrite, { name: 'x/y', val: octets() })).toEqual([3, 5]);
    expect(bench.code(SettingsWrite, { name: 'app/y', val: new Uint8Array(33) })).toEqual([3, 1]);
    expect(bench.code(SettingsRead, { name: `app/${'x'.repeat(28)}` })).toEqual([3, 2]);
    expect(bench.code(SettingsDelete, { name: '' })).toBe(3);
    expect(bench.code(SettingsDelete, { name: 'app/y' })).toEqual([3, 3]);
    expect(bench.code(SettingsSave, {})).toEqual([3, 8]);
    expect(bench.rawCode(SettingsRead, new Map())).toBe(3);
  });
});

describe('shell', () => {
  test('hands words to the application, from one text or many', () => {
    const lines: (readonly string[])[] = [];
    const shell = (argv: readonly string[]) => {
      lines.push(argv);
      return argv[0] === 'mesh' ? { output: 'Index: 0', ret: 0 } : undefined;
    };
    const bench = new Bench({ shell });
    expect(bench.value(ShellExecute, { argv: ['mesh models', 'dfu'] })).toEqual({ o: 'Index: 0', ret: 0 });
    expect(bench.value(ShellExecute, { argv: ['no', 'idea'] })).toMatchObject({ ret: -8 });
    expect(lines).toEqual([
      ['mesh', 'models', 'dfu'],
      ['no', 'idea'],
    ]);
    expect(bench.code(ShellExecute, { argv: [] })).toEqual([9, 3]);
    expect(bench.code(ShellExecute, { argv: ['x'.repeat(256)] })).toEqual([9, 2]);
    expect(bench.value(ShellExecute, { argv: [' '] })).toMatchObject({ ret: -8 });
  });

  test('knows its kernel', () => {
    const bench = new Bench({ personality: 'zephyr-3.4.99' });
    expect(bench.value(ShellExecute, { argv: ['kernel', 'version'] }).o).toContain('3.4.99');
    expect(bench.value(ShellExecute, { argv: ['reboot'] })).toMatchObject({ ret: -8 });
  });
});

describe('statistics, enumeration, log', () => {
  test('counters are asked each time', () => {
    let ticks = 7;
    const statistics = new Map([
      [
        'svr',
        new Map<string, number | (() => number)>([
          ['ticks', () => ticks++],
          ['fixed', 3],
        ]),
      ],
    ]);
    const bench = new Bench({ statistics });
    expect(bench.value(StatisticsRead, { name: 'svr' }).fields.get('ticks')).toBe(7);
    expect(bench.value(StatisticsRead, { name: 'svr' }).fields).toEqual(
      new Map([
        ['ticks', 8],
        ['fixed', 3],
      ]),
    );
    expect(bench.value(StatisticsList, {})).toEqual({ statList: ['svr'] });
    expect(bench.code(StatisticsRead, { name: '' })).toBe(3);
    expect(bench.code(StatisticsRead, { name: 'x'.repeat(32) })).toBe(3);
  });

  test('groups that are left out are not enumerated, those of the application are', () => {
    const handlers = [{ group: 66, command: 2, op: 0, run: () => ({ kind: 'map', map: new Map() }) as const }];
    const bench = new Bench({ without: [8, 9], handlers });
    expect(bench.code(FileStatus, { name: '/lfs1/x' })).toBe(8);
    expect(bench.value(EnumerationCount, {})).toEqual({ count: 6 });
    const { groups } = bench.value(EnumerationDetails, {});
    expect(groups.map(({ group }) => group)).toEqual([10, 0, 3, 2, 63, 66]);
    expect(groups.at(-1)).toEqual({ group: 66, name: 'SUIT', handlers: 3 });
    expect(bench.value(EnumerationSingle, { index: 5 })).toEqual({ group: 66, end: true });
    expect(new Bench({ personality: 'zephyr-3.4.99' }).code(EnumerationCount, {})).toBe(8);
  });

  test('the log is shown in parts that fit, and emptied', () => {
    const entries = Array.from({ length: 20 }, (_, index) => ({
      msg: `entry ${index}`,
      ts: index * 1000,
      level: 1,
      index,
      module: 0,
    }));
    const bench = new Bench({ log: [{ name: 'app', type: 0, entries }] });
    const shown: number[] = [];
    for (let index: number | bigint = 0; ; ) {
      const { nextIndex = 0, logs }: LogShowAnswer = bench.value(LogShow, { index, logName: 'app' });
      if (logs[0]!.entries.length === 0) break;
      for (const entry of logs[0]!.entries) shown.push(Number(entry.index));
      index = nextIndex;
    }
    expect(shown).toEqual(entries.map(({ index }) => index));
    expect(bench.value(LogShow, { logName: 'other' }).logs).toEqual([]);
    expect(bench.value(LogShow, { ts: 18_000n }).logs[0]?.entries).toHaveLength(2);
    expect(bench.value(LogList, {})).toEqual({ logList: ['app'] });
    expect(bench.value(LogLevels, {}).levelMap.get('WARN')).toBe(2);
    expect(bench.code(LogModules, {})).toBe(0);
    expect(bench.code(LogClear, {})).toBe(0);
    expect(bench.value(LogShow, {}).logs[0]?.entries).toEqual([]);
    expect(new Bench().code(LogList, {})).toBe(8);
  });
});
