/** Helpers for tests of packages that stand on the access layer; not published. */
export { arbitraryOctets, arbitraryOf, type Overrides } from './arbitrary.ts';
export { Link } from './link.ts';
