/**
 * A simulated radio and simulated mesh nodes that run the real stack.
 *
 * @packageDocumentation
 */
export {};
