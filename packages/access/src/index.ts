/**
 * Access layer of Bluetooth Mesh: messages declared once, elements, models, composition data.
 *
 * @packageDocumentation
 */
export * from './bit-stream.ts';
export * from './contract.ts';
export * from './fields.ts';
export * from './message.ts';
export * from './opcode.ts';
