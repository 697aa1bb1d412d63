import { describePackets, type SmpTraceEvent } from '@meshferry/smp';
import type { Shell } from '../shell/shell.ts';

/** Logs every packet in words at level `debug`; it costs nothing where nobody reads it. */
export function tracePackets({ log, options }: Shell): (event: SmpTraceEvent) => void {
  if (options.log !== 'debug') return () => {};
  return (event) => {
    for (const packet of describePackets(event.packet)) {
      log('debug', `smp ${event.kind}`, { packet, ...(event.kind === 'dropped' && { reason: event.reason }) });
    }
  };
}
