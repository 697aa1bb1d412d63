/**
 * Access layer of Bluetooth Mesh: messages declared once, elements, models, composition data.
 *
 * ```ts
 * import { AccessLayer, message, Model, u8 } from '@meshferry/access';
 *
 * const LampSet = message({
 *   name: 'Lamp Set', opcode: vendorOpcode(0x0059, 0x01), response: 'Lamp Status', source: 'example', fields: { level: u8() },
 * });
 * const LampStatus = message({ name: 'Lamp Status', opcode: vendorOpcode(0x0059, 0x02), source: 'example', fields: { level: u8() } });
 *
 * const lamp = new Model({ id: 0x0059_0001, name: 'Lamp Server' });
 * lamp.handle(LampSet, ({ level }, context) => lamp.reply(context, LampStatus, { level }));
 *
 * const access = new AccessLayer({ clock, random, store, crypto, address, identity });
 * access.addElement(0, [lamp]);
 * access.connect(network);
 * lamp.bind(0);
 * ```
 *
 * @packageDocumentation
 */
export * from './access-layer.ts';
export type { Attachment } from './attachment.ts';
export * from './bit-stream.ts';
export * from './catalogue.ts';
export * from './composition.ts';
export * from './composition-messages.ts';
export * from './composition-profiles.ts';
export * from './composition-relations.ts';
export * from './contract.ts';
export type { AccessCounters } from './delivering.ts';
export * from './fields.ts';
export * from './message.ts';
export { type Handler, Model, type ModelSecurity, type ModelSpec, type Publishing, type Receiver } from './model.ts';
export * from './models-metadata.ts';
export * from './opcode.ts';
export {
  fastPeriodMs,
  type Publication,
  type PublicationSettings,
  publishPeriodMs,
  publishPeriodOf,
  publishRetransmit,
  publishRetransmitOf,
} from './publication.ts';
export type { Publisher } from './publisher.ts';
export * from './request.ts';
export type { Subscription, SubscriptionList } from './subscriptions.ts';
