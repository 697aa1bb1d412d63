/**
 * Generic OnOff of Bluetooth Mesh: the smallest models with a state, a transition, a transaction and a publication, and
 * the example for models of your own.
 *
 * ```ts
 * import { GenericOnOffClient, GenericOnOffServer } from '@meshferry/generic';
 *
 * // On a lamp:
 * const server = new GenericOnOffServer({ changed: (onOff) => relay.write(onOff) });
 * access.addElement(0, [server.model]);
 *
 * // On a switch: all lamps of a group, then one lamp and its answer.
 * const client = new GenericOnOffClient();
 * client.setUnacknowledged(1, { dst: 0xc001 });
 * client.set(0, { dst: 0x0010 }, {}, (outcome) => console.log(outcome));
 * ```
 *
 * @packageDocumentation
 */
export * from './on-off-client.ts';
export * from './on-off-messages.ts';
export * from './on-off-server.ts';
export { TRANSACTION_MS } from './transactions.ts';
export * from './transition-time.ts';
