/**
 * A bearer of one's own: UDP multicast that does not leave this computer. All processes that open the same URI are in one
 * air, so a mesh of several programs can be tried without a radio: `--bearer udp:239.255.77.70:5077`, together with
 * `--bearer-plugin @meshferry/example-custom-bearer`. A datagram: 8 octets that name its sender, the AD type, the data.
 *
 * @packageDocumentation
 */
import type { Advertising, Bearer, BearerGround, BearerPlugin, Heard, Sent } from '@meshferry/bearer';
import { concat, equal, type MeshError, type Timer, toMeshError } from '@meshferry/core';
import { join, problem } from './multicast.ts';

const [SENDER, HEADER, DATA_MAX, RSSI_UNKNOWN] = [8, 9, 29, 127] as const;

/** What is sent, or waits for one of the sets. */
interface Job {
  readonly datagram: Uint8Array;
  readonly intervalMs: number;
  left: number;
  start?: number;
  timer?: Timer;
  done?: ((outcome: Sent | MeshError) => void) | undefined;
}

async function open(uri: string, { clock, random }: BearerGround): Promise<Bearer> {
  const air = await join(uri);
  const sender = random.bytes(SENDER);
  const waiting = new Set<Job>();
  const onAir = new Set<Job>();
  const listeners = new Set<{ readonly types: readonly number[]; readonly heard: (ad: Heard) => void }>();
  let ended: MeshError | undefined;

  /** Sends one copy. An interval later the set sends the next one, or what waits. */
  function transmit(job: Job): void {
    waiting.delete(job);
    onAir.add(job);
    job.start ??= clock.now;
    const isLast = --job.left <= 0;
    air.send(job.datagram, (error) => {
      if (error !== undefined) finish(job, error);
      else if (isLast) finish(job, { start: job.start as number, end: clock.now });
    });
    job.timer = clock.after(isLast ? advertising.minIntervalMs : job.intervalMs, () => {
      onAir.delete(job);
      const [next] = isLast || job.done === undefined ? waiting : [job];
      if (next !== undefined) transmit(next);
    });
  }

  const advertising: Advertising = {
    sets: 4,
    minIntervalMs: 1,
    send: ({ type, data }, { count, intervalMs }, done) => {
      const datagram = concat(sender, Uint8Array.of(type), data);
      const job: Job = { datagram, intervalMs: Math.max(intervalMs, 1), left: count, done };
      const refusal =
        data.length > DATA_MAX ? problem('ad-too-long', `${data.length} octets, 29 fit`, 'Segment it.') : ended;
      if (refusal !== undefined) clock.after(0, () => finish(job, refusal));
      else if (onAir.size < advertising.sets) transmit(job);
      else waiting.add(job);
      return () => {
        waiting.delete(job);
        job.done = undefined;
      };
    },
    receive: (types, heard) => {
      const listener = { types, heard };
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };

  air.listen((datagram) => {
    const [from, type, data] = [datagram.subarray(0, SENDER), datagram[SENDER] ?? 0, datagram.slice(HEADER)];
    if (datagram.length < HEADER || data.length > DATA_MAX || equal(from, sender)) return;
    const ad = { type, data, rssi: RSSI_UNKNOWN, at: clock.now };
    for (const { types, heard } of listeners) if (types.includes(type)) heard(ad);
  });

  return {
    advertising,
    close: () => {
      ended ??= problem('bearer-closed', 'it was closed', 'Open it again.');
      air.close();
      listeners.clear();
      for (const job of [...onAir, ...waiting]) {
        job.timer?.cancel();
        finish(job, ended);
      }
      waiting.clear();
    },
  };
}

function finish(job: Job, outcome: Sent | MeshError): void {
  const { done } = job;
  job.done = undefined;
  done?.(outcome);
}

/** What the scheme of a URI leads to. */
export const bearer: BearerPlugin = {
  scheme: 'udp',
  summary: 'UDP multicast on this computer',
  uris: ['udp:239.255.77.70:5077'],
  check: () =>
    join('udp:239.255.77.70:5077').then(
      (air) => air.close() ?? null,
      (error) => toMeshError(error),
    ),
  open,
};
