/** Remote Provisioning Link state [4.2.37]. */
export const RpState = { idle: 0, opening: 1, active: 2, outbound: 3, closing: 4 } as const;
export type RpState = (typeof RpState)[keyof typeof RpState];

/** Remote Provisioning Scan state [4.2.35]. */
export const RpScanning = { idle: 0, multiple: 1, single: 2 } as const;

/** What a node does to itself over NPPI, by number on air [3.11.8]. */
export const NPPI_PROCEDURES = ['device-key', 'address', 'composition'] as const;
/** Device Key, Node Address and Node Composition Refresh. */
export type NppiProcedure = (typeof NPPI_PROCEDURES)[number];

/** Reasons on air: of Link Close and Link Report. */
export const CLOSE_REASONS = ['success', 'timeout', 'fail'] as const;
