/**
 * What a bearer is, and the wrappers that go round any of them: faults, capture, trace.
 *
 * @packageDocumentation
 */
export * from './contract.ts';
