/**
 * SMP over UDP.
 *
 * @packageDocumentation
 */
export {};
