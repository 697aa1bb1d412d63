import { DEFAULT_SAR_TRANSMITTER } from '@meshferry/network';
import { HONEST_RADIO, ZEPHYR_CONTROLLER } from '@meshferry/sim';
import type { CalibrationRow } from './calibration-rows.ts';
import { PEERS, TIMEOUT_BASE } from './calibration-run.ts';

/** Network Transmit of a node that nobody has configured. */
const DEFAULT_TRANSMIT = { count: 3, intervalMs: 20 };

/** What one row came to. */
export interface CalibrationResult {
  readonly row: CalibrationRow;
  readonly mean: number;
  /** Standard deviation over the seeds. */
  readonly deviation: number;
  /** Percent of what was measured. */
  readonly off: number;
  /** Undefined for rows without a tolerance. */
  readonly within: boolean | undefined;
}

export function resultOf(row: CalibrationRow, seconds: readonly number[]): CalibrationResult {
  const mean = seconds.reduce((sum, each) => sum + each, 0) / seconds.length;
  const squares = seconds.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  const off = (100 * (mean - row.measured)) / row.measured;
  const within = row.tolerance === undefined ? undefined : Math.abs(off) <= row.tolerance;
  return { row, mean, deviation: Math.sqrt(squares / Math.max(1, seconds.length - 1)), off, within };
}

const HEAD = ['case', 'measured s', 'model s', 'here s, mean ± sd', 'seeds', 'off', 'allowed', 'within'];

/** The rows as a Markdown table, columns aligned. */
export function calibrationTable(results: readonly CalibrationResult[]): string {
  return markdownTable([HEAD, ...results.map(cellsOf)]);
}

function cellsOf({ row, mean, deviation, off, within }: CalibrationResult): string[] {
  return [
    row.name,
    String(row.measured),
    row.model === undefined ? '–' : String(row.model),
    `${mean.toFixed(0)} ± ${deviation.toFixed(1)}`,
    String(row.seeds),
    `${off < 0 ? '−' : '+'}${Math.abs(off).toFixed(1)} %`,
    row.tolerance === undefined ? '–' : `± ${row.tolerance} %`,
    within === undefined ? '–' : within ? 'yes' : 'NO',
  ];
}

/** What radio, sender and peers were, from the code that they run. `scanMisses`: share of events that fell between scan windows. */
export function parameterTable(scanMisses: number): string {
  const { packetGapMs, scanWindowMs, hopGapMs, advertisingDelayMs } = HONEST_RADIO;
  const { intervalMs, sets, holdMs = 0, hostMs = [0, 0] } = ZEPHYR_CONTROLLER;
  const { count } = DEFAULT_TRANSMIT;
  const sar = DEFAULT_SAR_TRANSMITTER;
  const paceMs = (count - 1) * (intervalMs + advertisingDelayMs / 2) + holdMs;
  return markdownTable([
    ['part', 'parameter', 'value'],
    ['radio', 'event', `three packets of 8·(16 + L) µs on 37, 38, 39, ${packetGapMs.join('…')} ms apart`],
    ['', 'receiver', `one channel for ${scanWindowMs} ms, then the next; deaf 0…${hopGapMs} ms after each hop`],
    ['', 'missed by that alone', `${(100 * scanMisses).toFixed(1)} % of events`],
    ['', 'besides', 'half-duplex; packets that overlap on a channel are lost; no other loss'],
    ['controllers', 'advertising interval', `${intervalMs} ms + 0…${advertisingDelayMs} ms random, ${sets} set`],
    ['', 'from the last event of a PDU to the next PDU', `${holdMs} ms`],
    ['', 'host round trip to enable an idle set', `${hostMs.join('…')} ms`],
    [
      'sender',
      'settings',
      `stock; Network Transmit ${count} × ${DEFAULT_TRANSMIT.intervalMs} ms: a PDU every ${paceMs.toFixed(1)} ms`,
    ],
    [
      '',
      'SAR multicast',
      `${sar.multicastRetransmissionsCount + 1} passes, ${25 * (sar.multicastRetransmissionsIntervalStep + 1)} ms`,
    ],
    ['', 'SAR segment interval', `${10 * (sar.segmentIntervalStep + 1)} ms`],
    ['', 'chunks, blocks', '377 octets, 4096 octets'],
    ['', 'timeout base', `${TIMEOUT_BASE}: a lost answer costs ${2 * (TIMEOUT_BASE + 2)} s and 20 ms × TTL`],
    ['peers', 'of the URI', `\`${PEERS}\`, one hop, no relays`],
    ['', 'answers', 'start 2.7 to 4 ms after the start of the request, no random response delay'],
  ]);
}

function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join('\n');
}
