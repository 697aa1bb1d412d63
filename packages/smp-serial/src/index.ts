/**
 * SMP over a serial line: the framing of the console, and the port.
 *
 * @packageDocumentation
 */
export {};
