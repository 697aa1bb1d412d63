/**
 * The meshferry command: firmware updates over Bluetooth Mesh from a terminal.
 *
 * ```sh
 * meshferry demo                                                       # a whole update of ten simulated nodes
 * meshferry dfu run dfu_application.zip --bearer sim:targets=10,loss=0.1
 * ```
 *
 * @packageDocumentation
 */
export { main } from './main.ts';
export { ExitCode } from './shell/exit.ts';
export type { Io, Signals, TextSink } from './shell/io.ts';
export { processIo } from './shell/process-io.ts';
