import { int64, key, list, record, text } from '../fields.ts';
import { SmpGroup } from '../groups.ts';
import { command, type Empty, type SmpCommand } from '../message.ts';

const group = SmpGroup.statistics;
const source = 'smp section 4.7';

/** Answer to {@link StatisticsRead}. */
export interface StatisticsGroup {
  readonly name: string;
  readonly fields: ReadonlyMap<string, number | bigint>;
}

/** Asks for the statistics of a group of them. */
export const StatisticsRead: SmpCommand<{ readonly name: string }, StatisticsGroup> = command({
  name: 'statistics read',
  group,
  command: 0,
  op: 'read',
  source,
  request: { name: text() },
  response: { name: text(), fields: record(int64()) },
});

/** Answer to {@link StatisticsList}. */
export interface StatisticsNames {
  readonly statList: readonly string[];
}

/** Asks for the names of the groups of statistics. */
export const StatisticsList: SmpCommand<Empty, StatisticsNames> = command({
  name: 'statistics list',
  group,
  command: 1,
  op: 'read',
  source,
  response: { statList: key('stat_list', list(text())) },
});
