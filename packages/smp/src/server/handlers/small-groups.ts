import type { CborValue } from '../../cbor.ts';
import { SmpGroup } from '../../groups.ts';
import { EraseStorage } from '../../messages/basic.ts';
import { ShellExecute } from '../../messages/shell.ts';
import { StatisticsList, StatisticsRead } from '../../messages/statistics.ts';
import type { ServerFiles } from '../files.ts';
import { answer, answerMap, groupError, type Handler, handle, layerError } from '../reply.ts';
import type { ShellOutput } from '../server-options.ts';
import type { ServerSettings } from '../settings-store.ts';
import type { GroupGround } from './ground.ts';

const INVALID_VALUE = 3;
const UNKNOWN_STATISTIC = 3;
/** CONFIG_MCUMGR_GRP_STAT_MAX_NAME_LEN. */
const STATISTIC_NAME_OCTETS = 32;
const COMMAND_TOO_LONG = 2;
const NO_COMMAND = 3;
/** CONFIG_MCUMGR_GRP_SHELL_MAX_LINE_LEN and the number that an unknown command returns: ENOEXEC. */
const LINE_OCTETS = 256;
const NOT_EXECUTABLE = -8;

const STATISTICS: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map([
  ['smp_svr_stats', new Map([['ticks', 0]])],
]);

/** The statistics group [spec: smp section 4.7]. */
export function statisticsHandlers({ options, personality }: GroupGround): Handler[] {
  const statistics = options.statistics ?? STATISTICS;
  return [
    handle(StatisticsRead, ({ name }) => {
      if (name === undefined || name === '' || name.length >= STATISTIC_NAME_OCTETS) return layerError(INVALID_VALUE);
      const group = statistics.get(name);
      if (group === undefined) return groupError(personality.statisticsErrors, UNKNOWN_STATISTIC);
      const fields = new Map<string, number>();
      for (const [field, value] of group) fields.set(field, typeof value === 'number' ? value : value());
      return answer({ name, fields });
    }),
    handle(StatisticsList, () => {
      const names = [...statistics.keys()];
      if (!personality.statisticsListRc) return answer({ statList: names });
      return answerMap(
        new Map<CborValue, CborValue>([
          ['rc', 0],
          ['stat_list', names],
        ]),
      );
    }),
  ];
}

/** The shell group: a line, by words or whole. */
export function shellHandlers({ options, personality }: GroupGround): Handler[] {
  const execute = options.shell ?? ((argv: readonly string[]) => kernelShell(argv, personality.version));
  return [
    handle(ShellExecute, ({ argv }) => {
      if (argv === undefined) return layerError(INVALID_VALUE);
      if (argv.length === 0) return groupError(SmpGroup.shell, NO_COMMAND);
      const line = argv.join(' ');
      if (new TextEncoder().encode(line).length >= LINE_OCTETS) return groupError(SmpGroup.shell, COMMAND_TOO_LONG);
      const words = line.split(/\s+/).filter((word) => word !== '');
      const { output, ret } = execute(words) ?? {
        output: `\r\n${words[0] ?? ''}: command not found\r\n`,
        ret: NOT_EXECUTABLE,
      };
      return answer({ o: output, ret });
    }),
  ];
}

function kernelShell(argv: readonly string[], version: string): ShellOutput | undefined {
  if (argv.join(' ') !== 'kernel version') return undefined;
  return { output: `\r\nZephyr version ${version}\r\n`, ret: 0 };
}

/** The Zephyr basic group: erases the area of the settings, and of what else is in it. */
export function basicHandlers(settings: ServerSettings, files: ServerFiles): Handler[] {
  return [
    handle(EraseStorage, () => {
      settings.erase();
      if (files.inStorage) files.damage();
      return answer({});
    }),
  ];
}
