/**
 * Access layer of Bluetooth Mesh: messages declared once, elements, models, composition data.
 *
 * @packageDocumentation
 */
export {};
