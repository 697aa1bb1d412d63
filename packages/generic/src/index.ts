/**
 * Generic OnOff of Bluetooth Mesh: the smallest model with a state, a transition and a publication, and the example for
 * models of your own.
 *
 * ```ts
 * import { GenericOnOffSet } from '@meshferry/generic';
 *
 * GenericOnOffSet.encode({ onOff: 1, tid: 5, transitionTime: undefined, delay: undefined }); // 82 02 01 05
 * ```
 *
 * @packageDocumentation
 */
export * from './on-off-messages.ts';
export * from './transition-time.ts';
