/** A connected socket as the stream of an emulated controller, for tests of other packages. */
export { socketStream } from '@meshferry/byte-streams';
