/** For tests of packages that stand on the access layer, which import it as `../../access/src/testing/index.ts`; not published. */
export { arbitraryOctets, arbitraryOf, type Overrides } from './arbitrary.ts';
export { Link } from './link.ts';
export { testMessageCodecs, type Values } from './properties.ts';
