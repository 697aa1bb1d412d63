import { AD_SERVICE_DATA, decodeAdStructures, type Heard } from '@meshferry/bearer';
import type { Clock } from '@meshferry/core';
import type { Report, ReportKind } from './reports.ts';

/** Kinds of advertising that may carry service data (a solicitation may come from a phone, connectable). */
const WITH_SERVICE_DATA: ReadonlySet<ReportKind> = new Set(['nonconnectable', 'connectable', 'scannable']);

/**
 * Takes the AD structures of the given types out of reports. Those of the mesh come in ADV_NONCONN_IND alone: in any other
 * PDU they are ignored [Mesh Protocol 1.1, 3.3.1].
 */
export function receiveStructures(
  clock: Clock,
  types: readonly number[],
  heard: (ad: Heard) => void,
): (report: Report) => void {
  return ({ kind, data, rssi }) => {
    if (kind !== 'nonconnectable' && !WITH_SERVICE_DATA.has(kind)) return;
    for (const { type, data: octets } of decodeAdStructures(data)) {
      if (!types.includes(type) || (kind !== 'nonconnectable' && type !== AD_SERVICE_DATA)) continue;
      heard({ type, data: octets.slice(), rssi, at: clock.now });
    }
  };
}
